import type { Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { sqliteStore } from '@prusik/store-sqlite';
import { childrenOf, generateTexts, timeTrees, type TreeShape } from '../answerers.ts';
import { alternate, atMostTimes, timed, toRow } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';

const floorText = 'floor: as many generateText of ai, as many at a time';

export const fanOut: Scenario = {
  name: 'fan-out',
  about: `a workflow with 100 agents of one model call each, 8 at a time, store-memory; ${floorText}`,
  async run(bench: Bench) {
    const subjects = subjectsOf(bench, { memory: memoryStore });
    await warmUp(bench, [subjects.floor, subjects.memory]);
    const { floor, memory } = await alternate(bench, subjects);
    return [
      {
        row: toRow({ scenario: 'fan-out', subject: '100 children', unit: 'µs/child' }, memory, floor),
        goal: atMostTimes(3),
      },
    ];
  },
};

export const fanOutDurable: Scenario = {
  name: 'fan-out-durable',
  about: 'the same on store-sqlite; the floor stores nothing',
  async run(bench: Bench) {
    const subjects = subjectsOf(bench, {
      normal: () => sqliteStore({ path: bench.newPath(), synchronous: 'normal' }),
      full: () => sqliteStore({ path: bench.newPath(), synchronous: 'full' }),
    });
    await warmUp(bench, [subjects.floor, subjects.normal]);
    const { floor, normal, full } = await alternate(bench, subjects);
    const row = (subject: string, samples: readonly number[]) =>
      toRow({ scenario: 'fan-out-durable', subject, unit: 'µs/child' }, samples, floor);
    return [
      { row: row('NORMAL', normal), goal: atMostTimes(4) },
      { row: row('FULL', full), goal: atMostTimes(7) },
    ];
  },
};

type Subject = () => Promise<number>;

/** Microseconds that a child takes, and a call of the floor. A parent of 100 is soon done, so a sample has several, one after the other. */
function subjectsOf<Name extends string>(
  bench: Bench,
  stores: Readonly<Record<Name, () => Store>>,
): Readonly<Record<Name | 'floor', Subject>> {
  const shape: TreeShape = { width: bench.count(100), levels: 1 };
  const parents = bench.count(5);
  const children = parents * childrenOf(shape);
  const floor = async (): Promise<number> => {
    let ms = 0;
    for (let parent = 0; parent < parents; parent += 1) ms += await timed(() => generateTexts(shape.width));
    return (ms * 1_000) / children;
  };
  const ours = Object.entries<() => Store>(stores).map(([name, open]) => [
    name,
    async () => ((await timeTrees(open, shape, parents)) * 1_000) / children,
  ]);
  return { floor, ...Object.fromEntries(ours) } as Readonly<Record<Name | 'floor', Subject>>;
}

async function warmUp(bench: Bench, subjects: readonly Subject[]): Promise<void> {
  for (let round = 0; round < bench.warmUp; round += 1) {
    for (const subject of subjects) {
      bench.signal.throwIfAborted();
      await subject();
    }
  }
}
