#!/usr/bin/env node
// The door for a fresh machine: `npm run demo` and `npm test` with nothing but Node.js >= 20 and npm.
// No dependency may be imported here or below, and no syntax newer than Node.js 20.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { runForeground } from './process.mjs';
import { withLock } from './lock.mjs';
import { folderInMemory } from './temporary.mjs';
import { bin, environment, findNode, findPnpm, root, ToolchainError } from './toolchain.mjs';

const USAGE = `Usage: npm run <task> [-- arguments], or node tools/run.mjs <task> [arguments]

  demo         write release notes for this repository; -- --repo DIR for another one, -- --help for all options
  test         the portable tests; arguments go to vitest, e.g. npm test -- packages/durable
  test:linux   the tests that need Linux, root and the Debian packages of tools/linux-tier.mjs
  crash        kill -9 the sample app after every store commit and start it again (needs what test:linux needs, and
               takes some minutes); arguments go to vitest
  prusik       look into the database of the demo or any other; -- runs --db FILE, -- --help for all commands
  chaos        kill and pause worker processes by a seeded plan and look at what is left; -- --help for all options
  bench        what durability costs, each scenario beside its floor; -- --only NAME, -- --help for all options
  check        build, types, lint, boundaries, package checks, ...; arguments choose sections: npm run check -- lint
  ci           everything, as .ci/run does it (Linux, root)
  pnpm         the pnpm of this repository, e.g. node tools/run.mjs pnpm install

Node.js and pnpm are fetched into .tools/ where the machine's own do not fit.
`;

/** @typedef {{ command: string, args: string[], cwd?: string, env?: Record<string, string>, inMemory?: boolean }} Step */

/** The person's folder: npm starts scripts in the package's root and says in INIT_CWD where it was called. */
const callerDirectory = () =>
  (process.env['npm_lifecycle_event'] !== undefined && process.env['INIT_CWD']) || process.cwd();

/** Tests and the demo start some hundred processes from the sources; each would strip and compile the same files again, for half of its time. */
const COMPILED = { NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/node-compile') };

/** @type {Record<string, (args: string[], tool: { node: string, pnpm: string }) => Step[]>} */
const tasks = {
  // Straight from the TypeScript sources: Node.js strips the types, and the condition picks src/ over dist/.
  demo: (args, { node }) => [
    {
      command: node,
      args: ['--conditions=@prusik/source', join(root, 'apps/release-captain/src/main.ts'), ...args],
      cwd: callerDirectory(),
      env: {
        ...COMPILED,
        // What the app tells a person to type must be what they typed.
        RELEASE_CAPTAIN_COMMAND: 'npm run demo --',
        // No `--repo`: it would say of a run that is taken up again by its id alone what that run is about.
        RELEASE_CAPTAIN_DEFAULT_REPO: root,
      },
    },
  ],
  prusik: (args, { node }) => [
    {
      command: node,
      args: ['--conditions=@prusik/source', join(root, 'packages/cli/src/main.ts'), ...args],
      cwd: callerDirectory(),
      env: COMPILED,
    },
  ],
  test: (args, { node }) => [{ command: node, args: [bin('vitest'), 'run', ...args], env: COMPILED, inMemory: true }],
  'test:linux': (args, { node }) => [
    { command: node, args: ['tools/linux-tier.mjs'] },
    { command: node, args: [bin('vitest'), 'run', '--mode', 'linux', ...args], env: COMPILED },
  ],
  crash: (args, { node }) => [
    { command: node, args: ['tools/linux-tier.mjs'] },
    {
      command: node,
      args: [bin('vitest'), 'run', '--mode', 'linux', 'apps/release-captain/test/kill.linux.test.ts', ...args],
      env: { ...COMPILED, KILL_POINTS: 'all' },
    },
  ],
  chaos: (args, { node }) => [
    {
      command: node,
      args: ['--conditions=@prusik/source', join(root, 'apps/chaos/src/main.ts'), ...args],
      cwd: callerDirectory(),
    },
  ],
  // From dist/, as it is published: stripped types and source maps would be measured with it. Help measures nothing.
  bench(args, { node }) {
    const program = join(root, 'apps/benchmarks/src/main.ts');
    if (args.includes('--help')) return [{ command: node, args: ['--conditions=@prusik/source', program, '--help'] }];
    return [
      { command: node, args: ['tools/check.mjs', 'build'] },
      { command: node, args: [program, ...args], cwd: callerDirectory() },
    ];
  },
  check: (args, { node }) => [{ command: node, args: ['tools/check.mjs', ...args] }],
  ci: () => [{ command: 'bash', args: ['.ci/run'] }],
  pnpm: (args, { pnpm }) => [{ command: pnpm, args, cwd: process.cwd() }],
};

/** @param {boolean} install */
async function prepare(install) {
  const tool = { node: findNode(), pnpm: findPnpm() };
  const env = environment(tool.node, tool.pnpm);
  if (!install) return { ...tool, env, code: 0 };
  // 0.1 s where nothing changed: pnpm knows better than a stamp of ours what is out of date.
  const args = ['install', '--frozen-lockfile', '--prefer-offline', '--reporter=append-only', '--loglevel=error'];
  const code = await runForeground(tool.pnpm, args, { cwd: root, env });
  if (code !== 0)
    console.error('\nThe packages could not be installed (pnpm says why above; the first run needs a network).');
  return { ...tool, env, code };
}

/** @param {string[]} argv @returns {Promise<number>} */
async function main([name = '', ...args]) {
  if (['help', '--help', '-h'].includes(name)) {
    process.stdout.write(USAGE);
    return 0;
  }
  const task = Object.hasOwn(tasks, name) ? tasks[name] : undefined;
  if (task === undefined) {
    process.stderr.write(`${name === '' ? 'A task is missing.' : `There is no task "${name}".`}\n\n${USAGE}`);
    return 2;
  }

  const { code: unprepared, env, ...tool } = await withLock(join(root, '.tools/lock'), () => prepare(name !== 'pnpm'));
  if (unprepared !== 0) return unprepared;
  for (const { command, args: rest, cwd = root, env: more, inMemory } of task(args, tool)) {
    const temporary = inMemory ? folderInMemory() : undefined;
    const where = temporary === undefined ? {} : { TMPDIR: temporary };
    const code = await runForeground(command, rest, { cwd, env: { ...env, ...more, ...where } });
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
    if (code !== 0) return code;
  }
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof ToolchainError ? `\n${error.message}` : error);
  process.exitCode = 1;
}
