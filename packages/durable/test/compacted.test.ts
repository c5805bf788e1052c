import { memoryStore } from '@prusik/store-memory';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Engine } from '../src/index.ts';
import { durable, engineOn, key } from './support.ts';

/** An engine with a run that has ended, with more entries than a reader takes at once, and how often its body was called. */
async function ended(): Promise<{ readonly engine: Engine; readonly calls: () => number }> {
  let calls = 0;
  const long = durable('long', async (ctx) => {
    calls += 1;
    for (let n = 0; n < 300; n += 1) await ctx.step(`s${n}`, () => n);
    return 'done';
  });
  const engine = engineOn(memoryStore(), [long]);
  onTestFinished(() => engine[Symbol.asyncDispose]());
  await engine.run('long', null, { id: 'r' });
  return { engine, calls: () => calls };
}

const compact = (engine: Engine) => engine.store.compact({ tenant: 'default', run: 'r' });

describe('a run that was compacted', () => {
  it('REC-4, EVT-2: its events reject at once with RUN_COMPACTED, also for a reader that was not through', async () => {
    const { engine } = await ended();
    const reader = engine.events(key('r'));
    await reader.next();
    await compact(engine);

    const rest = async (): Promise<void> => {
      while (!(await reader.next()).done);
    };

    await expect(rest()).rejects.toMatchObject({ code: 'RUN_COMPACTED', meta: { run: 'r' } });
    for (const options of [{}, { after: 1 }, { tree: true }, { tree: true, after: { r: 1 } }])
      await expect(engine.events(key('r'), options).next()).rejects.toMatchObject({ code: 'RUN_COMPACTED' });
  });

  it('REC-4, EVT-2: a reader that has its whole journal sees nothing more, and no error', async () => {
    const { engine } = await ended();
    const { seq = 0 } = (await engine.store.run(key('r'))) ?? {};
    await compact(engine);

    expect(await engine.events(key('r'), { after: seq }).next()).toEqual({ done: true, value: undefined });
  });

  it('REC-4, DUR-1: a run of its id and a drive of it answer with its result, and its body is not called again', async () => {
    const { engine, calls } = await ended();
    const before = await engine.drive(key('r'));
    await compact(engine);

    expect(await engine.drive(key('r'))).toEqual(before);
    expect(await engine.run('long', null, { id: 'r' })).toEqual(before);
    expect(before).toMatchObject({ status: 'completed', output: 'done' });
    expect(calls()).toBe(1);
  });

  it('EVT-2: a reader of a run that is not there yet waits for it', async () => {
    const { engine } = await ended();
    const reader = engine.events(key('later'));
    const first = reader.next();
    await engine.start('long', null, { id: 'later' });

    expect((await first).value).toMatchObject({ live: false, entry: { seq: 1 } });
    await reader.return?.();
  });
});
