import { describe, expect, it } from 'vitest';
import { callInput } from '../src/call-input.ts';

describe('AGT-3: the input of a call as the model has written it', () => {
  it.each<[string, unknown]>([
    ['{"a":[1,"x"]}', { a: [1, 'x'] }],
    ['"text"', 'text'],
    ['', {}],
    [' \n', {}],
    ['{"constructor":"Bauhaus","note":"\\u00e9 __proto__"}', { constructor: 'Bauhaus', note: 'é __proto__' }],
  ])('%j is read', (text, input) => {
    expect(callInput(text)).toEqual({ input, malformed: false });
  });

  it.each([
    ['{"a":'],
    ['{"__proto__":{"admin":true}}'],
    ['{"a":[{"\\u005f_proto__":{"admin":true}}]}'],
    ['{"constructor":{"prototype":{"admin":true}}}'],
    [`${'['.repeat(2_000)}${']'.repeat(2_000)}`],
  ])('%j stays a text, and the call is told so', (text) => {
    expect(callInput(text)).toEqual({ input: text, malformed: true });
  });
});
