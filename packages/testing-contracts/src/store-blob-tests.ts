import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Store, SweptBlobs } from '@prusik/core';
import { ending, key, newChild, newRun, note } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const GRACE_MS = 60_000;
const UNKNOWN = `sha256:${'0'.repeat(64)}`;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const hashOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Pieces as they come from a network: one after the other, of any length. */
async function* stream(...pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    await new Promise((resolve) => setImmediate(resolve));
    yield piece;
  }
}

async function reading(store: Store, hash: string, tenant = 'acme'): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of store.readBlob(tenant, hash)) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

/** Bytes that must be there. */
async function read(store: Store, hash: string): Promise<Uint8Array> {
  try {
    return await reading(store, hash);
  } catch (error) {
    return assert.fail(`The blob ${hash} cannot be read: ${String(error)}`);
  }
}

async function sweep(store: Store, graceMs = GRACE_MS, limit?: number): Promise<{ blobs: number; bytes: number }> {
  const total = { blobs: 0, bytes: 0 };
  let after: string | undefined;
  do {
    const swept: SweptBlobs = await store.sweepBlobs({
      graceMs,
      ...(limit === undefined ? {} : { limit }),
      ...(after === undefined ? {} : { after }),
    });
    total.blobs += swept.blobs;
    total.bytes += swept.bytes;
    after = swept.next;
  } while (after !== undefined);
  return total;
}

