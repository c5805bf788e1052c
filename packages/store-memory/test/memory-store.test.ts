import { Readable } from 'node:stream';
import {
  LIVE_BLOCKS_LIMIT,
  LIVE_STORE_LIMIT,
  LIVE_TEXT_LIMIT,
  PLAIN_TEXT,
  type NewRun,
  type Store,
} from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { memoryStore, memoryTables } from '../src/index.ts';
import { createSortedIndex } from '../src/sorted-index.ts';

const newRun = (id: string, more: Partial<NewRun> = {}): NewRun => ({
  key: { tenant: 'acme', run: id },
  kind: 'function',
  definition: 'order',
  version: '1',
  input: { list: ['rope'] },
  inputHash: 'h',
  context: null,
  priority: 0,
  messages: [],
  root: id,
  depth: 0,
  ...more,
});

async function held(
  store: Store,
  id: string,
  more: Partial<NewRun> = {},
): Promise<{ readonly run: NewRun['key']; readonly epoch: number }> {
  await store.start(newRun(id, more));
  const definitions = [{ name: 'order', versions: ['1'] }];
  await store.claim({ worker: 'w', leaseMs: 1_000, limit: 1, suspects: { room: 0, alone: 1 }, definitions });
  return { run: newRun(id).key, epoch: 1 };
}

describe('memoryStore', () => {
  it('I9: keeps so much text in progress in all; of what comes after that it only says how far it came, until there is room', async () => {
    const store = memoryStore();
    const full = 'x'.repeat(LIVE_TEXT_LIMIT);
    const said = (step: string, text: string) =>
      ({ step, kind: 'model', attempt: 1, block: PLAIN_TEXT, offset: 0, text, head: text.length }) as const;
    const runs = LIVE_STORE_LIMIT / LIVE_TEXT_LIMIT / LIVE_BLOCKS_LIMIT;
    const steps = Array.from({ length: LIVE_BLOCKS_LIMIT }, (_, n) => `s${n}`);
    for (let n = 0; n < runs; n += 1) {
      const lease = await held(store, `r${n}`);
      await store.writeLiveText([{ ...lease, texts: steps.map((step) => said(step, full)), ended: [] }]);
    }
    const late = await held(store, 'late');
    const read = async () => (await store.liveText(late.run, [])).map(({ step, text, head }) => [step, text, head]);

    await store.writeLiveText([{ ...late, texts: [said('a', 'no room')], ended: [] }]);
    expect(await read()).toEqual([['a', '', 7]]);
    await store.writeLiveText([{ run: newRun('r0').key, epoch: 1, texts: [], ended: ['s0'] }]);
    await store.writeLiveText([{ ...late, texts: [said('b', 'room')], ended: [] }]);

    expect(await read()).toEqual([
      ['a', '', 7],
      ['b', 'room', 4],
    ]);
  });

  it('I9: holds no more runs than it may, and refuses the next with STORE_FULL without writing', async () => {
    const store = memoryStore({ maxRuns: 2 });
    const lease = await held(store, 'a');
    const child = newRun('c', { root: 'a', parent: { run: 'a', key: 'k' }, depth: 1 });
    await store.start(newRun('b'));

    await expect(store.start(newRun('c'))).rejects.toMatchObject({ code: 'STORE_FULL', retryable: false });
    const commit = store.commit({
      ...lease,
      entries: [{ type: 'note', name: 'n', data: null }],
      progress: false,
      children: [child],
    });
    await expect(commit).rejects.toMatchObject({ code: 'STORE_FULL' });

    expect((await store.run(lease.run))?.seq).toBe(1);
    expect((await store.listRuns({ tenant: 'acme', limit: 10 })).items).toHaveLength(2);
    await store.commit({ ...lease, entries: [{ type: 'note', name: 'n', data: null }], progress: false });
  });

  it('I9: a clock that tells no time is refused, and its next time counts', async () => {
    let now = 1_000;
    const store = memoryStore({ clock: { now: () => now } });
    await store.start(newRun('a'));
    for (now of [Number.NaN, Infinity]) await expect(store.start(newRun('b'))).rejects.toThrow(TypeError);
    now = 2_000;
    expect(await store.start(newRun('b'))).toMatchObject({ outcome: 'created', run: { createdAt: 2_000 } });
    await store[Symbol.asyncDispose]();
  });

  it('I9: has room for runs again when some were removed, and holds no more sessions than runs', async () => {
    const store = memoryStore({ maxRuns: 2 });
    const talk = async (id: string): Promise<void> => {
      const lease = await held(store, id, { session: { id: `s-${id}`, whenBusy: 'refuse' } });
      await store.commit({
        ...lease,
        entries: [{ type: 'run-end', status: 'completed' }],
        progress: true,
        transition: { type: 'end', status: 'completed' },
      });
    };
    await talk('a');
    await talk('b');
    await expect(store.start(newRun('c'))).rejects.toMatchObject({ code: 'STORE_FULL' });
    for (const run of ['a', 'b']) await store.remove({ tenant: 'acme', run });

    await expect(store.start(newRun('c'))).rejects.toMatchObject({ code: 'STORE_FULL' });
    await store.moveSession({ tenant: 'acme', session: 's-a' }, 'closed');
    await store.remove({ tenant: 'acme', session: 's-a' });

    await talk('c');
    expect((await store.listSessions({ tenant: 'acme', limit: 5 })).items).toHaveLength(2);
  });

  it('I9: holds no more bytes of blobs than it may, and has room again after a sweep', async () => {
    const clock = { now: () => 0 };
    const store = memoryStore({ clock, maxTotalBlobBytes: 10, maxBlobBytes: 8 });
    await store.putBlob('acme', new Uint8Array(6));

    await expect(store.putBlob('acme', new Uint8Array(9))).rejects.toMatchObject({ code: 'BLOB_TOO_LARGE' });
    await expect(store.putBlob('acme', new Uint8Array(5))).rejects.toMatchObject({ code: 'STORE_FULL' });
    await store.putBlob('acme', new Uint8Array(4));
    await store.putBlob('acme', new Uint8Array(0));
    await expect(store.putBlob('other', new Uint8Array(6))).rejects.toMatchObject({ code: 'STORE_FULL' });

    expect(await store.sweepBlobs({ graceMs: 0 })).toMatchObject({ blobs: 3, bytes: 10 });
    await store.putBlob('acme', new Uint8Array(8));
  });

  it('I1: what it hands out is frozen throughout', async () => {
    const store = memoryStore();
    const lease = await held(store, 'a');
    await store.commit({ ...lease, entries: [{ type: 'note', name: 'n', data: { list: ['x'] } }], progress: false });
    await store.signal({ run: lease.run, kind: 'user', key: 'k', body: { list: ['x'] } });
    const page = { after: 0, limit: 10 };
    const isFrozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every((member) => isFrozen(member)));

    expect(isFrozen(await store.run(lease.run))).toBe(true);
    for (const entry of await store.entries(lease.run, page)) expect(isFrozen(entry)).toBe(true);
    for (const signal of await store.inbox(lease.run, page)) expect(isFrozen(signal)).toBe(true);
  });

  it('I3: nobody is called back while the caller is still inside its own call', async () => {
    const store = memoryStore();
    const calls: string[] = [];
    store.watchRun(newRun('a').key, () => calls.push('told'));
    const started = store.start(newRun('a'));
    calls.push('called');
    await started;
    expect(calls).toEqual(['called', 'told']);
  });
});

