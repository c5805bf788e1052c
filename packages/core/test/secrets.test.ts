import { expect, it } from 'vitest';
import { withoutSecrets } from '../src/index.ts';

it('I11: what looks like a credential is taken out of a text', () => {
  const text = [
    'Authorization: Bearer abcdefghijkl',
    'postgres://user:pass@host/base',
    'token eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl',
    'sk-abcdefgh12345678',
    'api_key="12345678"',
  ].join('\n');

  const safe = withoutSecrets(text);

  expect(safe).not.toMatch(/abcdefghijkl|user:pass|eyJ|abcdefgh12345678|12345678/);
  expect(safe).toContain('postgres://[redacted]@host/base');
});

it('I11: taking credentials out takes time in proportion to the text, whatever is written to make it slow', () => {
  const units = ['e', 'eyJ-', 'eyJaaaaaaaaa.', 'bearer ', 'token ', 'sk-', 'x://', 'x://a:', ' '];

  for (const unit of units) {
    const begun = performance.now();

    withoutSecrets(unit.repeat(262_144 / unit.length));

    // Patterns that look at all that follows, at each place, take minutes for it.
    expect(performance.now() - begun, JSON.stringify(unit)).toBeLessThan(2_000);
  }
});
