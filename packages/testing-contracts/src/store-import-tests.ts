import assert from 'node:assert/strict';
import {
  ARTIFACT_NOTE,
  type Entry,
  type GrantRecord,
  type Message,
  type NoteRecord,
  type RequestRecord,
  type Run,
  type RunImport,
  type SessionImport,
  type Store,
  type StoredMessage,
  type ThreadKey,
} from '@prusik/core';
import { message, newChild, newRequest, note } from './store-scenario.ts';
import type { StoreTest, StoreTestBed } from './store-test.ts';

const HOME = 'acme';
const AWAY = 'archive';
const page = { after: 0, limit: 1_000 } as const;
const DIGEST = `sha256:${'1'.repeat(64)}`;
const OTHER_DIGEST = `sha256:${'2'.repeat(64)}`;
const session = (tenant: string, id = 'talk') => ({ tenant, session: id }) as const;
const at = (run: string, tenant: string = AWAY) => ({ tenant, run }) as const;

/** A tree that has ended, with a row of every kind, some of them at other times than others. */
async function livedTree(bed: StoreTestBed, id: string): Promise<void> {
  const { store, clock, start, take, commit, end, signal } = bed;
  const blob = await store.putBlob(HOME, new TextEncoder().encode('rope'));
  await start(id, {
    messages: [message('m')],
    budget: { calls: 9 },
    priority: 3,
    context: { user: 'ann' },
    blobs: [blob.hash],
    rights: { levels: 2, deadlineAt: clock.now() + 1_000_000 },
    turn: { mode: 'conversation' },
  });
  const root = await take(id);
  await signal(id, 'user', 'hello', { said: 'hello' });
  clock.advance(10);
  await commit(root, {
    entries: [note('n', { deep: [1, null] })],
    messages: { from: 2, items: [message('m2')] },
    children: [newChild(`${id}-child`, id, { attended: false, messages: [message('of-the-child')] })],
    requests: [newRequest('ask'), newRequest('leave', { kind: 'approval', body: approvalBody, expiresAt: 9e12 })],
    notes: [{ kind: 'goal', key: 'plan', data: 'climb' }],
    slots: [{ name: 'basket', value: ['rope'] }],
    ledger: { use: { calls: 2 } },
  });
  clock.advance(10);
  const grant = { scope: 'run', part: { rope: 1 } } as const;
  await store.decide({ run: at(id, HOME), request: 'leave', decision: { status: 'approved', by: 'ann', grant } });
  await end(await take(`${id}-child`));
  clock.advance(10);
  await commit(root, {
    entries: [{ type: 'run-end', status: 'failed', error: { code: 'TORN', message: 'the rope' } }],
    transition: { type: 'end', status: 'failed', error: { code: 'TORN', message: 'the rope' } },
  });
}

const approvalBody = { tool: 'climb', callId: 'c', input: { rope: 1 }, fingerprint: 'f', toolHash: 'h' };

const withoutOwner = ({
  id,
  kind,
  stepKey,
  body,
  schema,
  expiresAt,
  status,
  openedAt,
  decision,
  claimed,
}: RequestRecord): RequestRecord => ({
  id,
  kind,
  stepKey,
  body,
  ...(schema === undefined ? {} : { schema }),
  expiresAt,
  status,
  openedAt,
  ...(decision === undefined ? {} : { decision }),
  claimed,
});

async function grantsOf(
  store: Store,
  tenant: string,
  of: 'run' | 'session',
  id: string,
): Promise<readonly GrantRecord[]> {
  const { items } = await store.listGrants({ tenant, [of]: id, limit: 100 });
  return items
    .filter(({ scope }) => scope.of === of)
    .map(({ tool, toolHash, part, exact, expiresAt, given: { run, ...given }, revoked }) => ({
      tool,
      toolHash,
      part,
      exact,
      expiresAt,
      given: { ...given, run: run.run },
      ...(revoked === undefined ? {} : { revoked }),
    }));
}

