import { describe, expect, it } from 'vitest';
import { checkId, derivedRandom, derivedUuid, runKeyText } from '../src/index.ts';

describe('ids', () => {
  it.each([
    ['', 'must not be empty'],
    ['x'.repeat(201), 'has 201 characters; the limit is 200'],
    ['a\u0000b', 'control character'],
    ['\ud800', 'unpaired surrogate'],
    [7, 'must be a string, not number'],
    [null, 'must be a string, not null'],
  ])('I9: refuses %j as a run id', (value, message) => {
    expect(() => checkId('run', value)).toThrow(message);
  });

  it.each(['..', '__proto__', 'a:b', 'Ünïcode 🪢', '../../etc/passwd'])('takes %j, which is only a name', (value) => {
    expect(checkId('run', value)).toBe(value);
  });

  it('SES-7: keys with other parts never share a text', () => {
    expect(runKeyText({ tenant: 'a:b', run: 'c' })).not.toBe(runKeyText({ tenant: 'a', run: 'b:c' }));
    expect(derivedUuid('a', 'b')).not.toBe(derivedUuid('a,b'));
  });

  it('DUR-7: derived ids are functions of their parts, in the form of RFC 9562', () => {
    expect(derivedUuid('run', 'key')).toBe(derivedUuid('run', 'key'));
    expect(derivedUuid('run', 'key')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const numbers = Array.from({ length: 1_000 }, (_, n) => derivedRandom('run', String(n)));
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    expect(new Set(numbers).size).toBe(1_000);
  });
});
