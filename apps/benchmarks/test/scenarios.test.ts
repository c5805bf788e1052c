import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { runCli } from '../src/cli.ts';
import { alternate, atLeastTimes, atMost, atMostMore, atMostTimes, quantile, toRow } from '../src/measure.ts';
import { runScenarios } from '../src/run-scenarios.ts';
import { SCENARIOS } from '../src/scenarios/index.ts';
import { table } from '../src/table.ts';

const signal = new AbortController().signal;
/** A fiftieth of everything: whether it works, not how fast. */
const smallest = {
  rounds: 1,
  warmUp: 1,
  cycles: 100,
  signal,
  count: (full: number) => Math.ceil(full / 50),
  // Child processes find the sources as this one does.
  execArgv: ['--conditions=@prusik/source'],
};

it.each(SCENARIOS)('$name gives rows of numbers in the promised shape', { timeout: 60_000 }, async (scenario) => {
  const results = await runScenarios([scenario], smallest);

  expect(results.length).toBeGreaterThan(0);
  for (const { row } of results) {
    const keys = ['scenario', 'subject', 'unit', 'min', 'median', 'max', 'floor', 'ratio'];
    expect(Object.keys(row)).toEqual(keys);
    expect(row.scenario).toBe(scenario.name);
    expect([row.min, row.median, row.max].every(Number.isFinite)).toBe(true);
    expect(row.min <= row.median && row.median <= row.max).toBe(true);
    expect(row.ratio).toBe(row.floor === null ? null : row.median / row.floor);
  }
  expect(new Set(results.map(({ row }) => `${row.subject} ${row.unit}`)).size).toBe(results.length);
});

it('measures all subjects in turn, and does not count the round that warms up', async () => {
  const order: string[] = [];
  let next = 0;
  const subject = (name: string) => () => {
    order.push(name);
    return (next += 1);
  };

  const samples = await alternate({ rounds: 2, signal }, { floor: subject('floor'), ours: subject('ours') });

  expect(order).toEqual(['floor', 'ours', 'ours', 'floor', 'floor', 'ours']);
  expect(samples).toEqual({ floor: [4, 5], ours: [3, 6] });
});

it('takes the median of an odd and an even number of rounds, and a quantile that was measured', () => {
  expect(quantile([3, 1, 2], 0.5)).toBe(2);
  expect(quantile([4, 3, 1, 2], 0.5)).toBe(2);
  expect(quantile([5, 1, 4, 2, 3], 0.99)).toBe(5);
});

it('says of each goal whether it is met, and shows both beside the ratio', () => {
  const row = toRow({ scenario: 's', subject: 'x', unit: 'ms' }, [30, 10, 20], [10]);

  expect(row).toMatchObject({ min: 10, median: 20, max: 30, floor: 10, ratio: 2 });
  const goals = [
    atMostTimes(2),
    atMostTimes(1.9),
    atLeastTimes(2),
    atLeastTimes(2.1),
    atMost(20, 'ms'),
    atMost(19, 'ms'),
  ];
  expect(goals.map((goal) => goal.isMet(row))).toEqual([true, false, true, false, true, false]);
  expect([atMostMore(10, 'ms'), atMostMore(9, 'ms')].map((goal) => goal.isMet(row))).toEqual([true, false]);
  const lines = table([{ row, goal: atMostTimes(1.9) }, { row }]).split('\n');
  expect(lines[2]).toMatch(/20\.0 .* 2\.00 × \| ≤ 1\.9 × \| missed \|$/);
  expect(lines[3]).toMatch(/2\.00 × \| – +\| +\|$/);
});

it('prints a table, writes the rows as JSON and leaves no file behind', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-test-'));
  // What os.tmpdir() asks for, here and on Windows.
  vi.stubEnv('TMPDIR', folder);
  vi.stubEnv('TEMP', folder);
  const said = { out: '', err: '' };
  const environment = {
    print: (text: string) => (said.out += text),
    report: (text: string) => (said.err += text),
    signal,
    execArgv: smallest.execArgv,
  };
  try {
    const json = join(folder, 'rows.json');
    const code = await runCli(['--only', 'import', '--rounds', '1', '--json', json], environment);

    expect(code).toBe(0);
    expect(said.out).toMatch(/\| core, durable, store-sqlite +\|/);
    expect(said.err).toMatch(/^import … [\d.]+ s\n$/);
    expect(JSON.parse(await readFile(json, 'utf8'))).toMatchObject([
      { scenario: 'import', subject: 'core, durable, store-sqlite', unit: 'ms' },
      { scenario: 'import', subject: 'harness, agents, store-sqlite', unit: 'ms' },
    ]);
    expect(await readdir(folder)).toEqual(['rows.json']);
  } finally {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true, force: true });
  }
});

it.each([
  [['--only', 'nothing'], 'There is no scenario named nothing'],
  [['--rounds', '0'], '--rounds must be a whole number'],
  [['--fast'], "Unknown option '--fast'"],
])('refuses %j and shows how to use it', async (args, message) => {
  let err = '';
  const environment = { print: () => {}, report: (text: string) => (err += text), signal, execArgv: [] };

  const code = await runCli(args, environment);

  expect(code).toBe(2);
  expect(err).toContain(message);
  expect(err).toContain('Usage:');
});

it('ends with 130 when it is interrupted, and 1 when a scenario fails', async () => {
  const environment = { print: () => {}, report: () => {}, execArgv: ['--no-such-option'] };

  const interrupted = await runCli(['--only', 'durable-step'], { ...environment, signal: AbortSignal.abort() });
  const failed = await runCli(['--only', 'import'], { ...environment, signal });

  expect([interrupted, failed]).toEqual([130, 1]);
});
