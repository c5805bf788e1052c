// Everything that CI checks beside the tests; arguments choose some sections by name. What is built comes first and what measures time runs alone;
// the others run side by side, one on each core, and each is told as a whole when it has ended.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { bin, root } from './toolchain.mjs';

const tool =
  (/** @type {string} */ name, /** @type {string[]} */ ...args) =>
  () => [bin(name), ...args];
const own =
  (/** @type {string} */ name, /** @type {string[]} */ ...args) =>
  () => [`tools/${name}.mjs`, ...args];

/** One program for all, so that none reads the sources and declarations of the others again. */
const tsc = (/** @type {string} */ name) => () => [
  bin('typescript', 'tsc'),
  '--project',
  `tsconfig.${name}.json`,
  '--incremental',
  '--tsBuildInfoFile',
  `node_modules/.cache/types/${name}.tsbuildinfo`,
];

/** With types, so apart from the others: an unawaited commit or a dropped rejection is what hurts most here. */
const PROMISE_RULES = ['-A', 'all', '-D', 'typescript/no-floating-promises', '-D', 'typescript/no-misused-promises'];

/** Run before the others and alone, in this order. */
const ALONE = new Set(['build', 'type-time']);

/** Each is a script with its arguments for Node.js. The longest come first, so that none is left over at the end. */
const sections = {
  build: tool('turbo', 'run', 'build', '--output-logs=errors-only'),
  'type-time': own('measure-types'),
  smoke: own('smoke'),
  packages: tool('turbo', 'run', 'check:package', '--output-logs=errors-only'),
  types: tsc('packages'),
  boundaries: own('check-boundaries'),
  'types-of-apps': tsc('apps'),
  'types-of-tools': () => [bin('typescript', 'tsc'), '--project', 'tsconfig.json'],
  promises: tool('oxlint', '--type-aware', ...PROMISE_RULES),
  lint: tool('oxlint', '--deny-warnings'),
  format: tool('oxfmt', '--check', '.'),
  unused: tool('knip', '--no-config-hints'),
  ids: own('check-ids'),
  snippets: own('sync-snippets', '--check'),
  mutants: () => ['--conditions=@prusik/source', 'tools/sync-mutants.mjs', '--check'],
  errors: own('sync-errors', '--check'),
  lockfile: own('check-lockfile'),
  size: tool('size-limit'),
};

const chosen = process.argv.slice(2);
if (chosen.includes('--help')) {
  console.log(
    `Usage: npm run check [-- SECTION ...]\n\nSections, in their order: ${Object.keys(sections).join(', ')}.`,
  );
  process.exit(0);
}
const unknown = chosen.filter((name) => !Object.hasOwn(sections, name));
if (unknown.length > 0) {
  console.error(`There is no section "${unknown.join('", "')}". There are: ${Object.keys(sections).join(', ')}.`);
  process.exit(2);
}

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
  process.on(signal, () => {
    for (const child of running) child.kill(signal);
    process.exitCode = 130;
    waiting.length = 0;
  });

const names = Object.keys(sections).filter((name) => chosen.length === 0 || chosen.includes(name));
const waiting = names.filter((name) => !ALONE.has(name));
for (const name of names.filter((one) => ALONE.has(one))) if (!(await passes(name))) process.exit();
await Promise.all(Array.from({ length: availableParallelism() }, takeTurns));

/** After a failure nothing more is begun: what runs is told to its end. */
async function takeTurns() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
    if (!(await passes(name))) return void (waiting.length = 0);
}

/** @param {string} name */
async function passes(name) {
  const start = performance.now();
  const { code, output } = await run(/** @type {Record<string, () => string[]>} */ (sections)[name]?.() ?? []);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`\n== ${name}\n${output}== ${name}: ${code === 0 ? 'ok,' : 'FAILED after'} ${seconds} s`);
  if (code !== 0) process.exitCode ||= code;
  return code === 0;
}

/**
 * @param {string[]} args
 * @returns {Promise<{ code: number, output: string }>}
 */
function run(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.once('error', reject);
    child.once('close', (code) => {
      running.delete(child);
      resolve({ code: code ?? 1, output: output === '' || output.endsWith('\n') ? output : `${output}\n` });
    });
  });
}
