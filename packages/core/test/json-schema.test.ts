import { describe, expect, it } from 'vitest';
import { describeIssues, schemaProblems, type Json, type JsonObject } from '../src/index.ts';
import { cpuTime } from './cpu-time.ts';

const problems = (schema: JsonObject, value: Json): string => describeIssues(schemaProblems(schema, value));

const ORDER: JsonObject = {
  type: 'object',
  properties: {
    item: { type: 'string', minLength: 2, maxLength: 5, pattern: '^[a-z]+$' },
    count: { type: 'integer', minimum: 1, exclusiveMaximum: 10, multipleOf: 2 },
    colour: { enum: ['red', 'blue', null] },
    tags: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 2, uniqueItems: true },
    gift: {
      anyOf: [{ type: 'boolean' }, { type: 'object', properties: { card: { const: 'hi' } }, required: ['card'] }],
    },
  },
  required: ['item'],
  additionalProperties: false,
};

describe('REQ-6: a JSON Schema says what of a value does not fit', () => {
  it.each<[Json, string]>([
    [{ item: 'rope' }, ''],
    [{ item: 'rope', count: 4, colour: null, tags: ['a', 'b'], gift: { card: 'hi' } }, ''],
    [null, 'expected object, received null'],
    [[], 'expected object, received array'],
    [{}, 'item: is missing'],
    [{ item: 'r' }, 'item: is shorter than 2 characters'],
    [{ item: 'ropes!' }, 'item: is longer than 5 characters; item: does not match ^[a-z]+$'],
    [{ item: '🪢🪢' }, 'item: does not match ^[a-z]+$'],
    [{ item: 'rope', count: 2.5 }, 'count: expected integer, received number'],
    [{ item: 'rope', count: 0 }, 'count: is less than 1'],
    [{ item: 'rope', count: 10 }, 'count: is not less than 10'],
    [{ item: 'rope', count: 3 }, 'count: is no multiple of 2'],
    [{ item: 'rope', colour: 'green' }, 'colour: expected one of ["red","blue",null]'],
    [{ item: 'rope', tags: [] }, 'tags: has fewer than 1 items'],
    [{ item: 'rope', tags: ['a', 'a'] }, 'tags: has two equal items'],
    [{ item: 'rope', tags: ['a', 1] }, 'tags.1: expected string, received number'],
    [{ item: 'rope', tags: ['a', 'b', 'c'] }, 'tags: has more than 2 items'],
    [{ item: 'rope', gift: { card: 'bye' } }, 'gift: fits none of what is allowed'],
    [{ item: 'rope', more: 1 }, 'more: is not allowed'],
  ])('%j: %s', (value, said) => {
    expect(problems(ORDER, value)).toBe(said);
  });

  it.each<[string, JsonObject, Json, string]>([
    ['types that are several', { type: ['string', 'null'] }, 1, 'expected string or null, received number'],
    [
      'oneOf that fits twice',
      { oneOf: [{ type: 'number' }, { minimum: 1 }] },
      2,
      'fits more than one of what is allowed',
    ],
    ['oneOf that fits once', { oneOf: [{ type: 'number' }, { type: 'string' }] }, 2, ''],
    ['allOf', { allOf: [{ minimum: 1 }, { maximum: 3 }] }, 4, 'is more than 3'],
    ['not', { not: { const: 1 } }, 1, 'is what is not allowed'],
    ['a tuple of draft 7', { items: [{ type: 'string' }], additionalItems: false }, ['a', 1], '1: is not allowed'],
    ['a tuple of 2020-12', { prefixItems: [{ type: 'string' }], items: false }, ['a', 1], '1: is not allowed'],
    [
      'members by pattern',
      { patternProperties: { '^x': { type: 'number' } } },
      { x1: 'a' },
      'x1: expected number, received string',
    ],
    [
      'others than those',
      { patternProperties: { '^x': {} }, additionalProperties: { type: 'string' } },
      { y: 1 },
      'y: expected string, received number',
    ],
    ['names of members', { propertyNames: { maxLength: 1 } }, { ab: 1 }, 'ab: is longer than 1 characters'],
    ['how many members', { minProperties: 2 }, { a: 1 }, 'has too few members'],
    ['a name that objects have by themselves', { required: ['constructor'] }, {}, 'constructor: is missing'],
    ['an equal object in another order', { const: { a: 1, b: 2 } }, { b: 2, a: 1 }, ''],
    ['a keyword that is not known', { format: 'email', whatever: 1 }, 'x', ''],
    ['a pattern that cannot be read', { pattern: '(' }, 'x', ''],
    ['a reference that leads nowhere', { $ref: '#/$defs/none' }, 'x', ''],
  ])('looks at %s', (_, schema, value, said) => {
    expect(problems(schema, value)).toBe(said);
  });

  it('follows references, also of a schema that holds itself', () => {
    const tree: JsonObject = {
      $ref: '#/definitions/a~1b',
      definitions: {
        'a/b': { type: 'object', properties: { kid: { $ref: '#/definitions/a~1b' }, n: { type: 'number' } } },
      },
    };
    expect(problems(tree, { n: 1, kid: { n: 2, kid: { n: 'x' } } })).toBe(
      'kid.kid.n: expected number, received string',
    );
  });

  it('I9: ends with a schema that refers to nothing but itself, and with many problems', () => {
    expect(problems({ $ref: '#' }, 1)).toBe('is nested too deeply to be checked');
    expect(
      schemaProblems(
        { items: { type: 'string' } },
        Array.from({ length: 1_000 }, () => 1),
      ),
    ).toHaveLength(20);
  });

  const leaves: JsonObject = { anyOf: [{ $ref: '#/$defs/more' }, { $ref: '#/$defs/more' }] };
  it.each<[string, JsonObject, Json]>([
    ['alternatives of alternatives', { ...leaves, $defs: { more: { ...leaves, type: 'number' } } }, 'x'],
    ['references that double', { allOf: [{ $ref: '#' }, { $ref: '#' }] }, 1],
    ['that which must not be', { not: { allOf: [{ $ref: '#/not' }, { $ref: '#/not' }] } }, 1],
    [
      'many alternatives for many items',
      { items: { anyOf: Array.from({ length: 5_000 }, () => ({ type: 'string' })) } },
      Array.from({ length: 5_000 }, () => 1),
    ],
    [
      'many values for many items',
      { items: { enum: Array.from({ length: 20_000 }, (_, n) => n) } },
      Array.from({ length: 20_000 }, () => 19_999),
    ],
    [
      'everything of everything',
      { allOf: Array.from({ length: 20_000 }, () => ({})) },
      Array.from({ length: 20_000 }, () => 1),
    ],
    [
      'values that are large',
      { enum: Array.from({ length: 500 }, () => ({ a: 'x'.repeat(100_000) })) },
      { a: 'y'.repeat(100_000) },
    ],
  ])('I9: a schema that would take for ever is at its end soon, and fits nothing: %s', (_, schema, value) => {
    const begun = cpuTime();

    expect(schemaProblems(schema, value)).not.toEqual([]);

    expect(cpuTime() - begun).toBeLessThan(5_000);
  });

  it.each<[string, JsonObject, Json, string]>([
    [
      'a pattern that takes the engine for ever',
      { pattern: '^(a+)+$' },
      `${'a'.repeat(100)}!`,
      'does not match ^(a+)+$',
    ],
    ['a pattern that looks ahead', { pattern: '^(?=a)b$' }, 'x', ''],
    [
      'names by a pattern that looks ahead',
      { patternProperties: { '(?=a)': false }, additionalProperties: false },
      { x: 1 },
      '',
    ],
    ['a reference with half an escape', { $ref: '#/%' }, 'x', ''],
    [
      'lists that are none',
      { anyOf: {}, allOf: 'x', oneOf: 1, required: [1, {}], enum: 2, items: 3, properties: [] },
      { a: [1] },
      '',
    ],
    ['types that are none', { type: [{}, null] }, 1, 'expected [object Object] or null, received number'],
  ])('I9: never throws, nor hangs: %s', (_, schema, value, said) => {
    expect(problems(schema, value)).toBe(said);
  });

  it('I9: does not throw for a value that is too deep to be compared', () => {
    const deep = JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`) as Json;

    expect(problems({ enum: [[]] }, deep)).toBe('expected one of [[]]');
    expect(problems({ uniqueItems: true }, [deep])).toBe('has two equal items');
  });
});
