import { memoryStore } from '@prusik/store-memory';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Engine } from '../src/index.ts';
import { durable, engineOn, key } from './support.ts';

/** An engine with a run that has ended, with more entries than a reader takes at once. */
async function ended(): Promise<Engine> {
  const long = durable('long', async (ctx) => {
    for (let n = 0; n < 300; n += 1) await ctx.step(`s${n}`, () => n);
  });
  const engine = engineOn(memoryStore(), [long]);
  onTestFinished(() => engine[Symbol.asyncDispose]());
  await engine.run('long', null, { id: 'r' });
  return engine;
}

const remove = (engine: Engine) => engine.store.remove({ tenant: 'default', run: 'r' });

describe('a run that was removed', () => {
  it('EVT-2: tells its readers, who were not through, that nothing more will come', async () => {
    const engine = await ended();
    const reader = engine.events(key('r'));
    await reader.next();
    await remove(engine);

    const rest = async (): Promise<void> => {
      while (!(await reader.next()).done);
    };

    await expect(rest()).rejects.toMatchObject({ code: 'RUN_UNKNOWN', meta: { run: 'r' } });
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  it('EVT-2: is unknown to who comes back with a cursor, also when another run has its name', async () => {
    const engine = await ended();
    await remove(engine);

    await expect(engine.events(key('r'), { after: 5 }).next()).rejects.toMatchObject({ code: 'RUN_UNKNOWN' });
    await engine.start('long', null, { id: 'r' });
    await expect(engine.events(key('r'), { after: 5 }).next()).rejects.toMatchObject({ code: 'CURSOR_AHEAD' });
  });

  it('REC-4: cannot be driven, signalled or cancelled, and its id starts a new run', async () => {
    const engine = await ended();
    await remove(engine);

    await expect(engine.drive(key('r'))).rejects.toMatchObject({ code: 'RUN_UNKNOWN' });
    expect(await engine.signal(key('r'), 'k', null)).toEqual({ outcome: 'unknown' });
    expect(await engine.cancel(key('r'))).toEqual({ outcome: 'unknown' });
    expect(await engine.run('long', null, { id: 'r' })).toMatchObject({ status: 'completed' });
    expect((await engine.store.run(key('r')))?.epoch).toBe(1);
  });
});
