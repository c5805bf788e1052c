import { everyDeath } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { bringNarrowToEnd, checkNarrow } from './narrow-run.ts';
import { bringSpreadToEnd, checkSpread } from './spread-run.ts';
import { everyFor, STORAGES } from './storages.ts';

/** A parent that is parked at once meets its children through the store; a hot one waits for them in memory. */
const waits = { parked: 0, hot: 20_000 };
const cases = Object.entries(STORAGES).flatMap(([name, create]) =>
  Object.entries(waits).map(([how, parkAfterMs]) => [name, how, create, parkAfterMs] as const),
);

describe.each(cases)(
  'a parent whose process dies at any write to its store (%s, %s)',
  (name, how, create, parkAfterMs) => {
    it('TST-3, WFL-4, WFL-5, WFL-6, WFL-7: before and after the k-th write: another goes on with the same results and one ledger', async () => {
      const every = everyFor(name, 8);
      const points = await everyDeath({
        create,
        live: (life) => bringSpreadToEnd(life, parkAfterMs),
        check: ({ store, lines }) => checkSpread(store, lines),
        every,
      });

      expect(points.size * every).toBeGreaterThan(40);
    }, 60_000);

    it.each([3, 10])(
      'TST-3, WFL-6, WFL-7: dies a second time, at write %i of the life that took over',
      async (again) => {
        const points = await everyDeath({
          create,
          live: (life) => bringSpreadToEnd(life, parkAfterMs),
          check: ({ store, lines }) => checkSpread(store, lines, 2),
          again,
          every: everyFor(name, 3) * 6,
        });

        expect([...points.keys()].filter((point) => point.includes(', then '))).not.toEqual([]);
      },
      60_000,
    );

    it('TST-3, WFL-2, WFL-4: before and after the k-th write, with places for three of five calls in its tree: the same three, whoever starts them', async () => {
      const points = await everyDeath({
        create,
        live: (life) => bringNarrowToEnd(life, parkAfterMs),
        check: ({ store }) => checkNarrow(store),
        every: everyFor(name, 4),
      });

      expect(points.size).toBeGreaterThan(5);
    }, 60_000);
  },
);
