import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { runScenarios } from './run-scenarios.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios/index.ts';
import { table } from './table.ts';

export interface CliEnvironment {
  readonly print: (text: string) => void;
  readonly report: (text: string) => void;
  readonly signal: AbortSignal;
  readonly execArgv: readonly string[];
}

const USAGE = `Usage: npm run bench -- [options]

  --only NAME[,NAME]  these scenarios only
  --rounds N          rounds that count, after one that warms up (default 5)
  --warm-up N         how often the work is done before that, without syncs (default 20)
  --cycles N          starts and stops of an MCP server, in mcp-start (default 200)
  --json FILE         also write the rows there
  --help

Files are written to the system's temporary folder; TMPDIR names another disk.

Scenarios:
${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(20)}${about}\n`).join('')}`;

/** Exit code: 0 whatever was measured, 1 for a scenario that failed, 2 for wrong arguments, 130 after Ctrl-C. */
export async function runCli(args: readonly string[], environment: CliEnvironment): Promise<number> {
  const { print, report, signal, execArgv } = environment;
  let options: Options;
  try {
    options = parse(args);
  } catch (error) {
    report(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  if (options.help) {
    print(USAGE);
    return 0;
  }
  try {
    const results = await runScenarios(options.scenarios, {
      rounds: options.rounds,
      warmUp: options.warmUp,
      cycles: options.cycles,
      count: (full) => full,
      signal,
      execArgv,
      onStart: ({ name }) => report(`${name} … `),
      onEnd: (_scenario, _results, seconds) => report(`${seconds.toFixed(1)} s\n`),
    });
    print(table(results));
    if (options.json !== undefined) {
      const rows = results.map(({ row }) => row);
      await writeFile(options.json, `${JSON.stringify(rows, null, 2)}\n`);
    }
    return 0;
  } catch (error) {
    if (signal.aborted) {
      report('interrupted\n');
      return 130;
    }
    report(`failed\n${error instanceof Error ? error.stack : String(error)}\n`);
    return 1;
  }
}

interface Options {
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly warmUp: number;
  readonly cycles: number;
  readonly json: string | undefined;
  readonly help: boolean;
}

function parse(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      'warm-up': { type: 'string', default: '20' },
      cycles: { type: 'string', default: '200' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = wholeNumber('--rounds', values.rounds, 1);
  const warmUp = wholeNumber('--warm-up', values['warm-up'], 0);
  const cycles = wholeNumber('--cycles', values.cycles, 1);
  const only = values.only?.split(',');
  const unknown = only?.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name)) ?? [];
  if (unknown.length > 0) throw new TypeError(`There is no scenario named ${unknown.join(', ')}`);
  const scenarios = SCENARIOS.filter(({ name }) => only?.includes(name) ?? true);
  return { scenarios, rounds, warmUp, cycles, json: values.json, help: values.help };
}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= least && value <= 1_000))
    throw new TypeError(`${option} must be a whole number from ${least} to 1,000, not ${text}`);
  return value;
}
