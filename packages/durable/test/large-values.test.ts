import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashJson, type Entry, type Json, type StepEnd, type Store } from '@prusik/core';
import { dyingStore, fakeClock } from '@prusik/testing-contracts';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { durable, engineOn, entriesOf, key } from './support.ts';
import { STORES, type TestStore, type TestStoreOptions } from './stores.ts';

const INLINE = 1_000;
const limits = { maxInlineOutcomeBytes: INLINE, maxOutcomeBytes: 100_000 };
/** JSON text of this many bytes. */
const textOf = (bytes: number): string => 'x'.repeat(bytes - 2);
const stepEnds = (entries: readonly Entry[]): readonly StepEnd[] =>
  entries.filter((entry) => entry.type === 'step-end');
const outcomesOf = async (store: Store, run = 'r'): Promise<readonly StepEnd['outcome'][]> =>
  stepEnds(await entriesOf(store, key(run))).map(({ outcome }) => outcome);

async function sweepAll(store: Store): Promise<number> {
  let blobs = 0;
  for (let after: string | undefined = 'row-0'; after !== undefined;) {
    const swept = await store.sweepBlobs({ after, graceMs: 0 });
    blobs += swept.blobs;
    after = swept.next;
  }
  return blobs;
}

describe.each(Object.entries(STORES))('large outcomes on %s', (_, create) => {
  const made: TestStore[] = [];
  const open = (options?: TestStoreOptions): TestStore => {
    const test = create(options);
    made.push(test);
    return test;
  };
  afterEach(async () => {
    for (const test of made.splice(0)) await test[Symbol.asyncDispose]();
  });

  it('DUR-4: an outcome past the inline limit stands in a blob, is read back on replay, and lives as long as its run', async () => {
    const { store } = open();
    const large = { text: textOf(5_000), ünï: ['👩‍🚀'.repeat(2_000)], nested: JSON.parse('{"__proto__":[1]}') as Json };
    let calls = 0;
    const work = durable('work', async (ctx) => {
      const value = await ctx.step('large', () => ((calls += 1), large));
      value.text += 'the function may change what it gets';
      await ctx.receive('go');
      return hashJson(await ctx.step('hash', () => value));
    });
    const engine = engineOn(store, [work], { limits });
    await engine.run('work', null, { id: 'r' });
    const [outcome] = await outcomesOf(store);
    expect(outcome).toEqual({
      ok: true,
      blob: { hash: expect.any(String), size: Buffer.byteLength(JSON.stringify(large)) },
    });
    expect(await sweepAll(store)).toBe(0);

    await engine.signal(key('r'), 'go', null);
    const again = await engineOn(store, [work], { limits }).drive(key('r'));

    const changed = { ...large, text: `${large.text}the function may change what it gets` };
    expect(again).toMatchObject({ status: 'completed', output: hashJson(changed) });
    expect(calls).toBe(1);
    await store.remove({ tenant: 'default', run: 'r' });
    expect(await sweepAll(store)).toBe(2);
  });

  it.each([
    ['inline', INLINE, { ok: true, value: textOf(INLINE) }],
    ['in a blob', INLINE + 1, { ok: true, blob: { hash: expect.any(String), size: INLINE + 1 } }],
    ['in a blob at the end of its bound', 100_000, { ok: true, blob: { hash: expect.any(String), size: 100_000 } }],
    ['refused', 100_001, { ok: false, error: expect.objectContaining({ code: 'STEP_RESULT_TOO_LARGE' }) }],
  ])('ERR-3: an outcome at the edge of each bound is %s', async (_how, bytes, expected) => {
    const { store } = open();
    const work = durable('work', (ctx) => ctx.step('s', () => textOf(bytes)).then(() => 'done'));
    const result = await engineOn(store, [work], { limits }).run('work', null, { id: 'r' });
    expect(await outcomesOf(store)).toEqual([expected]);
    expect(result.status).toBe(expected.ok ? 'completed' : 'failed');
  });

  it('DUR-9: a race between large and small outcomes has the same winner on replay', async () => {
    const { store } = open();
    const seen: string[][] = [];
    const work = durable('work', async (ctx) => {
      const order: string[] = [];
      seen.push(order);
      const sizes = [50, 3_000, 60, 90_000, 10];
      const steps = sizes.map((size, n) => ctx.step(`s${n}`, () => textOf(size)).then(() => order.push(`s${n}`)));
      await Promise.race(steps);
      await Promise.all(steps);
      await ctx.receive('go');
    });
    const engine = engineOn(store, [work], { limits });
    await engine.run('work', null, { id: 'r' });
    await engine.signal(key('r'), 'go', null);
    await engineOn(store, [work], { limits }).drive(key('r'));
    expect(seen).toHaveLength(2);
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0]).toEqual(stepEnds(await entriesOf(store, key('r'))).map((end) => end.key));
  });

  it.each(['before', 'after'] as const)(
    'DUR-4: a process that dies %s the put leaves an unused blob at most, and the step runs again',
    async (when) => {
      const clock = fakeClock();
      const { store } = open({ clock });
      const work = durable('work', (ctx) => ctx.step('s', () => textOf(5_000)).then((text) => text.length));
      const dying = dyingStore(store, (method) => method === 'putBlob', when);
      void engineOn(dying.store, [work], { clock, limits })
        .run('work', null, { id: 'r' })
        .catch(() => undefined);
      await dying.died;
      expect(await outcomesOf(store)).toEqual([]);
      expect(await sweepAll(store)).toBe(when === 'after' ? 1 : 0);

      clock.advance(60_000);
      expect(await engineOn(store, [work], { clock, limits }).drive(key('r'))).toMatchObject({
        status: 'completed',
        output: 4_998,
      });
      expect(await sweepAll(store)).toBe(0);
    },
  );

  it('DUR-4: what the store cannot hold fails the step, and a once step is in doubt', async () => {
    const { store } = open({ maxBlobBytes: 2_000 });
    const effects = { repeatable: 'failed', once: 'blocked' } as const;
    for (const [effect, status] of Object.entries(effects)) {
      const work = durable('work', (ctx) =>
        ctx.step('s', () => textOf(2_001), { effect: effect as keyof typeof effects }),
      );
      expect((await engineOn(store, [work], { limits }).run('work', null, { id: effect })).status).toBe(status);
    }
    expect(await outcomesOf(store, 'repeatable')).toMatchObject([
      { ok: false, error: { code: 'STEP_RESULT_TOO_LARGE' } },
    ]);
    expect(await store.run(key('once'))).toMatchObject({ blocked: { code: 'STEP_IN_DOUBT' } });
  });

  it('DUR-5: what check has found may be large too', async () => {
    const { store } = open();
    const clock = fakeClock();
    const pay = durable('work', (ctx) =>
      ctx
        .step('pay', () => new Promise<string>(() => {}), {
          effect: 'once',
          timeoutMs: 1,
          check: () => ({ became: 'done', value: textOf(5_000) }),
        })
        .then((text) => text.length),
    );
    const driving = engineOn(store, [pay], { clock, limits }).run('work', null, { id: 'r' });
    for (let n = 0; n < 50; n += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(1);
    }
    expect(await driving).toMatchObject({ status: 'completed', output: 4_998 });
    expect(await outcomesOf(store)).toMatchObject([{ ok: true, blob: { size: 5_000 } }]);
  });
});

