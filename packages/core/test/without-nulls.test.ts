import { describe, expect, it } from 'vitest';
import { withoutNulls, type Json, type JsonObject } from '../src/index.ts';

const text = { type: 'string' };

describe('nulls of what may be left out', () => {
  it.each<[what: string, schema: JsonObject, value: Json, left: Json]>([
    ['one that cannot be null goes', { properties: { a: text } }, { a: null, b: 1 }, { b: 1 }],
    ['one of several types goes', { properties: { a: { type: ['string', 'number'] } } }, { a: null }, {}],
    ['one below goes', { properties: { a: { properties: { b: text } } } }, { a: { b: null } }, { a: {} }],
    [
      'one in a list goes',
      { properties: { a: { items: { properties: { b: text } } } } },
      { a: [{ b: null }] },
      { a: [{}] },
    ],
  ])('AGT-3: %s', (_, schema, value, left) => {
    expect(withoutNulls(schema, value)).toEqual(left);
  });

  it.each<[what: string, schema: JsonObject, value: Json]>([
    ['what has to be there', { properties: { a: text }, required: ['a'] }, { a: null }],
    ['what may be null', { properties: { a: { type: ['string', 'null'] } } }, { a: null }],
    ['what is null', { properties: { a: { type: 'null' } } }, { a: null }],
    ['what says no type', { properties: { a: { anyOf: [text, { type: 'null' }] } } }, { a: null }],
    ['what nothing is said of', { properties: {} }, { a: null, ['__proto__']: null }],
    ['an item of a list', { properties: { a: { items: text } } }, { a: [null] }],
    ['what is no object', { properties: { a: text } }, null],
    ['what another rule is for', { properties: [], required: {}, items: [] } as never, { a: [null] }],
  ])('AGT-3: %s stays', (_, schema, value) => {
    expect(withoutNulls(schema, value)).toEqual(value);
  });

  it('I9: what is nested deeper than anybody writes stays as it is, and nothing breaks', () => {
    const schema: Record<string, unknown> = { type: 'object' };
    schema['properties'] = { a: schema, b: text };
    let value: Json = { b: null };
    for (let level = 0; level < 50_000; level += 1) value = { a: value };

    expect(() => withoutNulls(schema as JsonObject, value)).not.toThrow();
  });
});
