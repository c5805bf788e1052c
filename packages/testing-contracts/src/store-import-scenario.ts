import assert from 'node:assert/strict';
import type { GrantRecord, NoteRecord, RequestRecord, Run, RunImport, Store, ThreadKey } from '@prusik/core';
import { at, AWAY, DIGEST } from './store-import-records.ts';
import { message, newChild, newRequest, note } from './store-scenario.ts';
import type { StoreTestBed } from './store-test.ts';

/** The tenant where the trees were lived. */
export const HOME = 'acme';
export const page = { after: 0, limit: 1_000 } as const;

/** A tree that has ended, with a row of every kind, some of them at other times than others. */
export async function livedTree(bed: StoreTestBed, id: string): Promise<void> {
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

export async function grantsOf(
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
export async function recordOf(store: Store, id: string, from: string = HOME, to: string = AWAY): Promise<RunImport> {
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

/** An import that must succeed. */
export async function imported(store: Store, record: RunImport): Promise<Run> {
  const answer = await store.importRun(record);
  assert.equal(answer.outcome, 'imported', JSON.stringify(answer));
  assert.ok('run' in answer);
  return answer.run;
}

/** A tree that stands in the other tenant as a record. */
export async function importedTree(bed: StoreTestBed, id: string): Promise<RunImport> {
  const { store } = bed;
  await livedTree(bed, id);
  await store.putBlob(AWAY, new TextEncoder().encode('rope'));
  const root = await recordOf(store, id);
  await imported(store, root);
  await imported(store, await recordOf(store, `${id}-child`));
  return root;
}
