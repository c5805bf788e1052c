import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './toolchain.mjs';

/** @typedef {{ path: string, name: string }} Package */

/** The packages that users install. @returns {Package[]} */
export function publicPackages() {
  return readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name))
    .map((path) => ({ path, ...JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) }))
    .filter((manifest) => manifest.private !== true);
}

/**
 * Packs as `pnpm publish` would: workspace and catalog versions written out, publishConfig applied.
 *
 * @param {string} packagePath
 * @param {string} folder
 * @returns {string} the tarball
 */
export function pack(packagePath, folder) {
  const { filename } = JSON.parse(runQuietly('pnpm', ['pack', '--json', '--pack-destination', folder], packagePath));
  return join(folder, filename.replace(/^.*[\\/]/, ''));
}

/**
 * Runs a command whose output matters only when it fails, and throws then.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {string} [cwd]
 * @param {Record<string, string>} [env] beside this process's own
 * @returns {string} its standard output
 */
export function runQuietly(command, args, cwd = process.cwd(), env = {}) {
  // npm goes on trying for a quarter of an hour where it cannot reach the registry
  const done = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 180_000, env: { ...process.env, ...env } });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) {
    throw new Error(`${command} ${args.join(' ')} failed in ${cwd}\n${done.stdout}${done.stderr}`);
  }
  return done.stdout;
}
