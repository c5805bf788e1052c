import { createHash } from 'node:crypto';
import { BLOB_LIMIT, type FilePart, type Message, type Store } from '@prusik/core';
import { createEngine } from '../src/index.ts';
import { afterAll, describe, expect, it } from 'vitest';
import { durable, engineOn, entriesOf, key } from './support.ts';
import { STORES } from './stores.ts';

const hashOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const bytes = Buffer.from('a picture');
const showing = (blob: string): Message => {
  const picture: FilePart = { type: 'file', mediaType: 'image/png', data: { blob } };
  return { v: 1, id: `shows ${blob}`, role: 'user', kind: 'user', content: [picture] };
};

async function sweepAll(store: Store): Promise<number> {
  let blobs = 0;
  for (let after: string | undefined = 'row-0'; after !== undefined;) {
    const swept = await store.sweepBlobs({ after, graceMs: 0 });
    blobs += swept.blobs;
    after = swept.next;
  }
  return blobs;
}

async function readAll(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const read: Uint8Array[] = [];
  for await (const piece of pieces) read.push(piece);
  return Buffer.concat(read).toString();
}

describe.each(Object.entries(STORES))('blobs of steps and inputs on %s', (_, create) => {
  const test = create();
  const { store } = test;
  afterAll(() => test[Symbol.asyncDispose]());

  it('SES-12: what a step puts and its message names is kept, and read by a later step; what nothing names goes', async () => {
    const work = durable('work', async (ctx) => {
      await ctx.step('put', async (step) => {
        await step.putBlob(Buffer.from('nobody names this'));
        step.append(showing((await step.putBlob(bytes)).hash));
      });
      return ctx.step('read', async (step) => {
        const [stored] = await ctx.thread.read();
        const [part] = stored?.message.content ?? [];
        return part?.type === 'file' && 'blob' in part.data ? readAll(step.readBlob(part.data.blob)) : 'none';
      });
    });

    expect(await engineOn(store, [work]).run('work', null)).toMatchObject({ output: 'a picture' });
    expect(await sweepAll(store)).toBe(1);
  });

  it('SES-12: what an outcome names is kept with it, and read outside of steps, on replay too; what no outcome keeps goes', async () => {
    const work = durable('work', async (ctx) => {
      const hash = await ctx.step('put', async (step) => {
        const kept = await step.putBlob(Buffer.from('a listing'));
        step.keepBlob(kept.hash);
        step.keepBlob(kept.hash);
        await step.putBlob(Buffer.from('nothing keeps this'));
        return kept.hash;
      });
      const read = Buffer.from(await ctx.readBlob(hash)).toString();
      await ctx.receive('go');
      return read;
    });
    const first = engineOn(store, [work]);
    expect(await first.run('work', null, { id: 'kept' })).toMatchObject({ status: 'waiting' });
    await first[Symbol.asyncDispose]();
    expect(await sweepAll(store)).toBe(1);

    const second = engineOn(store, [work]);
    await second.signal(key('kept'), 'go', null);
    expect(await second.drive(key('kept'))).toMatchObject({ output: 'a listing' });
  });

  it('SES-12, ERR-2: an outcome that keeps what is not there blocks its run, and so does reading it', async () => {
    const nothing = hashOf('never put');
    const keeps = durable('keeps', (ctx) => ctx.step('keep', (step) => step.keepBlob(nothing)));
    const reads = durable('reads', (ctx) => ctx.readBlob(nothing).then(() => null));
    const engine = engineOn(store, [keeps, reads]);

    expect(await engine.run('keeps', null)).toMatchObject({ status: 'blocked', code: 'BLOB_UNKNOWN' });
    expect(await engine.run('reads', null)).toMatchObject({ status: 'blocked', code: 'BLOB_UNKNOWN' });
  });

  it('SES-12: one blob more than a step may keep fails it, and what a step that failed kept goes', async () => {
    const work = durable('work', (ctx) =>
      ctx.step('keep', async (step) => {
        for (let n = 0; n <= 100; n += 1) step.keepBlob((await step.putBlob(Buffer.from(`one of many ${n}`))).hash);
      }),
    );

    expect(await engineOn(store, [work]).run('work', null)).toMatchObject({ error: { code: 'STEP_RESULT_TOO_LARGE' } });
    expect(await sweepAll(store)).toBe(101);
  });

  it('SES-12: what reading an input puts is the run’s from its start on, of a child too, and the input only names it', async () => {
    const show = {
      ...durable('show', async (ctx, input) =>
        ctx.step('read', (step) => readAll(step.readBlob((input as { blob: string }).blob))),
      ),
      parseInput: async (who: unknown, { putBlob }: { putBlob: (body: Uint8Array) => Promise<{ hash: string }> }) => ({
        blob: (await putBlob(Buffer.from(`picture of ${String(who)}`))).hash,
      }),
      openingMessages: (input: unknown) => [showing((input as { blob: string }).blob)],
    };
    const parent = durable('parent', async (ctx) => (await ctx.child('c', 'show', 'the child')).output);
    const engine = engineOn(store, [show, parent]);
    await engine.start('show', 'the root', { id: 'root' });

    expect(await sweepAll(store)).toBe(0);
    expect(await engine.drive(key('root'))).toMatchObject({ output: 'picture of the root' });
    expect(await engine.run('parent', null)).toMatchObject({ output: 'picture of the child' });
    expect(await sweepAll(store)).toBe(0);
  });

  it('DUR-12: a put that the store misses is made again, so that what was paid for is not lost', async () => {
    let away = 2;
    const flaky: Store = {
      ...store,
      putBlob: (...args) => (--away >= 0 ? Promise.reject(new Error('away')) : store.putBlob(...args)),
    };
    let executions = 0;
    const work = durable('work', (ctx) =>
      ctx.step('s', async (step) => {
        executions += 1;
        const again = { [Symbol.asyncIterator]: () => ReadableStream.from([bytes]).values() };
        step.append(showing((await step.putBlob(again)).hash));
      }),
    );

    expect(await engineOn(flaky, [work]).run('work', null)).toMatchObject({ status: 'completed' });
    expect(executions).toBe(1);
  });

  it('DUR-12: a put that the store misses for a whole lease costs the drive', async () => {
    let away = true;
    const lost = Promise.withResolvers<void>();
    const flaky: Store = {
      ...store,
      putBlob: (...args) => (away ? Promise.reject(new Error('away')) : store.putBlob(...args)),
    };
    let executions = 0;
    const work = durable('work', (ctx) =>
      ctx.step('s', async (step) => {
        executions += 1;
        await step.putBlob(bytes);
      }),
    );
    await using engine = createEngine({
      store: flaky,
      definitions: [work],
      limits: { leaseMs: 100, heartbeatMs: 50 },
      onWarning: ({ code }) => code === 'STORE_UNAVAILABLE' && lost.resolve(),
    });
    const driving = engine.run('work', null, { id: 'gone' });
    await lost.promise;

    expect((await entriesOf(store, key('gone'))).some(({ type }) => type === 'step-end')).toBe(false);
    away = false;
    expect(await driving).toMatchObject({ status: 'completed' });
    expect(executions).toBe(2);
  });

  it('ERR-1: what is wrong with the bytes fails the step at once: too many, none, a stream that breaks', async () => {
    const broken = {
      async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
        yield bytes;
        throw new Error('the stream broke');
      },
    };
    const large = ReadableStream.from([Buffer.alloc(BLOB_LIMIT), bytes]);
    const bodies: Record<string, unknown> = { broken, large, none: 'text' };
    const work = durable('work', (ctx, which) =>
      ctx.step('s', async (step) => void (await step.putBlob(bodies[which as string] as Uint8Array))),
    );
    const engine = engineOn(store, [work]);

    expect(await engine.run('work', 'broken')).toMatchObject({ error: { message: expect.stringContaining('broke') } });
    expect(await engine.run('work', 'large')).toMatchObject({ error: { code: 'BLOB_TOO_LARGE' } });
    expect(await engine.run('work', 'none')).toMatchObject({ error: { code: 'STEP_FAILED' } });
  });

  it('SES-12: opening messages that are none are refused, and nothing is stored', async () => {
    const work = { ...durable('work', () => 1), openingMessages: () => [{ role: 'user' } as never] };
    const parent = durable('parent', (ctx) => ctx.child('c', 'work', 1));
    const engine = engineOn(store, [work, parent]);

    await expect(engine.start('work', 1, { id: 'none' })).rejects.toMatchObject({ code: 'MESSAGE_INVALID' });
    expect(await store.run(key('none'))).toBeUndefined();
    expect(await engine.run('parent', 1)).toMatchObject({ status: 'failed', error: { code: 'MESSAGE_INVALID' } });
  });
});
