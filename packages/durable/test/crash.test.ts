import type { Store } from '@prusik/core';
import { dyingStore, everyDeath, fakeClock, inspectStore, type EffectLine } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { bringMainRunToEnd, checkMainRun } from './main-run.ts';
import { STORAGES } from './storages.ts';
import { entriesOf, key } from './support.ts';

/** A parent that is parked at once meets its children through the store; a hot one waits for them in memory. */
const waits = { parked: 0, hot: 20_000 };
/** Every point of the memory store; of the file, which is slower and decides by the same code, a sample. `CRASH_POINTS=all` tries all. */
const everyFor = (name: string, sample: number): number =>
  name === 'memory' || process.env['CRASH_POINTS'] === 'all' ? 1 : sample;

const cases = Object.entries(STORAGES).flatMap(([name, create]) =>
  Object.entries(waits).map(([how, parkAfterMs]) => [name, how, create, parkAfterMs] as const),
);

describe.each(cases)('a process that dies at any write to its store (%s, %s)', (name, _, create, parkAfterMs) => {
  it('TST-3, I1, I4: dies before and after the k-th write, for every k, and another goes on with nothing lost or done twice', async () => {
    const every = everyFor(name, 3);
    const points = await everyDeath({
      create,
      live: (life) => bringMainRunToEnd(life, parkAfterMs),
      check: ({ store, lines }) => checkMainRun(store, lines),
      every,
    });

    expect(points.size * every).toBeGreaterThan(50);
  }, 60_000);

  it.each([2, 9])(
    'TST-3, I1, I4: dies a second time, at write %i of the life that took over',
    async (again) => {
      const points = await everyDeath({
        create,
        live: (life) => bringMainRunToEnd(life, parkAfterMs),
        check: ({ store, lines }) => checkMainRun(store, lines),
        again,
        every: everyFor(name, 4) * 4,
      });

      expect([...points.keys()].filter((point) => point.includes(', then '))).not.toEqual([]);
    },
    60_000,
  );
});

describe.each(Object.entries(STORAGES))('a step in doubt (%s)', (_, create) => {
  it('DUR-5: dies between the effect of a once step and its record, and the step is in doubt, not done again', async () => {
    const clock = fakeClock();
    const storage = create();
    const store = await storage.open({ clock });
    const lines: EffectLine[] = [];
    const write = (line: EffectLine): void => void lines.push(line);
    const time = setInterval(() => clock.advance(10_000), 5);
    const dying = dyingStore(store, (method, [commit]) => method === 'commit' && endsOnce(commit), 'before');
    void bringMainRunToEnd({ store: dying.store, clock, write, number: 1 }, 0);
    await dying.died;

    await bringMainRunToEnd({ store, clock, write, number: 2 }, 0);
    clearInterval(time);

    expect(lines.filter((line) => line.type === 'effect' && line.step === 'once')).toHaveLength(1);
    const settled = (await entriesOf(store, key('r'))).flatMap((entry) =>
      entry.type === 'step-end' && entry.key === 'once' ? [entry.settledBy] : [],
    );
    expect(settled).toEqual(['doubt']);
    expect((await inspectStore(store, { lines })).violations).toEqual([]);
    await store[Symbol.asyncDispose]();
    await storage.remove?.();
  });
});

function endsOnce(commit: unknown): boolean {
  const { entries } = commit as Parameters<Store['commit']>[0];
  return entries.some((entry) => entry.type === 'step-end' && entry.key === 'once');
}
