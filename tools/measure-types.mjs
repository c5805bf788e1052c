// What the types of Prusik cost whoever uses them: a small program is checked as a user's compiler would, against the built declarations, beside the
// same program on the AI SDK alone (apps/benchmarks/types). Needs `npm run check -- build`. Fails when the goal is missed: instantiations are counted
// and the same on every machine, so they are held to it; time is not, so it may be the half more.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { bin, root } from './toolchain.mjs';

const ROUNDS = 9;
/** Of what the same program takes on the AI SDK alone. */
const GOAL = 1.2;
const LIMITS = { Instantiations: GOAL, Types: GOAL, 'Check time': GOAL * 1.5, 'Total time': GOAL * 1.5 };

/**
 * The figures of `tsc --extendedDiagnostics`, by name; times in milliseconds.
 *
 * @param {string} output
 */
export function figuresOf(output) {
  return new Map(
    [...output.matchAll(/^([A-Z][\w ]+):\s+([\d.]+)(s|K)?$/gm)].map(([, name = '', value, unit]) => [
      name,
      unit === 's' ? Math.round(Number(value) * 1_000) : Number(value),
    ]),
  );
}

/** @param {readonly number[]} values */
export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** @param {string} program */
function check(program) {
  const project = join(root, 'apps/benchmarks/types', program, 'tsconfig.json');
  const args = [bin('typescript', 'tsc'), '--project', project, '--extendedDiagnostics'];
  const done = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (done.status !== 0)
    throw new Error(`${program} does not compile (is everything built?)\n${done.stdout}${done.stderr}`);
  return figuresOf(done.stdout);
}

function main() {
  /** @type {Record<string, Map<string, number>[]>} */
  const rounds = { ai: [], prusik: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    // In turns, so that a machine that grows slower grows slower for both.
    for (const program of round % 2 === 0 ? ['ai', 'prusik'] : ['prusik', 'ai']) rounds[program]?.push(check(program));
  }
  const of = (/** @type {string} */ program, /** @type {string} */ figure) =>
    median((rounds[program] ?? []).map((figures) => figures.get(figure) ?? Number.NaN));
  console.log(`| figure | ai | prusik | ratio | goal |\n| --- | --: | --: | --: | --- |`);
  for (const [figure, limit] of Object.entries(LIMITS)) {
    const [floor, ours] = [of('ai', figure), of('prusik', figure)];
    const ratio = ours / floor;
    const unit = figure.endsWith('time') ? ' ms' : '';
    console.log(`| ${figure} | ${floor}${unit} | ${ours}${unit} | ${ratio.toFixed(2)} × | ≤ ${GOAL} × |`);
    if (ratio <= limit) continue;
    console.error(
      `${figure}: ${ratio.toFixed(2)} times that of the same program on ai; ${limit.toFixed(1)} are the most`,
    );
    process.exitCode = 1;
  }
}

if (process.argv[1]?.endsWith('measure-types.mjs')) main();
