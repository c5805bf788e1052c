import { describe, expect, it } from 'vitest';
import { adviseVersion } from '../src/notes/semver.ts';

const facts = { breaking: 0, features: 0, fixes: 0 };

describe('adviseVersion', () => {
  it.each([
    ['v1.2.3', { breaking: 1 }, 'major', '2.0.0'],
    ['1.2.3', { features: 1, fixes: 4 }, 'minor', '1.3.0'],
    ['@scope/name@1.2.3', { fixes: 1 }, 'patch', '1.2.4'],
    ['name-v1.2', {}, 'patch', '1.2.1'],
    ['v0.4.1', { breaking: 2, features: 1 }, 'minor', '0.5.0'],
    ['v2.0.0-rc.1', { breaking: 1 }, 'major', '2.0.0'],
    ['v2.1.0-rc.1', { fixes: 1 }, 'patch', '2.1.0'],
    ['v2.1.0-rc.1+build.5', { breaking: 1 }, 'major', '3.0.0'],
    ['nightly', { features: 1 }, 'minor', undefined],
    ['release-2026-01-31', { features: 1 }, 'minor', undefined],
    [undefined, { breaking: 1 }, 'major', undefined],
  ] as const)('after %s: %o is a %s release %s', (tag, own, bump, next) => {
    const advice = adviseVersion({ ...facts, ...own, tag });

    expect(advice.bump).toBe(bump);
    expect(advice.next).toBe(next);
    expect(advice.reason).not.toBe('');
  });
});
