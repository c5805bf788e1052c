import { derivedRandom } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { jsonEnd } from '../src/json-end.ts';

function randomJson(seed: number): unknown {
  let drawn = 0;
  const below = (limit: number): number =>
    Math.floor(derivedRandom('json', String(seed), String((drawn += 1))) * limit);
  const make = (depth: number): unknown => {
    switch (below(depth > 3 ? 4 : 6)) {
      case 0:
        return below(1_000) / 7;
      case 1:
        return null;
      case 2:
        return below(2) === 0;
      case 3:
        return 'ä"\n🙂'.slice(below(3)).repeat(below(4));
      case 4:
        return Array.from({ length: below(4) }, () => make(depth + 1));
      default:
        return Object.fromEntries(
          Array.from({ length: below(4) }, (_, n) => [`k"${n}`, below(5) === 0 ? undefined : make(depth + 1)]),
        );
    }
  };
  return [make(0), make(0)];
}

describe('AGT-4: the ends of JSON', () => {
  it('are those of the whole text, whatever the value and however many characters', () => {
    for (let seed = 0; seed < 1_000; seed += 1) {
      const value = randomJson(seed);
      const whole = JSON.stringify(value);
      expect(jsonEnd(value, 'head', 1e6), `seed ${seed}`).toBe(whole);
      expect(jsonEnd(value, 'tail', 1e6), `seed ${seed}`).toBe(whole);
    }
  });

  it('hold at least as much as was asked for, and no more than one value beyond', () => {
    const value = { list: Array.from({ length: 100 }, (_, n) => `item ${n}`) };
    const whole = JSON.stringify(value);
    for (const characters of [1, 10, 50, 500]) {
      const head = jsonEnd(value, 'head', characters);
      const tail = jsonEnd(value, 'tail', characters);
      expect(whole.startsWith(head.slice(0, characters))).toBe(true);
      expect(whole.endsWith(tail.slice(-characters))).toBe(true);
      expect(Math.max(head.length, tail.length)).toBeLessThan(characters + 20);
    }
  });

  it.each([[1n], [() => 1], [Number.NaN]])('refuse %s where they meet it', (value) => {
    expect(() => jsonEnd([value], 'head', 10)).toThrow(TypeError);
  });
});