async function notesOf(store: Store, tenant: string, run: string): Promise<readonly NoteRecord[]> {
  const { items } = await store.listNotes({ tenant, run, limit: 100 });
  return items.toReversed().map(({ kind, key, data, at: written }) => ({ kind, key, data, at: written }));
}

/** All that the port shows of a run, as it is imported into a tenant. */
async function recordOf(store: Store, id: string, from: string = HOME, to: string = AWAY): Promise<RunImport> {
  const found = await store.run(at(id, from));
  assert.ok(found, `Run ${id} is not there`);
  const { imported: _, ...run } = found;
  const own: ThreadKey = { tenant: from, of: 'run', id };
  const requests = await store.listRequests({ tenant: from, run: id, limit: 100 });
  const ledger = await store.ledger(at(id, from));
  const entries = await store.entries(at(id, from), page);
  const hash = (await store.blob(from, ROPE))?.hash;
  return {
    run: { ...run, key: at(id, to) },
    entries,
    signals: await store.inbox(at(id, from), page),
    messages: await store.messages(own, page),
    requests: requests.items.map(withoutOwner),
    grants: await grantsOf(store, from, 'run', id),
    notes: await notesOf(store, from, id),
    slots: await store.slots(own),
    blobs: hash === undefined || run.depth > 0 ? [] : [hash],
    ...(ledger === undefined ? {} : { ledger }),
    imported: { digest: DIGEST },
    latest: Math.max(...entries.map((entry) => entry.at)),
  };
}

/** Hash of the bytes `rope`. */
const ROPE = 'sha256:fe4d55b9ffa53044e44726118058bfa77c7a2156b6db92d8b6954a37d82ae0fd';

const withImported = async (store: Store, record: RunImport): Promise<RunImport> => ({
  ...record,
  run: { ...record.run, imported: (await store.run(record.run.key))?.imported } as Run,
});

async function imported(store: Store, record: RunImport): Promise<Run> {
  const answer = await store.importRun(record);
  assert.equal(answer.outcome, 'imported', JSON.stringify(answer));
  assert.ok('run' in answer);
  return answer.run;
}

/** A tree that stands in the other tenant as a record. */
async function importedTree(bed: StoreTestBed, id: string): Promise<RunImport> {
  const { store } = bed;
  await livedTree(bed, id);
  await store.putBlob(AWAY, new TextEncoder().encode('rope'));
  const root = await recordOf(store, id);
  await imported(store, root);
  await imported(store, await recordOf(store, `${id}-child`));
  return root;
}

const stored = (n: number, id = `m${n}`): StoredMessage => ({ n, message: message(id) });

function sessionRecord(tenant: string, more: Partial<SessionImport> = {}): SessionImport {
  return {
    session: {
      key: session(tenant),
      createdAt: 1_000,
      floor: 2,
      cuts: [{ from: 4, to: 4 }],
      forkedFrom: { session: 'before', n: 7 },
    },
    messages: [stored(3), stored(4), stored(5)],
    slots: [{ name: 'basket', value: 1 }],
    grants: [
      {
        tool: 'climb',
        toolHash: 'h',
        part: {},
        exact: false,
        expiresAt: null,
        given: { run: 'gone', request: 'ask', at: 1_500, by: 'ann' },
        revoked: { at: 1_600 },
      },
    ],
    notes: [{ run: 'gone', definition: 'order', kind: 'goal', key: 'plan', data: 'climb', at: 1_400 }],
    blobs: [],
    imported: { digest: DIGEST },
    latest: 2_000,
    ...more,
  };
}

const entry = (seq: number, time: number, body: object): Entry => ({ seq, at: time, ...body }) as Entry;

