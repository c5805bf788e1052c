import type { Violation } from '@prusik/testing-contracts';
import { parseArguments, USAGE, type ChaosArguments } from './arguments.ts';
import { runCampaign, type CampaignResult } from './campaign.ts';
import { makePlan } from './plan.ts';
import { runPoints, type PointsResult } from './points.ts';

export interface CliEnvironment {
  readonly print: (text: string) => void;
  /** For people, beside the answer. */
  readonly report: (text: string) => void;
  readonly signal: AbortSignal;
  readonly execArgv: readonly string[];
}

const newSeed = (): number => Math.floor(Math.random() * 2 ** 32);

export async function runCli(args: readonly string[], environment: CliEnvironment): Promise<number> {
  const { print, report, signal } = environment;
  let given: ChaosArguments;
  try {
    given = parseArguments(args, newSeed);
  } catch (error) {
    report(`${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
  if (given.help) {
    print(USAGE);
    return 0;
  }
  const plan = makePlan(given);
  if (given.plan) {
    print(`${JSON.stringify(plan, null, 2)}\n`);
    return 0;
  }
  report(`seed ${given.seed}\n`);
  try {
    const options = { ...environment, ...given, plan };
    const result = given.points > 0 ? await runPoints(options, given.points) : await runCampaign(options);
    print(given.json ? `${JSON.stringify(result)}\n` : table(result));
    for (const violation of result.violations) report(`violated: ${describe(violation)}\n`);
    if (result.violations.length === 0) return 0;
    report(`Again with: npm run chaos -- ${replay(args, given.seed)}\n`);
    return 1;
  } catch (error) {
    if (signal.aborted) {
      report('interrupted\n');
      return 130;
    }
    report(`failed\n${error instanceof Error ? error.stack : String(error)}\n`);
    return 1;
  }
}

const replay = (args: readonly string[], seed: number): string =>
  [...args, ...(args.some((arg) => arg.startsWith('--seed')) ? [] : ['--seed', String(seed)])].join(' ');

function describe({ rule, run, message, point }: Violation & { readonly point?: string }): string {
  const where = [point, rule, run === '' ? undefined : run].filter((part) => part !== undefined);
  return `${where.join(': ')}: ${message}`;
}

function table({ violations, ...numbers }: CampaignResult | PointsResult): string {
  const rows = [...Object.entries(numbers), ['violations', violations.length]];
  return rows.map(([name, value]) => `${String(name).padEnd(20)}${String(value).padStart(10)}\n`).join('');
}