export const STORE_BLOB_TESTS: readonly StoreTest[] = [
  {
    title: 'SES-12: a blob is named by its bytes and comes back as it went in, whole, streamed, empty or large',
    async run({ store, clock }) {
      const large = new Uint8Array(3_000_001).map((_, index) => index % 251);
      const bodies: readonly [Uint8Array | AsyncIterable<Uint8Array>, Uint8Array][] = [
        [text('rope'), text('rope')],
        [Buffer.from('a Buffer'), text('a Buffer')],
        [stream(text('one '), new Uint8Array(), text('after the other')), text('one after the other')],
        [new Uint8Array(), new Uint8Array()],
        [stream(large), large],
      ];
      for (const [body, bytes] of bodies) {
        const expected = { hash: hashOf(bytes), size: bytes.byteLength, storedAt: clock.now() };
        assert.deepEqual(await store.putBlob('acme', body), expected);
        assert.deepEqual(await store.blob('acme', expected.hash), expected);
        assert.equal(hashOf(await read(store, expected.hash)), expected.hash);
      }
    },
  },
  {
    title: 'I9: a large blob is read in pieces',
    async run({ store }) {
      const { hash } = await store.putBlob('acme', new Uint8Array(5_000_000));
      let largest = 0;
      for await (const piece of store.readBlob('acme', hash)) largest = Math.max(largest, piece.byteLength);
      assert.ok(largest <= 1_048_576, `A piece has ${largest} bytes`);
    },
  },
  {
    title: 'I1: a blob is what the caller handed in, whatever it does with its memory afterwards',
    async run({ store }) {
      const body = Buffer.from('kept');
      const put = store.putBlob('acme', body);
      body.fill(0);
      assert.equal((await put).hash, hashOf(text('kept')));
      const chunk = Buffer.from('kept too');
      async function* spoiled(): AsyncGenerator<Uint8Array> {
        yield chunk;
        chunk.fill(0);
      }
      const { hash } = await store.putBlob('acme', spoiled());
      assert.deepEqual(await read(store, hash), text('kept too'));
      for await (const piece of store.readBlob('acme', hash)) piece.fill(0);
      assert.deepEqual(await read(store, hash), text('kept too'));
    },
  },
  {
    title: 'SES-7: the same bytes twice are one blob of their tenant, and no tenant sees another’s',
    async run({ store, clock }) {
      const [{ hash }, twin] = await Promise.all([
        store.putBlob('acme', text('same')),
        store.putBlob('acme', stream(text('sa'), text('me'))),
      ]);
      assert.equal(twin.hash, hash);
      await assert.rejects(reading(store, hash, 'other'), { code: 'BLOB_UNKNOWN' });
      assert.equal(await store.blob('other', hash), undefined);
      await store.putBlob('other', text('same'));
      clock.advance(GRACE_MS);
      assert.deepEqual(await sweep(store), { blobs: 2, bytes: 8 });
    },
  },
  {
    title: 'SES-7: a tenant’s blob stays when another’s of the same bytes is swept',
    async run({ store, clock, running, commit }) {
      const { hash } = await store.putBlob('acme', text('same'));
      await store.putBlob('other', text('same'));
      await commit(await running('r'), { blobs: [hash] });
      clock.advance(GRACE_MS);
      assert.deepEqual(await sweep(store), { blobs: 1, bytes: 4 });
      assert.deepEqual(await read(store, hash), text('same'));
      await assert.rejects(reading(store, hash, 'other'), { code: 'BLOB_UNKNOWN' });
    },
  },
  {
    title: 'I9: a body that throws, is aborted or is no bytes rejects with its own reason and leaves nothing',
    async run({ store }) {
      const bytes = text('before the end');
      async function* breaking(): AsyncGenerator<Uint8Array> {
        yield bytes;
        throw new Error('The line broke');
      }
      await assert.rejects(store.putBlob('acme', breaking()), { message: 'The line broke' });

      const stop = new AbortController();
      let ended = false;
      const hanging: AsyncIterable<Uint8Array> = {
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise(() => {}),
          async return() {
            ended = true;
            return { done: true, value: undefined };
          },
        }),
      };
      const put = store.putBlob('acme', hanging, { signal: stop.signal });
      setImmediate(() => stop.abort(new Error('enough')));
      await assert.rejects(put, { message: 'enough' });
      assert.ok(ended);
      await assert.rejects(store.putBlob('acme', bytes, { signal: stop.signal }), { message: 'enough' });

      const words = stream('text' as unknown as Uint8Array);
      await assert.rejects(store.putBlob('acme', words), TypeError);
      await assert.rejects(store.putBlob('acme', 'text' as unknown as Uint8Array), TypeError);
      assert.equal(await store.blob('acme', hashOf(bytes)), undefined);
    },
  },
  {
    title: 'I9: hashes, tenants and sweeps that make no sense are a wrong argument',
    async run({ store, running, tryCommit }) {
      const held = await running('r');
      for (const bad of ['', 'abc', UNKNOWN.slice(1), `${UNKNOWN}0`, UNKNOWN.toUpperCase(), '../../etc/passwd']) {
        await assert.rejects(store.blob('acme', bad), TypeError);
        await assert.rejects(reading(store, bad), TypeError);
        await assert.rejects(tryCommit(held, { blobs: [bad] }), TypeError);
        await assert.rejects(store.start(newRun('x', { blobs: [bad] })), TypeError);
      }
      await assert.rejects(store.putBlob('a\0b', text('x')), TypeError);
      await assert.rejects(store.blob('', UNKNOWN), TypeError);
      for (const bad of [{ graceMs: -1 }, { graceMs: Number.NaN }, { limit: 0 }, { after: '1' }, { after: 'row-x' }])
        await assert.rejects(store.sweepBlobs(bad), TypeError);
    },
  },
  {
    title: 'I1: a commit that names a blob which is not there is refused with BLOB_UNKNOWN and writes nothing',
    async run({ store, running, tryCommit, journal }) {
      const held = await running('r');
      const { hash } = await store.putBlob('other', text('another tenant’s'));
      for (const blob of [UNKNOWN, hash]) {
        const answer = await tryCommit(held, { entries: [note('n')], blobs: [blob] });
        assert.deepEqual([answer.outcome, 'code' in answer && answer.code], ['refused', 'BLOB_UNKNOWN']);
      }
      const child = newChild('c', 'r', { blobs: [UNKNOWN] });
      assert.equal((await tryCommit(held, { children: [child] })).outcome, 'refused');
      assert.deepEqual(await journal('r'), ['run-start']);
      assert.equal(await store.run(key('c')), undefined);
    },
  },
  {
    title: 'I1: BLOB_UNKNOWN is looked for after RUN_INPUT_MISMATCH and before REQUEST_CLAIMED',
    async run({ start, running, tryCommit }) {
      const held = await running('r');
      await start('taken');
      const child = newChild('taken', 'r');
      const refusal = async (more: object): Promise<unknown> => {
        const answer = await tryCommit(held, { blobs: [UNKNOWN], claimRequests: ['none'], ...more });
        return answer.outcome === 'refused' && answer.code;
      };
      assert.equal(await refusal({ children: [child] }), 'RUN_INPUT_MISMATCH');
      assert.equal(await refusal({}), 'BLOB_UNKNOWN');
    },
  },
  {
    title: 'I1: a run that names a blob which is not there is refused with BLOB_UNKNOWN and is not started',
    async run({ store }) {
      const refused = await store.start(newRun('r', { blobs: [UNKNOWN] }));
      assert.deepEqual(refused, { outcome: 'refused', code: 'BLOB_UNKNOWN', blob: UNKNOWN });
      assert.equal(await store.run(key('r')), undefined);
    },
  },
  {
    title: 'I1: a sweep removes what nobody uses once it is older than the grace, and nothing else',
    async run({ store, clock, start, running, commit, end }) {
      const [started, committed, child, ended] = await Promise.all(
        ['started', 'committed', 'child', 'ended'].map((name) => store.putBlob('acme', text(name))),
      );
      assert.ok(started && committed && child && ended);
      await start('s', { blobs: [started.hash] });
      const held = await running('r');
      await commit(held, { blobs: [committed.hash], children: [newChild('c', 'r', { blobs: [child.hash] })] });
      await commit(held, { blobs: [ended.hash, ended.hash] });
      await end(held);
      const idle = await store.putBlob('acme', text('idle'));
      clock.advance(GRACE_MS - 1);
      assert.deepEqual(await sweep(store), { blobs: 0, bytes: 0 });
      const young = await store.putBlob('acme', text('young'));
      clock.advance(1);

      assert.deepEqual(await sweep(store), { blobs: 1, bytes: 4 });

      await assert.rejects(reading(store, idle.hash), { code: 'BLOB_UNKNOWN' });
      for (const { hash } of [started, committed, child, ended, young])
        assert.equal(hashOf(await read(store, hash)), hash);
    },
  },
  {
    title: 'I1: putting the same bytes again starts their grace anew',
    async run({ store, clock }) {
      const { hash } = await store.putBlob('acme', text('again'));
      clock.advance(GRACE_MS - 1);
      await store.putBlob('acme', text('again'));
      clock.advance(1);
      assert.deepEqual(await sweep(store), { blobs: 0, bytes: 0 });
      assert.deepEqual(await read(store, hash), text('again'));
    },
  },
  {
    title: 'I9: a sweep looks at no more blobs a call than its limit, and its cursor leads past all of them',
    async run({ store, clock }) {
      for (let n = 0; n < 7; n += 1) await store.putBlob('acme', text(`blob ${n}`));
      clock.advance(GRACE_MS);
      const first = await store.sweepBlobs({ graceMs: GRACE_MS, limit: 3 });
      assert.equal(first.blobs, 3);
      assert.ok(first.next !== undefined);
      assert.deepEqual(await sweep(store, GRACE_MS, 3), { blobs: 4, bytes: 24 });
    },
  },
  {
    title: 'I1: while blobs are put, named and swept at once, what a commit has named can be read',
    async run({ store, running, tryCommit }) {
      const held = await running('r');
      const used = new Map<string, Uint8Array>();

      async function use(round: number, n: number, sweptWith: readonly BlobCall[]): Promise<void> {
        const bytes = text(`blob ${round}-${n % 5}`);
        // The sweep is asked for in the same turn as the call: right before every other one, and right after those between.
        async function calling<T>(name: BlobCall, call: () => Promise<T>): Promise<T> {
          if (!sweptWith.includes(name)) return call();
          const before = n % 2 === 0 ? store.sweepBlobs({ graceMs: 0 }) : undefined;
          const [answer] = await Promise.all([call(), before ?? store.sweepBlobs({ graceMs: 0 })]);
          return answer;
        }
        const { hash } = await calling('put', () => store.putBlob('acme', bytes));
        const answer = await calling('commit', () => tryCommit(held, { blobs: [hash] }));
        if (answer.outcome !== 'committed') return;
        used.set(hash, bytes);
        assert.deepEqual(await calling('read', () => read(store, hash)), bytes);
      }

      for (const [round, sweptWith] of SWEPT_WITH.entries()) {
        await Promise.all(Array.from({ length: 10 }, (_, n) => use(round, n, sweptWith).catch(ignoreSwept)));
        // Nobody sweeps in the first round, so however slow the machine is there is something that must outlive all others.
        if (round === 0) assert.equal(used.size, 5);
      }
      await sweep(store, 0);
      for (const [hash, bytes] of used) assert.deepEqual(await read(store, hash), bytes);
    },
  },
  {
    title: 'SES-12: a blob is used by the session of the run that named it',
    async run({ store, clock, running, commit }) {
      const { hash } = await store.putBlob('acme', text('shown'));
      const held = await running('r', { session: { id: 's', whenBusy: 'refuse' } });
      await commit(held, { blobs: [hash], ...ending('completed') });
      clock.advance(GRACE_MS);
      assert.deepEqual(await sweep(store), { blobs: 0, bytes: 0 });
    },
  },
  {
    title: 'REC-4: a blob that only removed runs and sessions used is swept',
    async run({ store, clock, running, commit }) {
      const [mine, shared] = [await store.putBlob('acme', text('mine')), await store.putBlob('acme', text('shared'))];
      await commit(await running('r'), { blobs: [mine.hash, shared.hash], ...ending('completed') });
      const session = { id: 's', whenBusy: 'refuse' } as const;
      await commit(await running('in', { session }), { blobs: [shared.hash], ...ending('completed') });
      clock.advance(GRACE_MS);

      await store.remove({ tenant: 'acme', run: 'r' });
      assert.deepEqual(await sweep(store), { blobs: 1, bytes: 4 });
      await store.moveSession({ tenant: 'acme', session: 's' }, 'closed');
      await store.remove({ tenant: 'acme', session: 's' });
      assert.deepEqual(await sweep(store), { blobs: 1, bytes: 6 });
    },
  },
  {
    title: 'DEF-5: disposal ends a put whose body hangs, and waits for one that was handed in whole',
    async run({ store, open, capabilities }) {
      async function* hanging(): AsyncGenerator<Uint8Array> {
        yield text('begun');
        await new Promise(() => {});
      }
      const hung = assert.rejects(store.putBlob('acme', hanging()), { code: 'STORE_CLOSED' });
      await new Promise((resolve) => setImmediate(resolve));
      const whole = store.putBlob('acme', new Uint8Array(5_000_000));
      await Promise.all([store[Symbol.asyncDispose](), hung]);
      const { hash } = await whole;
      if (capabilities.durable) assert.equal(hashOf(await read(await open(), hash)), hash);
      await assert.rejects(store.putBlob('acme', text('late')), { code: 'STORE_CLOSED' });
      await assert.rejects(reading(store, UNKNOWN), { code: 'STORE_CLOSED' });
      await assert.rejects(store.blob('acme', UNKNOWN), { code: 'STORE_CLOSED' });
      await assert.rejects(store.sweepBlobs(), { code: 'STORE_CLOSED' });
    },
  },
  {
    title: 'I1: blobs are there again, and still used, after the store was disposed and opened',
    needs: 'durable',
    async run({ store, clock, open, running, commit }) {
      const { hash } = await store.putBlob('acme', stream(text('kept')));
      await commit(await running('r'), { blobs: [hash] });
      await store[Symbol.asyncDispose]();
      const again = await open();
      clock.advance(GRACE_MS);
      assert.deepEqual(await sweep(again), { blobs: 0, bytes: 0 });
      assert.deepEqual(await read(again, hash), text('kept'));
    },
  },
  {
    title: 'I1: of two handles that put the same bytes at once neither loses them, and each sees the other’s blobs',
    needs: 'multiProcess',
    async run({ store, open }) {
      const other = await open();
      const bytes = text('same');
      const puts = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? store : other).putBlob('acme', bytes));
      const hashes = new Set((await Promise.all(puts)).map(({ hash }) => hash));
      assert.deepEqual([...hashes], [hashOf(bytes)]);
      assert.deepEqual(await read(other, hashOf(bytes)), bytes);
      const { hash } = await other.putBlob('acme', text('theirs'));
      assert.deepEqual(await read(store, hash), text('theirs'));
    },
  },
];

type BlobCall = 'put' | 'commit' | 'read';

/** The calls that a sweep meets in each round. */
const SWEPT_WITH: readonly (readonly BlobCall[])[] = [
  [],
  ['read'],
  ['commit'],
  ['put'],
  ['commit', 'read'],
  ['put', 'commit'],
  ['put', 'commit', 'read'],
  ['put', 'commit', 'read'],
];

/** With no grace at all a put may be overtaken, and says so. */
function ignoreSwept(error: unknown): void {
  if ((error as { code?: unknown }).code !== 'BLOB_SWEPT') throw error;
}
