import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { bin, root } from './toolchain.mjs';

/**
 * Runs dependency-cruiser with this repository's rules over a checkout.
 *
 * @param {string} checkout
 * @param {string[]} folders
 * @returns {{ modules: string[], violations: { rule: string, from: string, to: string }[] }}
 */
export function cruise(checkout, folders) {
  const config = join(root, '.dependency-cruiser.mjs');
  const args = [bin('dependency-cruiser', 'depcruise'), '--config', config, '--output-type', 'json', ...folders];
  const done = spawnSync(process.execPath, args, { cwd: checkout, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  // a violation makes its exit code non-zero, so only unreadable output tells that it broke
  if (!done.stdout.startsWith('{')) throw new Error(`dependency-cruiser: ${done.stderr}${done.stdout}`);
  const { modules, summary } = JSON.parse(done.stdout);
  return {
    modules: modules.map((/** @type {any} */ module) => module.source),
    violations: summary.violations.map((/** @type {any} */ { rule, from, to }) => ({ rule: rule.name, from, to })),
  };
}
