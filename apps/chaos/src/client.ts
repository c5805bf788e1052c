import { isFinal, type Json, type Run, type Store } from '@prusik/core';
import { createEngine, type Engine } from '@prusik/durable';
import { workload, type WorkOutput } from './workload.ts';
import type { Plan, RunPlan } from './plan.ts';

const TENANT = 'default';
const LOOK_EVERY_MS = 20;
const OPEN_RUNS_A_WORKER = 5;
const FIRST_SIGNAL = 'first';
const LATER_SIGNAL = 'later';

/** Those outside: start runs, some twice; send signals, each twice; decide what is asked, each twice, the second time otherwise. */
export interface Client extends AsyncDisposable {
  /** Starts all runs, a few at a time, and answers whatever is asked until every run has ended. @throws the signal's reason */
  serve(signal: AbortSignal, onProgress: (ended: number) => void): Promise<void>;
  /** What a second start, signal or decision got that it must not. */
  readonly contradictions: readonly string[];
}

export function createClient(store: Store, plan: Plan): Client {
  const engine: Engine = createEngine({ store, definitions: workload(() => {}) });
  const contradictions: string[] = [];
  const signalled = new Set<string>();
  // With a backlog, what a lost worker held would stand behind older runs, and a zombie would wake before anybody took over.
  const mostOpen = plan.options.workers * OPEN_RUNS_A_WORKER;
  let started = 0;

  async function start(run: RunPlan): Promise<void> {
    const input = run as unknown as Json;
    const session = run.session === null ? {} : { session: { id: run.session, whenBusy: 'queue' as const } };
    const once = (): Promise<Run> => engine.start('work', input, { id: run.id, ...session });
    await Promise.all(run.startTwice ? [once(), once()] : [once()]);
    if (run.signal === 'early') await sendSignal(run.id);
  }

  async function sendSignal(id: string): Promise<void> {
    signalled.add(id);
    const key = { tenant: TENANT, run: id };
    await engine.signal(key, 'go', FIRST_SIGNAL);
    const again = await engine.signal(key, 'go', LATER_SIGNAL);
    if (again.outcome === 'delivered') contradictions.push(`${id} took the same signal twice`);
  }

  async function answerRequests(): Promise<void> {
    const { items } = await store.listRequests({ tenant: TENANT, status: ['open'], limit: 1_000 });
    for (const { run, id, kind } of items) {
      const approval = kind === 'approval';
      const first = await engine.decide(
        run,
        id,
        approval ? { status: 'approved' } : { status: 'answered', value: { choice: 'happened', output: 'in doubt' } },
      );
      if (first.outcome !== 'decided') continue;
      const second = await engine.decide(
        run,
        id,
        approval ? { status: 'rejected' } : { status: 'answered', value: { choice: 'fail' } },
      );
      if (second.outcome !== 'already') contradictions.push(`${run.run} took a second decision about ${id}`);
    }
  }

  /** Says how many of the plan's runs have ended. */
  async function look(): Promise<number> {
    const { items } = await store.listRuns({ tenant: TENANT, definition: ['work'], limit: 1_000 });
    for (const run of items) {
      const planned = plan.runs.find(({ id }) => id === run.key.run);
      if (run.status === 'waiting' && planned?.signal === 'late' && !signalled.has(run.key.run))
        await sendSignal(run.key.run);
    }
    return items.filter(({ status }) => isFinal(status)).length;
  }

  return {
    contradictions,
    async serve(signal, onProgress) {
      for (;;) {
        signal.throwIfAborted();
        // In the order of the plan, and the runs of a session one after the other: they enter its queue in that order.
        const ended = await look();
        for (const run of plan.runs.slice(started, ended + mostOpen)) {
          await start(run);
          started += 1;
        }
        await answerRequests();
        onProgress(ended);
        if (ended === plan.runs.length) return;
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    },
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}

/** What a run must have said, by its plan. */
export function expectedOutput(run: RunPlan): WorkOutput {
  return {
    signal: run.signal === null ? null : FIRST_SIGNAL,
    decision: run.approval ? 'approved' : null,
    children: Array.from({ length: run.children }, (_, n) => n * 10),
  };
}
