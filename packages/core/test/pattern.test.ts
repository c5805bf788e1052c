import { describe, expect, it } from 'vitest';
import { readPattern } from '../src/pattern.ts';

const plenty = (): { left: number } => ({ left: 1_000_000 });
const test = (pattern: string, text: string): boolean | undefined => readPattern(pattern)?.test(text, plenty());

/** Same numbers each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const ATOMS = [
  'a',
  'b',
  '.',
  '[ab]',
  '[^a]',
  '\\d',
  '\\w',
  '\\s',
  '\\.',
  '\\u0061',
  '\\x62',
  '\\u{1f600}',
  '😀',
  '\\p{L}',
  '[\\]a-]',
  '-',
];
const PLACES = ['^', '$', '\\b'];
const TIMES = ['', '', '', '*', '+', '?', '{2}', '{1,}', '{0,2}', '*?', '{1,2}?'];

function somePattern(number: (below: number) => number, depth: number): string {
  const pick = (list: readonly string[]): string => list[number(list.length)] ?? '';
  const sequence = (): string =>
    Array.from({ length: number(4) }, () => {
      const kind = number(8);
      if (kind === 0) return pick(PLACES);
      if (kind < 3 && depth < 3)
        return `${pick(['(', '(?:', '(?<n' + String(number(1_000_000)) + '>'])}${somePattern(number, depth + 1)})${pick(TIMES)}`;
      return `${pick(ATOMS)}${pick(TIMES)}`;
    }).join('');
  return Array.from({ length: 1 + (number(4) === 0 ? 1 : 0) }, sequence).join('|');
}

describe('REQ-6: a pattern of a schema that is somebody else’s', () => {
  it('says what the engine of JavaScript says, for any pattern that it reads', () => {
    const number = numbers(7);
    const chars = ['a', 'b', 'c', '1', '.', '-', ' ', '\n', '😀', 'é', '\ud800'];
    let read = 0;
    for (let round = 0; round < 4_000; round += 1) {
      const source = somePattern(number, 0);
      let native: RegExp;
      try {
        native = new RegExp(source, 'u');
      } catch {
        continue;
      }
      const pattern = readPattern(source);
      expect(pattern, source).toBeDefined();
      read += 1;
      for (let text = 0; text < 5; text += 1) {
        const value = Array.from({ length: number(7) }, () => chars[number(chars.length)]).join('');
        expect([source, value, pattern?.test(value, plenty())]).toEqual([source, value, native.test(value)]);
      }
    }
    expect(read).toBeGreaterThan(3_000);
  });

  it.each([
    ['^(a+)+$', `${'a'.repeat(5_000)}!`],
    ['^(a|a)*$', `${'a'.repeat(5_000)}!`],
    ['^(\\w+\\s?)*$', `${'word '.repeat(1_000)}!`],
    ['(.*)*x', 'y'.repeat(5_000)],
    ['a*a*a*a*a*a*b', 'a'.repeat(5_000)],
  ])('%s does not match a text that would take the engine for ever', (source, text) => {
    expect(test(source, text)).toBe(false);
  });

  it.each([
    ['a look ahead', '(?=a)b'],
    ['one that must not be', '(?!a)b'],
    ['a look behind', '(?<=a)b'],
    ['one that must not be there', '(?<!a)b'],
    ['a reference back', '(a)\\1'],
    ['one by name', '(?<n>a)\\k<n>'],
    ['between two of a word', '\\B'],
    ['a group without end', '('],
    ['a class without end', '['],
    ['repetitions of repetitions', '(a{2000}){2000}'],
    ['repetitions of nothing', '((((){3000}){3000}){3000}){3000}'],
    ['a long one', 'a'.repeat(4_001)],
    ['a deep one', `${'('.repeat(300)}a${')'.repeat(300)}`],
  ])('what would take more than its length, or is none, is not read: %s', (_, source) => {
    expect(readPattern(source)).toBeUndefined();
  });

  it('gives up where the work that it is allowed is done', () => {
    const work = { left: 100 };

    expect(readPattern('^[a-z]+$')?.test('a'.repeat(1_000), work)).toBeUndefined();
    expect(work.left).toBeLessThanOrEqual(0);
  });
});
