import {
  ISOLATIONS,
  REVISIONS,
  toolsOf,
  withMcpPlace,
  type CallTool,
  type Isolation,
  type Revision,
} from '../mcp-place.ts';
import { alternate, atMostTimes, quantile, timed, toRow, type Goal, type Result } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';

const scenario = 'mcp-call';
const AT_ONCE = 100;
const RESULT_BYTES = 100 * 1024;
const GOALS: Readonly<Record<Isolation, Goal>> = { none: atMostTimes(1.3), bubblewrap: atMostTimes(1.5) };
type Subject = 'floor' | Isolation;
type Calls = Readonly<Record<Subject, CallTool>>;

async function add(call: CallTool): Promise<void> {
  if ((await call('add', { a: 1, b: 2 })) !== '3') throw new Error('The sum is wrong');
}

async function repeat(call: CallTool): Promise<void> {
  if ((await call('repeat', { times: RESULT_BYTES })).length !== RESULT_BYTES) throw new Error('The text is cut');
}

const KINDS = [
  { name: 'small', times: 300, work: add },
  { name: '100 KiB', times: 100, work: repeat },
] as const;

/** The median in microseconds of each, one call of each in turn. */
async function mediansOf(
  { signal }: Bench,
  times: number,
  calls: Calls,
  work: (call: CallTool) => Promise<void>,
): Promise<Readonly<Record<Subject, number>>> {
  const samples = await alternate(
    { rounds: times, signal },
    {
      floor: () => timed(() => work(calls.floor)),
      none: () => timed(() => work(calls.none)),
      bubblewrap: () => timed(() => work(calls.bubblewrap)),
    },
  );
  const median = (of: readonly number[]): number => quantile(of, 0.5) * 1_000;
  return { floor: median(samples.floor), none: median(samples.none), bubblewrap: median(samples.bubblewrap) };
}

const callsPerSecond = async (count: number, call: CallTool): Promise<number> => {
  const ms = await timed(() => Promise.all(Array.from({ length: count }, () => add(call))));
  return (count * 1_000) / ms;
};

async function measure(
  bench: Bench,
  revision: Revision,
  calls: Calls,
  called: (isolation: Isolation) => string,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const { name, times, work } of KINDS) {
    for (let round = 0; round < bench.warmUp; round += 1) {
      bench.signal.throwIfAborted();
      for (const call of Object.values(calls)) for (let n = 0; n < bench.count(20); n += 1) await work(call);
    }
    const { medians } = await alternate(bench, { medians: () => mediansOf(bench, bench.count(times), calls, work) });
    for (const isolation of ISOLATIONS)
      results.push({
        row: toRow(
          { scenario, subject: `${revision}, ${name}, ${called(isolation)}`, unit: 'µs' },
          medians.map((one) => one[isolation]),
          medians.map(({ floor }) => floor),
        ),
        goal: GOALS[isolation],
      });
  }
  const atOnce = bench.count(AT_ONCE);
  const samples = await alternate(bench, {
    floor: () => callsPerSecond(atOnce, calls.floor),
    none: () => callsPerSecond(atOnce, calls.none),
    bubblewrap: () => callsPerSecond(atOnce, calls.bubblewrap),
  });
  for (const isolation of ISOLATIONS)
    results.push({
      row: toRow(
        { scenario, subject: `${revision}, ${atOnce} at once, ${called(isolation)}`, unit: 'calls/s' },
        samples[isolation],
        samples.floor,
      ),
    });
  return results;
}

export const mcpCall: Scenario = {
  name: scenario,
  about:
    'calls of a tool of an MCP server by a runner, small and of 100 KiB, and 100 at once; floor: the client of the official SDK',
  run: (bench) =>
    withMcpPlace(bench, async (place) => {
      const results: Result[] = [];
      for (const revision of REVISIONS) {
        const runners = { none: place.runner(revision, 'none'), bubblewrap: place.runner(revision, 'bubblewrap') };
        try {
          const calls = {
            floor: await place.sdk(revision),
            none: await toolsOf(runners.none),
            bubblewrap: await toolsOf(runners.bubblewrap),
          };
          results.push(...(await measure(bench, revision, calls, place.called)));
        } finally {
          for (const runner of Object.values(runners)) await runner[Symbol.asyncDispose]();
        }
      }
      return results;
    }),
};
