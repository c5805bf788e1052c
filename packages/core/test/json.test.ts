import { describe, expect, it } from 'vitest';
import { canonicalJson, hashJson, toFrozenJson, toJson, toJsonText } from '../src/index.ts';

class Point {
  readonly x = 1;
}
const cycle: { self?: unknown } = {};
cycle.self = cycle;

describe('toJson with a bound', () => {
  const values: Record<string, unknown> = {
    'plain text': ['x'.repeat(100), 'y'],
    'other scripts': { ünï: '👩‍🚀'.repeat(10) },
    escapes: ['\u0001"\\'.repeat(10)],
    'unpaired surrogates': ['\ud800\udfff\udfff'],
    numbers: [0, -1, 1.5, 1e300, 5e-324, -0],
    nested: { a: [[], {}, [null, true, false]], b: { c: { d: 1 } } },
    'what is dropped': { a: undefined, b: 1 },
    text: 'x',
    nothing: null,
  };

  it.each(Object.entries(values))('ERR-3: takes %s at their size in bytes, and not past it', (_, value) => {
    const bytes = Buffer.byteLength(JSON.stringify(value));

    expect(toJson(value, bytes)).toEqual(toJson(value));
    expect(toJsonText(value, bytes)).toEqual({ value: toJson(value), text: JSON.stringify(toJson(value)) });
    expect(() => toJson(value, bytes - 1)).toThrow(RangeError);
    expect(() => toJsonText(value, bytes - 1)).toThrow(RangeError);
  });

  it('DUR-1: tells a cycle that comes to be too large before it comes to be too deep', () => {
    const large: Record<string, unknown> = { text: 'x'.repeat(500) };
    large['self'] = large;

    expect(() => toJson(large, 1_000)).toThrow('$["self"] is a cycle');
  });

  it('ERR-3: looks no further than the bound', () => {
    let looked = 0;
    const endless = Array.from({ length: 1_000 }, () =>
      Object.defineProperty({}, 'text', { enumerable: true, get: () => ((looked += 1), 'x'.repeat(100)) }),
    );
    expect(() => toJson(endless, 1_000)).toThrow('more than 1000 bytes');
    expect(looked).toBeLessThan(21);
  });
});

describe('canonicalJson', () => {
  it('DUR-1: equal values have one text, whatever the order of their keys', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: true })).toBe('{"a":true,"b":[1,{"c":"x","d":null}]}');
    expect(hashJson({ a: 1, b: 2 })).toBe(hashJson({ b: 2, a: 1 }));
  });

  it('DUR-1: a __proto__ key counts like any other', () => {
    const hidden: unknown = JSON.parse('{"__proto__":{"admin":true}}');

    expect(canonicalJson(hidden)).toBe('{"__proto__":{"admin":true}}');
    expect(hashJson(hidden)).not.toBe(hashJson({}));
  });

  it.each([
    ['NaN', { a: [Number.NaN] }, '$["a"][0] is NaN'],
    ['Infinity', Infinity, '$ is Infinity'],
    ['undefined', { a: undefined }, '$["a"] is undefined'],
    ['a function', { f: () => 1 }, '$["f"] is a function'],
    ['a symbol', [Symbol('s')], '$[0] is a symbol'],
    ['a BigInt', { n: 1n }, '$["n"] is a bigint'],
    ['a class instance', { p: new Point() }, '$["p"] is an instance of Point'],
    ['a Date', new Date(0), '$ is an instance of Date'],
    ['a Map', new Map(), '$ is an instance of Map'],
    ['a cycle', cycle, '$["self"] is a cycle'],
    ['a hole', Array.from({ length: 1 }), '$[0] is undefined'],
  ])('DUR-1: refuses %s and names its path', (_, value, message) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
    expect(() => canonicalJson(value)).toThrow(message);
    // An undefined property is dropped by the others, as JSON.stringify does.
    if (message.startsWith('$["a"] is undefined')) return;
    for (const copy of [toJson, toFrozenJson]) {
      expect(() => copy(value)).toThrow(TypeError);
      expect(() => copy(value)).toThrow(message);
    }
  });

  it('bounds the depth it walks', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 2_000; i += 1) deep = [deep];

    expect(() => canonicalJson(deep)).toThrow('nested deeper than 1020 levels');
    expect(() => toJson(deep)).toThrow('nested deeper than 1000 levels');
  });

  it('takes the same object twice, as long as it is no cycle', () => {
    const shared = { a: 1 };

    expect(canonicalJson([shared, shared])).toBe('[{"a":1},{"a":1}]');
  });
});

describe('toFrozenJson', () => {
  it('is the same copy, frozen throughout', () => {
    const given = { a: [{ b: 1, gone: undefined }], __proto__: null };

    const copy = toFrozenJson(given) as { readonly a: readonly object[] };

    expect(copy).toEqual({ a: [{ b: 1 }] });
    for (const one of [copy, copy.a, copy.a[0]]) expect(Object.isFrozen(one)).toBe(true);
    expect(Object.isFrozen(given.a)).toBe(false);
  });

  it('ERR-3: counts a copy that stands in another value at its size', () => {
    const inner = toFrozenJson({ text: 'x'.repeat(100) });
    const outer = { inner };
    const bytes = JSON.stringify(outer).length;

    expect(toFrozenJson(outer, bytes)).toEqual(outer);
    expect(() => toFrozenJson(outer, bytes - 1)).toThrow(RangeError);
  });

  it('ERR-3: takes a copy, or a part of one, as it is, and counts the part at its size', () => {
    const { list } = toFrozenJson({ before: 'x'.repeat(50), list: [{ text: 'y'.repeat(100) }] }) as {
      readonly list: readonly [object];
    };
    const [part] = list;
    const bytes = JSON.stringify({ part }).length;

    expect((toFrozenJson({ part }, bytes) as { readonly part: object }).part).toBe(part);
    expect(() => toFrozenJson({ part }, bytes - 1)).toThrow(RangeError);
    expect((toJson({ part }) as { readonly part: object }).part).not.toBe(part);
  });

  it('I9: copies what somebody else has frozen', () => {
    const theirs = Object.freeze({ inner: { open: 1 } });

    expect((toFrozenJson({ theirs }) as { readonly theirs: object }).theirs).not.toBe(theirs);
  });
});

describe('toJson', () => {
  it('gives back what JSON would, so that a live value equals a replayed one', () => {
    const value = { a: undefined, b: -0, c: [{ d: 'x' }], ['__proto__']: 1 };
    const own = JSON.parse('{"b":0,"c":[{"d":"x"}]}') as unknown;

    expect(toJson({ ...value, ['__proto__']: undefined })).toEqual(own);
    expect(Object.is((toJson(value) as { b: number }).b, 0)).toBe(true);
    expect('a' in (toJson(value) as object)).toBe(false);
  });

  it('shares nothing with what it was given', () => {
    const list = [{ n: 1 }];
    const copy = toJson(list);
    list[0] = { n: 2 };

    expect(copy).toEqual([{ n: 1 }]);
  });

  it('keeps an own __proto__ key as a property and sets no prototype', () => {
    const copy = toJson(JSON.parse('{"__proto__":{"admin":true}}')) as object;

    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect(JSON.stringify(copy)).toBe('{"__proto__":{"admin":true}}');
  });
});
