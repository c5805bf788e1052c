// Everything that CI checks beside the tests, one section after the other; arguments choose some of them by name.
import { performance } from 'node:perf_hooks';
import { runForeground } from './process.mjs';
import { bin, root } from './toolchain.mjs';

const tool =
  (/** @type {string} */ name, /** @type {string[]} */ ...args) =>
  () => [bin(name), ...args];
const own =
  (/** @type {string} */ name, /** @type {string[]} */ ...args) =>
  () => [`tools/${name}.mjs`, ...args];

/** With types, so apart from the others: an unawaited commit or a dropped rejection is what hurts most here. */
const PROMISE_RULES = ['-A', 'all', '-D', 'typescript/no-floating-promises', '-D', 'typescript/no-misused-promises'];

/** Each is a script with its arguments for Node.js. */
const sections = {
  build: tool('turbo', 'run', 'build', '--output-logs=errors-only'),
  'type-time': own('measure-types'),
  types: tool('turbo', 'run', 'typecheck', '--output-logs=errors-only'),
  'types-of-tools': () => [bin('typescript', 'tsc'), '--project', 'tsconfig.json'],
  promises: tool('oxlint', '--type-aware', ...PROMISE_RULES),
  lint: tool('oxlint', '--deny-warnings'),
  format: tool('oxfmt', '--check', '.'),
  boundaries: own('check-boundaries'),
  unused: tool('knip', '--no-config-hints'),
  ids: own('check-ids'),
  snippets: own('sync-snippets', '--check'),
  mutants: () => ['--conditions=@prusik/source', 'tools/sync-mutants.mjs', '--check'],
  errors: own('sync-errors', '--check'),
  lockfile: own('check-lockfile'),
  packages: tool('turbo', 'run', 'check:package', '--output-logs=errors-only'),
  size: tool('size-limit'),
  smoke: own('smoke'),
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
for (const [name, script] of Object.entries(sections)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  console.log(`\n== ${name}`);
  const start = performance.now();
  const code = await runForeground(process.execPath, script(), { cwd: root, env: process.env });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(code === 0 ? `== ${name}: ok, ${seconds} s` : `== ${name}: FAILED after ${seconds} s`);
  if (code !== 0) process.exit(code);
}