describe('a damaged blob', () => {
  const test = STORES['store-sqlite']?.() as TestStore;
  afterAll(() => test[Symbol.asyncDispose]());

  it('I1: blocks its run instead of handing over wrong bytes, and the run goes on once it is mended', async () => {
    const { store, folder } = test;
    const seen: unknown[] = [];
    const work = durable('work', async (ctx) => {
      const text = await ctx.step('large', () => textOf(5_000));
      seen.push(text);
      await ctx.receive('go');
      return text.length;
    });
    await engineOn(store, [work], { limits }).run('work', null, { id: 'r' });
    const [outcome] = await outcomesOf(store);
    const hash = outcome?.ok === true ? (outcome.blob?.hash ?? '') : '';
    const blobs = join(folder, readdirSync(folder).find((name) => name.endsWith('-blobs')) ?? '');
    writeFileSync(join(blobs, hash.slice(7, 9), hash.slice(7)), '"damaged"');
    const engine = engineOn(store, [work], { limits });
    await engine.signal(key('r'), 'go', null);

    const blocked = await engine.drive(key('r'));
    expect(blocked).toMatchObject({ status: 'blocked', code: 'STORE_CORRUPT' });
    expect(seen).toEqual([textOf(5_000)]);

    await store.putBlob('default', Buffer.from(JSON.stringify(textOf(5_000))));
    const request = blocked.status === 'blocked' ? blocked.request : '';
    await engine.decide(key('r'), request, { status: 'answered', value: { choice: 'retry' } });
    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: 4_998 });
  });
});