describe('a body', () => {
  const LARGE = 3_000_000;

  it('I9: that gives nothing, again and again, lets others have their turn, and can be aborted', async () => {
    async function* nothing(): AsyncGenerator<Uint8Array> {
      for (let given = 0; given < LARGE; given += 1) yield new Uint8Array(0);
    }
    const stop = new AbortController();
    const reason = new Error('Enough');
    const put = memoryStore().putBlob('acme', nothing(), { signal: stop.signal });
    setImmediate(() => stop.abort(reason));
    await expect(put).rejects.toBe(reason);
  });

  it('I1: has the size that it has, whatever it says', async () => {
    class Liar extends Uint8Array {
      override get byteLength(): number {
        return 0;
      }
    }
    const store = memoryStore({ maxBlobBytes: 10 });
    for (const body of [new Liar(10), [new Liar(10)]]) {
      const { hash, size } = await store.putBlob('acme', body instanceof Uint8Array ? body : Readable.from(body));
      expect(size).toBe(10);
      for await (const piece of store.readBlob('acme', hash)) expect(piece).toEqual(new Uint8Array(10));
    }
    await expect(store.putBlob('acme', new Liar(11))).rejects.toMatchObject({ code: 'BLOB_TOO_LARGE' });
  });
});

describe('a key', () => {
  it.each([
    ['r1', /A run is named by its key, \{ tenant, run \}, not by "r1"/],
    [undefined, /A run is named by its key, \{ tenant, run \}, not by undefined/],
  ])('ERR-3: an id in its place is refused with what to give: %j', async (id, message) => {
    await using store = memoryStore();

    await expect(store.run(id as never)).rejects.toThrow(message);
    await expect(store.session(id as never)).rejects.toThrow(/A session is named by its key/);
  });
});

describe('memoryTables', () => {
  it('are empty, and count their runs', () => {
    expect(memoryTables().runCount).toBe(0);
  });
});

describe('a sorted index', () => {
  it('keeps items in order whatever the order they come in, and forgets what is removed', () => {
    const index = createSortedIndex<number>((a, b) => a - b);
    const numbers = Array.from({ length: 500 }, (_, n) => (n * 7_919) % 1_009);
    for (const number of numbers) index.add(number);
    expect([...index]).toEqual(numbers.toSorted((a, b) => a - b));

    const [removed, kept] = [numbers.filter((n) => n % 3 === 0), numbers.filter((n) => n % 3 !== 0)];
    for (const number of removed) index.remove(number);
    index.remove(-1);
    expect([...index]).toEqual(kept.toSorted((a, b) => a - b));
    expect(index.size()).toBe(kept.length);
  });
});
