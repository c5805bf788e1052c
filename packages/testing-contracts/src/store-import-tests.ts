import assert from 'node:assert/strict';
import type { Run, RunImport, Store } from '@prusik/core';
import { at, AWAY, DIGEST, OTHER_DIGEST, session, sessionRecord, smallRun, stored } from './store-import-records.ts';
import { HOME, imported, importedTree, livedTree, page, recordOf } from './store-import-scenario.ts';
import { note } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const withImported = async (store: Store, record: RunImport): Promise<RunImport> => ({
  ...record,
  run: { ...record.run, imported: (await store.run(record.run.key))?.imported } as Run,
});

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
