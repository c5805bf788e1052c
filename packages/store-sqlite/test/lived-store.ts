import type { Message, RunImport, SessionImport, Store, ThreadKey } from '@prusik/core';
import { claimRun, end, newRun, note, park, runKey, startAndClaim } from './some-runs.ts';

/** When it was lived; the clock goes on from commit to commit. */
export const LIVED_AT = 1_700_000_000_000;

const RUNS = ['one', 'other', 'asks', 'talks', 'child', 'said', 'record'];
const SESSIONS = ['talk', 'fork', 'rewritten', 'archive'];
const digest = `sha256:${'1'.repeat(64)}`;
const message = (id: string, text = id): Message => ({
  v: 1,
  id,
  role: 'user',
  kind: 'user',
  content: [{ type: 'text', text }],
});
const talk = (session: string): { readonly tenant: string; readonly session: string } => ({ tenant: 'acme', session });

/** Writes of everything that has a journal or a thread, of several owners in turn. */
export async function live(store: Store): Promise<void> {
  const one = await startAndClaim(store, 'one', { messages: [message('o1')] });
  const other = await startAndClaim(store, 'other', { messages: [message('p1')] });
  for (let n = 2; n <= 150; n += 1) {
    await note(store, 'one', one, { messages: { from: n, items: [message(`o${n}`)] } });
    if (n <= 40) await note(store, 'other', other, { messages: { from: n, items: [message(`p${n}`)] } });
  }
  await note(store, 'one', one, { entries: [{ type: 'note', name: 'large', data: 'x'.repeat(300_000) }] });
  await note(store, 'one', one, { messages: { from: 151, items: [message('large', 'y'.repeat(300_000))] } });
  await park(store, 'other', other);
  await store.signal({ run: runKey('other'), kind: 'user', key: 'colour', body: 'red' });
  await store.start(newRun('asks', { messages: [message('a1')] }));

  const first = await startAndClaim(store, 'talks', {
    session: { id: 'talk', whenBusy: 'queue' },
    messages: [message('t1')],
  });
  await note(store, 'talks', first, {
    messages: { from: 2, items: [message('t2'), message('t3'), message('t4')] },
    slots: [{ name: 'basket', value: ['rope'] }],
    notes: [{ kind: 'goal', key: 'plan', data: 'climb' }],
    children: [
      newRun('child', { root: 'talks', parent: { run: 'talks', key: 'c' }, depth: 1, messages: [message('c1')] }),
    ],
  });
  await end(store, 'child', await claimRun(store, 'child'));
  await end(store, 'talks', first);
  await store.forkSession(talk('talk'), 'fork', 3);
  await store.cutMessages(talk('talk'), 3, 4);

  for (const id of ['said', 'said-again']) {
    const said = await startAndClaim(store, id, {
      session: { id: 'rewritten', whenBusy: 'queue' },
      messages: [message(`${id}-1`), message(`${id}-2`)],
    });
    await end(store, id, said);
  }
  await store.replaceMessages(talk('rewritten'), [message('summary')], 4);
  await store.compact({ tenant: 'acme', run: 'said' });
  await store.remove({ tenant: 'acme', run: 'said-again' });

  await store.importSession(ARCHIVE);
  await store.importRun(RECORD);
}

/** What can be read of it: all that a migration must leave as it is. */
export async function readAll(store: Store): Promise<unknown> {
  const page = { after: 0, limit: 1_000 };
  const runs = await Promise.all(
    RUNS.map(async (id) => ({
      run: await store.run(runKey(id)),
      entries: await store.entries(runKey(id), page),
      inbox: await store.inbox(runKey(id), page),
      ...(await threadOf(store, { tenant: 'acme', of: 'run', id })),
    })),
  );
  const sessions = await Promise.all(
    SESSIONS.map(async (id) => ({
      session: await store.session(talk(id)),
      ...(await threadOf(store, { tenant: 'acme', of: 'session', id })),
    })),
  );
  const { items } = await store.listRuns({ tenant: 'acme', limit: 99 });
  return JSON.parse(
    JSON.stringify({ runs, sessions, items, notes: await store.listNotes({ tenant: 'acme', limit: 99 }) }),
  );
}

async function threadOf(store: Store, thread: ThreadKey): Promise<object> {
  const messages = await store.messages(thread, { after: 0, limit: 1_000, hidden: true });
  return {
    head: await store.threadHead(thread),
    messages,
    shown: (await store.messages(thread, { after: 0, limit: 1_000 })).map(({ n }) => n),
    last: (await store.messages(thread, { before: Number.MAX_SAFE_INTEGER, limit: 2 })).map(({ n }) => n),
    found: await Promise.all(messages.map(async ({ message: { id } }) => (await store.message(thread, id))?.n ?? null)),
    slots: await store.slots(thread),
  };
}

const ARCHIVE: SessionImport = {
  session: { key: talk('archive'), createdAt: 1_000, floor: 2, cuts: [{ from: 4, to: 4 }] },
  messages: [3, 4, 5].map((n) => ({ n, message: message(`m${n}`) })),
  slots: [],
  grants: [],
  notes: [],
  blobs: [],
  imported: { digest },
  latest: 2_000,
};

/** An ended run with a thread of its own, as another store has lived it long ago. */
export const RECORD: RunImport = {
  run: {
    key: runKey('record'),
    kind: 'workflow',
    definition: 'order',
    version: '1',
    status: 'completed',
    input: null,
    inputHash: '',
    context: null,
    root: 'record',
    depth: 0,
    priority: 0,
    attended: true,
    createdAt: 1_000,
    endedAt: 1_100,
    epoch: 1,
    seq: 2,
    inbox: 0,
    cancelRequested: false,
    wakeAt: null,
  },
  entries: [
    { seq: 1, at: 1_000, type: 'run-start', definition: 'order', version: '1' },
    { seq: 2, at: 1_100, type: 'run-end', status: 'completed' },
  ],
  signals: [],
  messages: [7, 8].map((n) => ({ n, message: message(`r${n}`) })),
  requests: [],
  grants: [],
  notes: [],
  slots: [],
  blobs: [],
  imported: { digest },
  latest: 2_000,
};
