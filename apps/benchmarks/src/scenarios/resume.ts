import type { DurableContext, Message, Store } from '@prusik/core';
import type { Engine } from '@prusik/durable';
import { createSessions } from '@prusik/sessions';
import { alternate, atMostTimes, timed, toRow } from '../measure.ts';
import { openRawJournal, type RawJournal } from '../raw-sqlite.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { keyOf, withEngine } from '../workload.ts';

const messageOf = (n: number): Message => ({
  v: 1,
  id: `message-${n}`,
  role: 'assistant',
  kind: 'assistant',
  content: [{ type: 'text', text: `${n} `.padEnd(600, 'message ') }],
});

/** Called when a function has everything back that it had before it was parked. */
let onResumed: (() => void) | undefined;

/** Appends a message a step, then waits. */
const talk = {
  name: 'talk',
  kind: 'function',
  version: '1',
  async run(ctx: DurableContext, messages: number): Promise<null> {
    for (let n = 1; n <= messages; n += 1) {
      await ctx.step(`say-${n}`, (step) => {
        step.append(messageOf(n));
        return n;
      });
    }
    const read = await ctx.thread.read();
    if (read.length !== messages) throw new Error(`There are ${read.length} messages, not ${messages}`);
    onResumed?.();
    await ctx.receive('go');
    return null;
  },
} as const;

/** A write has a thousand at most. So few, that the test of this package, which counts a fiftieth, has several such runs as well. */
const MESSAGES_A_RUN = 50;

/** Tells a session the messages up to the number that the input says, from the one after the last full write on. */
const tell = {
  name: 'tell',
  kind: 'function',
  version: '1',
  openingMessages(last: unknown): readonly Message[] {
    const length = ((Number(last) - 1) % MESSAGES_A_RUN) + 1;
    return Array.from({ length }, (_, index) => messageOf(Number(last) - length + index + 1));
  },
  run: async (): Promise<null> => null,
} as const;

/** Milliseconds until the function goes on where it was. */
interface Resumed {
  /** From the claim's answer: journal and messages are read, folded and handed over. */
  readonly loading: number;
  /** From the call of `drive()`, the claim's transaction included. */
  readonly called: number;
}

/** The wait ends by a signal, so the run can be claimed. */
async function resumeRun(engine: Engine, claimedAt: ClaimTimes, id: string): Promise<Resumed> {
  await engine.signal(keyOf(id), 'go', null);
  const start = performance.now();
  let resumedAt = Number.NaN;
  onResumed = () => (resumedAt = performance.now());
  await engine.drive(keyOf(id));
  onResumed = undefined;
  return { loading: resumedAt - (claimedAt.get(id) ?? Number.NaN), called: resumedAt - start };
}

/** When the store answered the claim of each run. */
type ClaimTimes = Map<string, number>;

/** The same store; it notes when a claim was answered, which nobody outside the engine can see. */
function noting(store: Store, claimedAt: ClaimTimes): Store {
  return {
    ...store,
    async claim(query) {
      const answer = await store.claim(query);
      for (const { run } of answer.claims) claimedAt.set(run.key.run, performance.now());
      return answer;
    },
  };
}

/** What the floor reads: the very same bodies in tables of its own. */
async function fill(journal: RawJournal, engine: Engine, id: string): Promise<void> {
  const { store } = engine;
  const limit = 1_000;
  for (let after = 0; ; after += limit) {
    const page = await store.entries(keyOf(id), { after, limit });
    journal.inTransaction(() => {
      for (const entry of page) journal.insertEntry(1, entry.seq, JSON.stringify(entry));
    });
    if (page.length < limit) break;
  }
  for (let after = 0; ; after += limit) {
    const page = await store.messages({ tenant: 'default', of: 'run', id }, { after, limit });
    journal.inTransaction(() => {
      for (const { n, message } of page) journal.insertMessage(1, n, JSON.stringify(message));
    });
    if (page.length < limit) break;
  }
}

const scenario = 'resume';
const unit = 'ms';

export const resume: Scenario = {
  name: scenario,
  about: 'a run or session of 10 to 5,000 messages, read and replayed; floor: raw select and JSON.parse',
  async run(bench: Bench) {
    const results = [];
    for (const size of [10, 100, 1_000, 5_000]) {
      const messages = bench.count(size);
      const path = bench.newPath();
      // Its commits are no part of the question, and without syncs it is read as often as it takes.
      const workbench = { path, synchronous: 'normal', definitions: [talk, tell], limits: { parkAfterMs: 0 } } as const;
      const journal = openRawJournal(bench.newPath(), 'normal');
      try {
        // A run that was resumed has ended, so each round has one of its own, the warm-up included.
        const ids = Array.from({ length: bench.rounds + 1 }, (_, index) => `talk-${index}`);
        await withEngine(workbench, async (engine) => {
          for (const id of ids) {
            bench.signal.throwIfAborted();
            await engine.run('talk', messages, { id });
          }
          for (let told = 0; told < messages; told += MESSAGES_A_RUN) {
            const last = Math.min(told + MESSAGES_A_RUN, messages);
            await engine.run('tell', last, { session: { id: 'long' } });
          }
          await fill(journal, engine, 'talk-0');
        });
        // As another process finds it: nothing of the runs is in memory.
        const claimedAt: ClaimTimes = new Map();
        const called: number[] = [];
        const wrap = (store: Store): Store => noting(store, claimedAt);
        const samples = await withEngine({ ...workbench, wrap }, async (engine) => {
          const left = ids.values();
          const session = await createSessions(engine).open('long');
          return alternate(bench, {
            floor: () => timed(() => [journal.entries(1), journal.messages(1)]),
            async run() {
              const resumed = await resumeRun(engine, claimedAt, left.next().value ?? '');
              called.push(resumed.called);
              return resumed.loading;
            },
            sessionFloor: () => timed(() => journal.messages(1)),
            session: () => timed(() => session.window({ bytes: Number.POSITIVE_INFINITY })),
          });
        });
        const ofRun = { scenario, subject: `run of ${messages} steps and messages`, unit };
        const ofSession = { scenario, subject: `session of ${messages} messages`, unit };
        results.push(
          { row: toRow(ofRun, samples.run, samples.floor), goal: atMostTimes(2.5) },
          // The first round warms up.
          { row: toRow({ ...ofRun, subject: `${ofRun.subject}, from drive()` }, called.slice(1), samples.floor) },
          { row: toRow(ofSession, samples.session, samples.sessionFloor), goal: atMostTimes(2.5) },
        );
      } finally {
        journal[Symbol.dispose]();
      }
    }
    return results;
  },
};
