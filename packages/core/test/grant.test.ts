import { describe, expect, it } from 'vitest';
import { coversCall, holds, type Json } from '../src/index.ts';

const grant = { tool: 'send', toolHash: 'h', part: { to: { name: 'bob' } }, exact: false };
const call = { tool: 'send', toolHash: 'h', input: { to: { name: 'bob', age: 4 }, text: 'hi' } };

describe('REQ-3: what a grant covers', () => {
  it('is a call of the same tool whose input holds the part', () => {
    expect(coversCall(grant, call)).toBe(true);
    expect(coversCall(grant, { ...call, input: { to: { name: 'eve' } } })).toBe(false);
    expect(coversCall(grant, { ...call, tool: 'other' })).toBe(false);
    expect(coversCall(grant, { ...call, toolHash: 'changed' })).toBe(false);
  });

  it('is nothing but the same input where it is exact, in any order of its members', () => {
    const exact = { ...grant, part: { a: 1, b: [1, 2] }, exact: true };
    expect(coversCall(exact, { ...call, input: { b: [1, 2], a: 1 } })).toBe(true);
    expect(coversCall(exact, { ...call, input: { a: 1, b: [1, 2], c: 3 } })).toBe(false);
  });

  it.each<[Json, Json, boolean]>([
    [{ a: 1 }, {}, true],
    [null, {}, false],
    ['x', {}, false],
    [{ a: null }, { a: null }, true],
    [{}, { a: null }, false],
    [{ list: [1, 2] }, { list: [1] }, false],
    [{ list: [{ a: 1, b: 2 }] }, { list: [{ a: 1 }] }, false],
    [{ a: 1 }, { a: '1' }, false],
    [{}, { constructor: {} }, false],
    [JSON.parse('{"__proto__":{"a":1}}') as Json, JSON.parse('{"__proto__":{"a":1}}') as Json, true],
    [{}, JSON.parse('{"__proto__":{}}') as Json, false],
    ['x', 'x', true],
  ])('%j holds %j: %s', (whole, part, expected) => {
    expect(holds(whole, part)).toBe(expected);
  });
});