/** A run as small as one can be. */
function smallRun(id: string, more: Partial<RunImport['run']> = {}, record: Partial<RunImport> = {}): RunImport {
  return {
    run: {
      key: at(id),
      kind: 'workflow',
      definition: 'order',
      version: '1',
      status: 'completed',
      input: null,
      inputHash: '',
      context: null,
      root: id,
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
      ...more,
    },
    entries: [
      entry(1, 1_000, { type: 'run-start', definition: 'order', version: '1' }),
      entry(2, 1_100, { type: 'run-end', status: 'completed' }),
    ],
    signals: [],
    messages: [],
    requests: [],
    grants: [],
    notes: [],
    slots: [],
    blobs: [],
    imported: { digest: DIGEST },
    latest: 2_000,
    ...record,
  };
}

const signal = { n: 1, kind: 'user', key: 'k', body: null, at: 1_050 } as const;
const request: RequestRecord = {
  ...newRequest('ask'),
  status: 'answered',
  openedAt: 1_010,
  claimed: false,
  decision: { status: 'answered', value: 1, at: 1_020 },
};

const ends = smallRun('r').entries;

/** Records that no store could have written. */
const WRONG: readonly (readonly [what: string, RunImport])[] = [
  [
    'a gap in the journal',
    smallRun('r', {}, { entries: [ends[0] as Entry, entry(3, 1_100, { type: 'run-end', status: 'completed' })] }),
  ],
  [
    'two ends',
    smallRun('r', { seq: 3 }, { entries: [...ends, entry(3, 1_100, { type: 'run-end', status: 'completed' })] }),
  ],
  [
    'no end',
    smallRun('r', {}, { entries: [ends[0] as Entry, entry(2, 1_100, { type: 'note', name: 'n', data: null })] }),
  ],
  ['an end of another kind', smallRun('r', { status: 'failed' })],
  ['a journal that is shorter than its run says', smallRun('r', { seq: 3 })],
  [
    'a type that nobody knows',
    smallRun(
      'r',
      { seq: 3 },
      { entries: [ends[0] as Entry, entry(2, 1_050, { type: 'boom' }), { ...(ends[1] as Entry), seq: 3 }] },
    ),
  ],
  [
    'a step without an outcome',
    smallRun(
      'r',
      { seq: 3 },
      {
        entries: [
          ends[0] as Entry,
          entry(2, 1_050, { type: 'step-end', key: 'k', fingerprint: '', kind: 'step', attempt: 1, durationMs: 1 }),
          { ...(ends[1] as Entry), seq: 3 },
        ],
      },
    ),
  ],
  [
    'tokens that are no number',
    smallRun(
      'r',
      { seq: 3 },
      {
        entries: [
          ends[0] as Entry,
          entry(2, 1_050, {
            type: 'step-end',
            key: 'k',
            fingerprint: '',
            kind: 'model',
            attempt: 1,
            durationMs: 1,
            outcome: { ok: true },
            usage: { cacheWriteInputTokens: 'many' },
          }),
          { ...(ends[1] as Entry), seq: 3 },
        ],
      },
    ),
  ],
  ['time that goes back', smallRun('r', { createdAt: 1_200, endedAt: 1_200 })],
  ['a time that is later than said', smallRun('r', {}, { latest: 1_050 })],
  ['an id that is none', smallRun('')],
  ['a root that is another', smallRun('r', { root: 'other' })],
  ['a timer', smallRun('r', { wakeAt: 5 })],
  ['a huge number', smallRun('r', { epoch: 2 ** 60 })],
  ['an input that is missing', smallRun('r', { input: undefined as unknown as null })],
  ['an inbox with a gap', smallRun('r', { inbox: 1 }, { signals: [{ ...signal, n: 2 }] })],
  ['a signal twice', smallRun('r', { inbox: 2 }, { signals: [signal, { ...signal, n: 2 }] })],
  ['a request that is open', smallRun('r', {}, { requests: [{ ...request, status: 'open' }] })],
  ['a request twice', smallRun('r', {}, { requests: [request, request] })],
  ['a decision that is another', smallRun('r', {}, { requests: [{ ...request, status: 'rejected' }] })],
  ['messages with a gap', smallRun('r', {}, { messages: [stored(1), stored(3)] })],
  ['what is no message', smallRun('r', {}, { messages: [{ n: 1, message: { v: 2 } as unknown as Message }] })],
  [
    'a slot twice',
    smallRun(
      'r',
      {},
      {
        slots: [
          { name: 'a', value: 1 },
          { name: 'a', value: 1 },
        ],
      },
    ),
  ],
  ['a note without a kind', smallRun('r', {}, { notes: [{ kind: '', key: 'k', data: 1, at: 1_050 }] })],
  [
    'a ledger below nothing',
    smallRun(
      'r',
      {},
      {
        ledger: {
          limits: {},
          used: { calls: -1, tokens: 0, costMicros: 0, runs: 0 },
          reserved: { calls: 0, tokens: 0, costMicros: 0, runs: 0 },
        },
      },
    ),
  ],
  ['a hash that is none', smallRun('r', {}, { blobs: ['rope'] })],
  ['a parent that is not there', smallRun('r', { root: 'p', parent: { run: 'p', key: 'k' }, depth: 1 })],
  ['a session that is not there', smallRun('r', { session: 'talk' })],
  ['no digest', smallRun('r', {}, { imported: { digest: '' } })],
  ['what is no list', smallRun('r', {}, { notes: {} as unknown as [] })],
];

