import { expect, it } from 'vitest';
import { runCli } from '../src/cli.ts';
import { makePlan } from '../src/plan.ts';

async function run(...args: readonly string[]) {
  let printed = '';
  let reported = '';
  const code = await runCli(args, {
    print: (text) => (printed += text),
    report: (text) => (reported += text),
    signal: new AbortController().signal,
    execArgv: [],
  });
  return { code, printed, reported };
}

it('TST-3: the same seed gives the same plan, and another seed another one', async () => {
  const first = await run('--plan', '--seed', '7');
  const again = await run('--plan', '--seed', '7');
  const other = await run('--plan', '--seed', '8');

  expect(first.code).toBe(0);
  expect(again.printed).toBe(first.printed);
  expect(other.printed).not.toBe(first.printed);
});

it('TST-3: a plan has as many runs, kills and pauses as it was asked for, and leaves the end of the work in peace', () => {
  for (const seed of [1, 2, 3]) {
    const options = { seed, runs: 20, steps: 6, workers: 3, kills: 12, pauses: 6 };
    const plan = makePlan(options);

    expect(plan.runs).toHaveLength(20);
    expect(plan.strikes.filter(({ what }) => what === 'kill').length + plan.points.length).toBe(12);
    expect(plan.strikes.filter(({ what }) => what === 'pause')).toHaveLength(6);
    expect(Math.max(...plan.strikes.map(({ at }) => at))).toBeLessThanOrEqual(96);
  }
});

it.each([
  ['--runs', '0'],
  ['--seed', 'x'],
  ['--steps', ''],
  ['--synchronous', 'off'],
  ['--sabotage', 'everything'],
  ['--unknown'],
  ['--every', '3'],
  ['--kills', '3', '--points'],
])('ERR-3: %s %s is refused with one line and exit code 2', async (...args) => {
  const { code, printed, reported } = await run(...args);

  expect(code).toBe(2);
  expect(printed).toBe('');
  expect(reported).toMatch(new RegExp(`^[^\\n]*${args[0]}[^\\n]*\\n$`));
});

it('--help says how it is used', async () => {
  expect(await run('--help')).toMatchObject({ code: 0, printed: expect.stringMatching(/^Usage: npm run chaos/) });
});
