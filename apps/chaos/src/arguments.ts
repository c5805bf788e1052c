import { parseArgs } from 'node:util';
import type { PlanOptions } from './plan.ts';
import { SABOTAGES, type Sabotage } from './sabotage.ts';

export const USAGE = `Usage: npm run chaos -- [options]

Real worker processes on one SQLite file, killed (SIGKILL) and paused past their lease (SIGSTOP, SIGCONT) by a seeded plan while they drive
runs with repeatable, keyed, once and parallel steps, timers, signals, children, approvals, session queues and a ledger. Then everything is
looked at: 0 outcomes twice, 0 lost, one end for each run, nothing left over.

  --seed N           of the plan (default: a new one, which is printed)
  --runs N           (default 60)
  --steps N          of each run (default 6)
  --workers N        worker processes (default 3)
  --kills N          a third of them at a point of the worker's own commits (default 12)
  --pauses N         (default 6)
  --lease-ms N       (default 600)
  --synchronous S    full or normal (default full)
  --timeout S        seconds for all runs (default 120)
  --points           instead of chance: kill one worker before and after its first commit, its second, and so on, each in a
                     life of its own (3 runs, 1 worker, no other kills; some minutes)
  --every N          with --points, every so many commits only (default 1)
  --plan             print the plan as JSON and end
  --json             print one JSON object instead of a table
  --keep             leave the file and say where it is
  --sabotage WHAT    break one promise on purpose and see it found: fence (stale commits pass), intent (once steps
                     leave no intent), dedupe (recorded steps are forgotten)
  --help

Exit code: 0 when everything held, 1 when something was violated, 2 for wrong arguments, 130 after Ctrl-C.
`;

export interface ChaosArguments extends PlanOptions {
  readonly leaseMs: number;
  readonly synchronous: 'full' | 'normal';
  readonly timeoutMs: number;
  /** Every so many commits; 0 for a campaign. */
  readonly points: number;
  readonly plan: boolean;
  readonly json: boolean;
  readonly keep: boolean;
  readonly help: boolean;
  readonly sabotage?: Sabotage;
}

/** @throws {TypeError} with one line that says what is wrong. */
export function parseArguments(args: readonly string[], newSeed: () => number): ChaosArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      runs: { type: 'string' },
      steps: { type: 'string', default: '6' },
      workers: { type: 'string' },
      kills: { type: 'string' },
      pauses: { type: 'string' },
      points: { type: 'boolean', default: false },
      every: { type: 'string' },
      'lease-ms': { type: 'string', default: '600' },
      synchronous: { type: 'string', default: 'full' },
      timeout: { type: 'string', default: '120' },
      plan: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      sabotage: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const { synchronous, sabotage: given, points } = values;
  // Of every point in turn there are many lives, so each is a small one.
  const usual = points ? { runs: 3, workers: 1, kills: 0, pauses: 0 } : { runs: 60, workers: 3, kills: 12, pauses: 6 };
  if (values.every !== undefined && !points) throw new TypeError('--every goes with --points');
  for (const name of ['kills', 'pauses', 'workers'] as const)
    if (points && values[name] !== undefined) throw new TypeError(`--${name} does not go with --points`);
  if (synchronous !== 'full' && synchronous !== 'normal')
    throw new TypeError(`--synchronous must be full or normal, not ${synchronous}`);
  const sabotage = SABOTAGES.find((name) => name === given);
  if (given !== undefined && sabotage === undefined)
    throw new TypeError(`--sabotage must be one of ${SABOTAGES.join(', ')}, not ${given}`);
  return {
    seed: values.seed === undefined ? newSeed() : whole('seed', values.seed, 0, 2 ** 32 - 1),
    runs: whole('runs', values.runs ?? String(usual.runs), 1, 1_000),
    steps: whole('steps', values.steps, 1, 100),
    workers: whole('workers', values.workers ?? String(usual.workers), 1, 32),
    kills: whole('kills', values.kills ?? String(usual.kills), 0, 1_000),
    pauses: whole('pauses', values.pauses ?? String(usual.pauses), 0, 1_000),
    leaseMs: whole('lease-ms', values['lease-ms'], 100, 60_000),
    timeoutMs: whole('timeout', values.timeout, 1, 86_400) * 1_000,
    synchronous,
    points: points ? whole('every', values.every ?? '1', 1, 1_000) : 0,
    plan: values.plan,
    json: values.json,
    keep: values.keep,
    help: values.help,
    ...(sabotage === undefined ? {} : { sabotage }),
  };
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < least || value > most)
    throw new TypeError(`--${name} must be a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`);
  return value;
}
