import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { findLockfileProblems } from '../check-lockfile.mjs';

const lockfile = readFileSync(new URL('../../pnpm-lock.yaml', import.meta.url), 'utf8').replaceAll('\r\n', '\n');

it('is content with the lockfile of this repository', () => {
  expect(findLockfileProblems(lockfile)).toEqual([]);
});

it.each(['turbo', 'oxlint', 'oxfmt', 'rolldown'])('misses the darwin-arm64 binary of %s', (tool) => {
  // as a mirror without that package leaves it: no entry, no mention
  const without = lockfile.replace(new RegExp(`^ {6}'@${tool}/[\\w-]*darwin-arm64':.*\\n`, 'm'), '');

  expect(without).not.toBe(lockfile);
  expect(findLockfileProblems(without)).toEqual([expect.stringMatching(`^${tool}@.* has no darwin-arm64 binary$`)]);
});

it('finds the address of a registry', () => {
  const address = '    resolution: {tarball: https://registry.example/turbo.tgz}';
  const problems = findLockfileProblems(lockfile.replace(/^ {4}resolution: .*$/m, address));

  expect(problems).toEqual([`an address: ${address.trim()}`]);
});

it('does not take a format that it cannot read for a good one', () => {
  expect(findLockfileProblems('lockfileVersion: 12\n')).not.toEqual([]);
});
