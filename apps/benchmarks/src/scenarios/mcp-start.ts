import { readdir } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  ISOLATIONS,
  REVISIONS,
  toolsOf,
  withMcpPlace,
  type Isolation,
  type McpPlace,
  type Revision,
} from '../mcp-place.ts';
import { alternate, atMost, atMostMore, heapInUse, timed, toRow, type Result } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';

const scenario = 'mcp-start';
/** Not counted: until everything that is made once and kept has been made. */
const FIRST_CYCLES = 20;
/** Starts for each round of other scenarios: how long one takes varies more than what is measured. */
const STARTS = 4;
const COLLECTIONS = 10;
const FIGURES = [
  { name: 'processes', goal: atMost(0, 'processes'), unit: 'processes' },
  { name: 'descriptors', goal: atMost(0, 'descriptors'), unit: 'descriptors' },
  { name: 'heap', goal: atMost(1_024, 'B'), unit: 'B/cycle' },
] as const;
type Figures = Readonly<Partial<Record<(typeof FIGURES)[number]['name'], number>>>;

/** Milliseconds until a server that was not there has told its tools. */
async function start(place: McpPlace, revision: Revision, isolation: Isolation): Promise<number> {
  const runner = place.runner(revision, isolation);
  try {
    return await timed(async () => {
      const { bench_add } = await runner.tools();
      if (bench_add === undefined) throw new Error('The server has not told its tools');
    });
  } finally {
    await runner[Symbol.asyncDispose]();
  }
}

/** What there is more of after so many starts, calls and stops. */
async function growth(place: McpPlace, { count, cycles, signal }: Bench): Promise<Figures> {
  async function cycle(): Promise<void> {
    signal.throwIfAborted();
    const runner = place.runner('2026-07-28', 'bubblewrap');
    try {
      const call = await toolsOf(runner);
      if ((await call('add', { a: 1, b: 2 })) !== '3') throw new Error('The sum is wrong');
    } finally {
      await runner[Symbol.asyncDispose]();
    }
  }
  for (let n = 0; n < count(FIRST_CYCLES); n += 1) await cycle();
  const [heap, descriptors] = [await settledHeap(), await openDescriptors()];
  for (let n = 0; n < count(cycles); n += 1) await cycle();
  const [processes, descriptorsAfter] = [await place.processes(), await openDescriptors()];
  return {
    ...(processes === undefined ? {} : { processes }),
    ...(descriptors === undefined || descriptorsAfter === undefined
      ? {}
      : { descriptors: descriptorsAfter - descriptors }),
    heap: ((await settledHeap()) - heap) / count(cycles),
  };
}

/** Compiled code that nobody has run for some collections goes, megabytes of it, and would hide what grows. */
async function settledHeap(): Promise<number> {
  for (let n = 0; n < COLLECTIONS; n += 1) {
    heapInUse();
    await nextTurn();
  }
  return heapInUse();
}

/** Of this process; only Linux tells. */
const openDescriptors = (): Promise<number | undefined> =>
  readdir('/proc/self/fd').then(
    ({ length }) => length,
    () => undefined,
  );

export const mcpStart: Scenario = {
  name: scenario,
  about:
    'start of an MCP server until it has told its tools, and what many starts and stops leave; floor: the same program by child_process, asked the same',
  run: (bench) =>
    withMcpPlace(bench, async (place) => {
      const results: Result[] = [];
      for (const revision of REVISIONS) {
        const samples = await alternate(
          { ...bench, rounds: bench.rounds * bench.count(STARTS) },
          {
            floor: () => place.plainStart(revision),
            none: () => start(place, revision, 'none'),
            bubblewrap: () => start(place, revision, 'bubblewrap'),
          },
        );
        for (const isolation of ISOLATIONS)
          results.push({
            row: toRow(
              { scenario, subject: `${revision}, ${place.called(isolation)}`, unit: 'ms' },
              samples[isolation],
              samples.floor,
            ),
            goal: atMostMore(50, 'ms'),
          });
      }
      const left = await growth(place, bench);
      for (const { name, unit, goal } of FIGURES) {
        const value = left[name];
        const subject = `${bench.count(bench.cycles)} starts and stops, ${name} more, ${place.called('bubblewrap')}`;
        if (value !== undefined) results.push({ row: toRow({ scenario, subject, unit }, [value]), goal });
      }
      return results;
    }),
};