export const STORE_IMPORT_TESTS: readonly StoreTest[] = [
  {
    title: 'REC-1: a tree that is imported reads as it did where it was lived, and says that it was imported',
    async run(bed) {
      const { store, clock } = bed;
      await livedTree(bed, 'r');
      await store.putBlob(AWAY, new TextEncoder().encode('rope'));
      clock.advance(5);
      for (const id of ['r', 'r-child']) {
        const record = await recordOf(store, id);
        const run = await imported(store, record);

        assert.deepEqual(run.imported, { at: clock.now(), digest: DIGEST });
        assert.deepEqual(await recordOf(store, id, AWAY), await recordOf(store, id));
        assert.deepEqual(
          JSON.parse(JSON.stringify(await store.run(at(id)))),
          JSON.parse(JSON.stringify((await withImported(store, record)).run)),
        );
      }
      const { items } = await store.listRuns({ tenant: AWAY, root: 'r', limit: 10 });
      assert.deepEqual(
        items.map(({ key }) => key.run),
        ['r-child', 'r'],
      );
      assert.equal((await store.listRequests({ tenant: AWAY, root: 'r', by: 'ann', limit: 10 })).items.length, 1);
    },
  },
  {
    title: 'REC-1: the same import again is existing and changes nothing, and so is the import of the run itself',
    async run(bed) {
      const { store, clock } = bed;
      const record = await importedTree(bed, 'r');
      const before = await store.run(at('r'));
      clock.advance(5);

      const again = await store.importRun(record);
      assert.equal(again.outcome, 'existing');
      assert.deepEqual(await store.run(at('r')), before);
      assert.deepEqual(await recordOf(store, 'r', AWAY), record);
      const home = await store.importRun(await recordOf(store, 'r', HOME, HOME));
      assert.equal(home.outcome, 'existing');
      assert.equal((await store.run(at('r', HOME)))?.imported, undefined);
    },
  },
  {
    title: 'REC-1: where another run of that id stands an import is refused with RUN_EXISTS, and it stays as it is',
    async run(bed) {
      const { store } = bed;
      const record = await importedTree(bed, 'r');
      const before = await recordOf(store, 'r', AWAY);

      const other = await store.importRun({ ...smallRun('r'), imported: { digest: OTHER_DIGEST } });
      assert.ok(other.outcome === 'refused' && other.code === 'RUN_EXISTS');
      assert.equal(other.run.key.run, 'r');
      const changed = await recordOf(store, 'r', HOME, HOME);
      const native = await store.importRun({ ...changed, run: { ...changed.run, input: 'another' } });
      assert.ok(native.outcome === 'refused' && native.code === 'RUN_EXISTS');
      assert.deepEqual(await recordOf(store, 'r', AWAY), before);
      assert.deepEqual(before, record);
    },
  },
  {
    title: 'REC-1: what no ended run is, is refused with IMPORT_INVALID, and nothing is written',
    async run({ store, clock }) {
      clock.advance(10_000);
      for (const [what, record] of WRONG)
        await assert.rejects(store.importRun(record), { code: 'IMPORT_INVALID' }, what);
      await assert.rejects(
        store.importRun(smallRun('r', {}, { entries: [ends[0] as Entry, ends[0] as Entry] })),
        (error: { readonly meta?: unknown }) => {
          assert.deepEqual(error.meta, { part: 'entries', index: 1 });
          return true;
        },
      );
      assert.deepEqual((await store.listRuns({ tenant: AWAY, limit: 10 })).items, []);
      await imported(store, smallRun('r'));
    },
  },
  {
    title: 'REC-1: a run that has not ended is refused with RUN_LIVE',
    async run({ store }) {
      for (const status of ['queued', 'running', 'waiting', 'blocked'] as const)
        await assert.rejects(store.importRun(smallRun('r', { status })), { code: 'RUN_LIVE' });
      assert.equal(await store.run(at('r')), undefined);
    },
  },
  {
    title: 'REC-1: a record larger than one write is refused with IMPORT_TOO_LARGE, and nothing is written',
    async run({ store }) {
      await assert.rejects(store.importRun(smallRun('r', { input: 'x'.repeat(17 * 1_048_576) })), {
        code: 'IMPORT_TOO_LARGE',
      });
      assert.equal(await store.run(at('r')), undefined);
    },
  },
  {
    title: 'REC-1: a child is imported below a parent that was imported, and never below a run of this store',
    async run(bed) {
      const { store } = bed;
      await livedTree(bed, 'r');
      const child = await recordOf(store, 'r-child');
      const below = { ...child, run: { ...child.run, key: at('stranger', HOME) } };

      await assert.rejects(store.importRun(child), { code: 'IMPORT_INVALID' });
      await assert.rejects(store.importRun(below), { code: 'IMPORT_INVALID' });
      await store.putBlob(AWAY, new TextEncoder().encode('rope'));
      await imported(store, await recordOf(store, 'r'));
      await imported(store, child);
    },
  },
  {
    title: 'REC-1, I7: an import neither turns the store’s clock back nor forward',
    needs: 'durable',
    async run({ store, clock, open, start }) {
      clock.advance(10_000);
      const now = clock.now();
      await start('before');
      await imported(store, smallRun('r'));
      const later = smallRun('later', { endedAt: now + 1 }, { latest: now + 1 });
      await assert.rejects(store.importRun(later), { code: 'IMPORT_INVALID' });
      await store[Symbol.asyncDispose]();

      // Another machine's clock, which is behind.
      const again = await open({ ...clock, now: () => 500 });
      const { items } = await again.listRuns({ tenant: HOME, limit: 1 });
      await again.signal({ run: at('before', HOME), kind: 'user', key: 'k', body: null });
      const [delivered] = await again.inbox(at('before', HOME), page);
      assert.equal(items.length, 1);
      assert.equal(delivered?.at, now);
    },
  },
  {
    title: 'REC-1: nobody is given what was imported to work on, and its past is closed to signals and decisions',
    async run(bed) {
      const { store, clock, claim } = bed;
      await importedTree(bed, 'r');
      clock.advance(10_000_000);

      assert.deepEqual((await claim()).claims, []);
      const told = await store.signal({ run: at('r'), kind: 'cancel', key: 'cancel', body: { reason: 'x' } });
      assert.equal(told.outcome, 'closed');
      const decided = await store.decide({ run: at('r'), request: 'ask', decision: { status: 'answered', value: 1 } });
      assert.equal(decided.outcome, 'already');
      assert.deepEqual(await store.commit({ run: at('r'), epoch: 1, entries: [note('n')], progress: false }), {
        outcome: 'stale',
      });
    },
  },
  {
    title: 'REC-1, REC-4: what was imported is removed whole, and the answer counts what it was',
    async run(bed) {
      const { store } = bed;
      await importedTree(bed, 'r');
      const there = await store.remove({ tenant: HOME, run: 'r' });
      const here = await store.remove({ tenant: AWAY, run: 'r' });

      assert.ok(there.outcome === 'removed' && here.outcome === 'removed');
      assert.deepEqual(here.removed, there.removed);
      await imported(store, smallRun('part', {}, { messages: [stored(7), stored(8)] }));
      assert.equal(await store.threadHead({ tenant: AWAY, of: 'run', id: 'part' }), 8);
      assert.deepEqual(
        (await store.messages({ tenant: AWAY, of: 'run', id: 'part' }, { after: 7, limit: 9 })).map(({ n }) => n),
        [8],
      );
      const part = await store.remove({ tenant: AWAY, run: 'part' });
      assert.ok(part.outcome === 'removed');
      assert.equal(part.removed.messages, 2);
    },
  },
  {
    title: 'REC-1: blobs that an imported run uses are there before it, and stay as long as it does',
    async run({ store, clock }) {
      clock.advance(10_000);
      const missing = await store.importRun(smallRun('r', {}, { blobs: [DIGEST] }));
      assert.deepEqual(missing, { outcome: 'refused', code: 'BLOB_UNKNOWN', blob: DIGEST });
      const { hash } = await store.putBlob(AWAY, new TextEncoder().encode('rope'));
      await imported(store, smallRun('r', {}, { blobs: [hash] }));
      clock.advance(10_000_000);

      await store.sweepBlobs({ graceMs: 0 });
      assert.equal((await store.blob(AWAY, hash))?.size, 4);
      await store.remove({ tenant: AWAY, run: 'r' });
      await store.sweepBlobs({ graceMs: 0 });
      assert.equal(await store.blob(AWAY, hash), undefined);
    },
  },
  {
    title: 'REC-1: a session is imported closed with its conversation, and its runs come after it',
    async run({ store, clock }) {
      clock.advance(10_000);
      const answer = await store.importSession(sessionRecord(AWAY));
      assert.equal(answer.outcome, 'imported');
      await imported(
        store,
        smallRun('r', { session: 'talk' }, { notes: [{ kind: 'goal', key: 'plan', data: 'rest', at: 1_050 }] }),
      );

      assert.deepEqual(await store.session(session(AWAY)), {
        key: session(AWAY),
        state: 'closed',
        queue: [],
        createdAt: 1_000,
        cuts: [{ from: 4, to: 4 }],
        forkedFrom: { session: 'before', n: 7 },
        imported: { at: clock.now(), digest: DIGEST },
      });
      const thread: ThreadKey = { tenant: AWAY, of: 'session', id: 'talk' };
      assert.deepEqual(
        (await store.messages(thread, page)).map(({ n }) => n),
        [3, 5],
      );
      assert.deepEqual(await store.messages(thread, { ...page, hidden: true }), [stored(3), stored(4), stored(5)]);
      assert.equal((await store.message(thread, 'm5'))?.n, 5);
      assert.equal(await store.threadHead(thread), 5);
      assert.deepEqual(await store.slots(thread), [{ name: 'basket', value: 1 }]);
      assert.deepEqual(await grantsOf(store, AWAY, 'session', 'talk'), sessionRecord(AWAY).grants);
      const notes = await store.listNotes({ tenant: AWAY, session: 'talk', limit: 10 });
      assert.deepEqual(
        notes.items.map(({ data, run, at: written }) => [data, run.run, written]),
        [
          ['rest', 'r', 1_050],
          ['climb', 'gone', 1_400],
        ],
      );
      assert.equal((await store.listNotes({ tenant: AWAY, run: 'gone', limit: 10 })).items.length, 0);
      assert.equal((await store.run(at('r')))?.session, 'talk');
      assert.deepEqual(
        (await store.listRuns({ tenant: AWAY, session: 'talk', limit: 10 })).items.map(({ key }) => key.run),
        ['r'],
      );
    },
  },
  {
    title:
      'REC-1: a session that is there already is existing where it is the same, and SESSION_EXISTS where it is not',
    async run({ store, clock, running, end, start }) {
      clock.advance(10_000);
      await store.importSession(sessionRecord(AWAY));
      const before = await store.session(session(AWAY));

      assert.equal((await store.importSession(sessionRecord(AWAY))).outcome, 'existing');
      const other = await store.importSession(sessionRecord(AWAY, { imported: { digest: OTHER_DIGEST } }));
      assert.ok(other.outcome === 'refused' && other.code === 'SESSION_EXISTS');
      assert.deepEqual(await store.session(session(AWAY)), before);

      await end(await running('first', { session: { id: 'talk', whenBusy: 'refuse' } }));
      await start('second', { session: { id: 'talk', whenBusy: 'refuse' } });
      const lives = await store.importSession(sessionRecord(HOME));
      assert.ok(lives.outcome === 'refused' && lives.code === 'SESSION_EXISTS');
    },
  },
  {
    title: 'REC-1: what no closed session is, is refused with IMPORT_INVALID, and nothing is written',
    async run({ store, clock }) {
      clock.advance(10_000);
      const sound = sessionRecord(AWAY);
      const wrong: readonly (readonly [string, SessionImport])[] = [
        ['messages that do not begin after the floor', sessionRecord(AWAY, { messages: [stored(4)] })],
        [
          'cuts that touch',
          {
            ...sound,
            session: {
              ...sound.session,
              cuts: [
                { from: 3, to: 3 },
                { from: 4, to: 4 },
              ],
            },
          },
        ],
        ['a cut past the end', { ...sound, session: { ...sound.session, cuts: [{ from: 5, to: 6 }] } }],
        ['a time that is later than said', sessionRecord(AWAY, { latest: 900 })],
        ['a grant without a tool', sessionRecord(AWAY, { grants: [{ ...sound.grants[0], tool: 1 } as never] })],
        [
          'an artifact that is not of a run',
          sessionRecord(AWAY, { notes: [{ ...sound.notes[0], kind: ARTIFACT_NOTE } as never] }),
        ],
        ['a floor below nothing', { ...sound, session: { ...sound.session, floor: -1 } }],
      ];
      for (const [what, record] of wrong)
        await assert.rejects(store.importSession(record), { code: 'IMPORT_INVALID' }, what);
      assert.equal(await store.session(session(AWAY)), undefined);
    },
  },
  {
    title: 'REC-1: of a session that was imported without its content no conversation is made',
    async run({ store, clock }) {
      clock.advance(10_000);
      await store.importSession(sessionRecord(AWAY, { imported: { digest: DIGEST, redacted: true } }));
      const whole = sessionRecord(AWAY);
      const other = { ...whole, session: { ...whole.session, key: session(AWAY, 'whole') } };
      await store.importSession(other);

      assert.deepEqual(await store.forkSession(session(AWAY), 'copy', 5), { outcome: 'redacted' });
      assert.equal(await store.session(session(AWAY, 'copy')), undefined);
      assert.equal((await store.forkSession(session(AWAY, 'whole'), 'copy', 5)).outcome, 'forked');
    },
  },
  {
    title: 'REC-1: what was imported stays from one opening of the store to the next',
    needs: 'durable',
    async run(bed) {
      const { store, open } = bed;
      const record = await importedTree(bed, 'r');
      await store.importSession(sessionRecord(AWAY, { latest: 1_600 }));
      const run = await store.run(at('r'));
      await store[Symbol.asyncDispose]();

      const again = await open();
      assert.deepEqual(await again.run(at('r')), run);
      assert.deepEqual(await recordOf(again, 'r', AWAY), record);
      assert.equal((await again.session(session(AWAY)))?.imported?.digest, DIGEST);
    },
  },
];
