// A lockfile can be broken for everybody but its author: written against a registry mirror it may carry that
// registry's address, or lack the binaries of other platforms, which pnpm drops without a word.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './toolchain.mjs';

const WANTED = ['darwin-arm64', 'win32-x64'];
/** Called by CI only, which is Linux. */
const LINUX_ONLY = new Set(['oxc-parser']);

/**
 * @param {string} lockfile
 * @returns {string[]} what is wrong with it
 */
export function findLockfileProblems(lockfile) {
  const problems = (lockfile.match(/^.*(?:https?:|git\+|tarball:).*$/gm) ?? []).map(
    (line) => `an address: ${line.trim()}`,
  );
  const entries = [...section(lockfile, 'packages')].map(
    ([id, text]) => /** @type {const} */ ([id, platformsOf(text)]),
  );
  const platforms = new Map(entries.filter(([, of]) => of.length > 0));
  for (const [id, text] of section(lockfile, 'snapshots')) {
    const name = id.replace(/(.)@.*/, '$1');
    const optional = [
      ...(/^ {4}optionalDependencies:\n((?: {6}.*\n?)*)/m.exec(text)?.[1] ?? '').matchAll(/^ {6}'?(.+?)'?: (.+)$/gm),
    ];
    const offered = optional.flatMap(([, dependency, version]) => platforms.get(`${dependency}@${version}`) ?? []);
    // one binary alone is a platform's own helper (fsevents), not a tool that comes in one build per platform
    if (new Set(offered).size < 2 || LINUX_ONLY.has(name)) continue;
    for (const platform of WANTED) if (!offered.includes(platform)) problems.push(`${id} has no ${platform} binary`);
  }
  if (platforms.size === 0) problems.push('no native package was found: is this still the format that is read here?');
  return problems;
}

/** The entries of one top-level section, by id. @param {string} lockfile @param {string} name @returns {Map<string, string>} */
function section(lockfile, name) {
  const body = new RegExp(`^${name}:\\n([^]*?)(?=^\\S|$(?![^]))`, 'm').exec(lockfile)?.[1] ?? '';
  const entries = body
    .split(/^(?= {2}\S)/m)
    .map((text) => /** @type {const} */ ([/^ {2}'?(.+?)'?:/.exec(text)?.[1] ?? '', text]));
  return new Map(entries.filter(([id]) => id !== ''));
}

/** @param {string} text */
function platformsOf(text) {
  const list = (/** @type {string} */ key) =>
    new RegExp(`^ {4}${key}: \\[(.*)\\]`, 'm').exec(text)?.[1]?.split(', ') ?? [];
  return list('os').flatMap((os) => list('cpu').map((cpu) => `${os}-${cpu}`));
}

if (process.argv[1]?.endsWith('check-lockfile.mjs')) {
  const problems = findLockfileProblems(readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8').replaceAll('\r\n', '\n'));
  for (const problem of problems) console.error(`pnpm-lock.yaml: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
  else console.log(`every native tool has its ${WANTED.join(' and ')} binary; no registry address`);
}
