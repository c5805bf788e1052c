import { PrusikError } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { redact } from '../src/redact.ts';
import { capText, errorOutput, toToolOutput } from '../src/tool-output.ts';

const cap = { maxOutputBytes: 1_000, maxOutputLines: 10 };

describe('AGT-4: what the model is shown of a result', () => {
  it('shows text as text, anything else as JSON, and nothing as null', () => {
    expect(toToolOutput('hi', cap)).toEqual({ type: 'text', text: 'hi' });
    expect(toToolOutput({ a: [1], b: undefined }, cap)).toEqual({ type: 'json', value: { a: [1] } });
    expect(toToolOutput(undefined, cap)).toEqual({ type: 'json', value: null });
  });

  it('keeps head and tail of many lines, and says how many are missing', () => {
    const text = Array.from({ length: 100 }, (_, n) => `line ${n}`).join('\n');

    const lines = capText(text, cap).split('\n');

    expect(lines).toHaveLength(11);
    expect(lines[0]).toBe('line 0');
    expect(lines[5]).toBe('[… 90 lines left out …]');
    expect(lines.at(-1)).toBe('line 99');
    expect(capText(text, { ...cap, maxOutputLines: 100 })).toBe(text);
  });

  it('counts bytes, not characters, and cuts between characters', () => {
    const text = `a${'€'.repeat(400)}z`;

    const shown = capText(text, cap);

    expect(shown).not.toContain('\uFFFD');
    expect(shown).toMatch(/^a€+\n\[… \d+ bytes left out …\]\n€+z$/);
    const [head = '', , tail = ''] = shown.split('\n');
    const missing = Number(/\d+/.exec(shown)?.[0]);
    expect(Buffer.byteLength(head) + Buffer.byteLength(tail) + missing).toBe(Buffer.byteLength(text));
    expect(Buffer.byteLength(head + tail)).toBeLessThanOrEqual(1_000);
    expect(capText('€'.repeat(333), cap)).toBe('€'.repeat(333));
  });

  it('turns JSON past the cap into text', () => {
    expect(toToolOutput({ rows: Array.from({ length: 500 }, (_, n) => n) }, cap)).toMatchObject({
      type: 'text',
      text: expect.stringMatching(/^\{"rows":\[0,1.*bytes left out.*499\]\}$/s),
    });
  });

  it('cuts JSON that is longer than a string can be, and looks at its ends alone', () => {
    const line = 'x'.repeat(1_000_000);
    let looked = 0;
    const rows = Array.from({ length: 2_000 }, (_, n) =>
      Object.defineProperty({}, 'line', { enumerable: true, get: () => ((looked += 1), `${n} ${line} ${n}`) }),
    );

    const { text } = toToolOutput({ first: 1, skipped: undefined, rows, last: 'end' }, cap) as { text: string };

    expect(text).toMatch(
      /^\{"first":1,"rows":\[\{"line":"0 x+"?\n\[… more than \d+ bytes left out …\]\n"?x+ 1999"\}\],"last":"end"\}$/,
    );
    expect(Buffer.byteLength(text)).toBeLessThan(1_100);
    expect(looked).toBeLessThan(40);
  });

  it('cuts a hundred megabytes to the cap', () => {
    const { text } = toToolOutput('x'.repeat(100_000_000), cap) as { text: string };

    expect(text).toMatch(/^x{500}\n\[… 99999000 bytes left out …\]\nx{500}$/);
  });

  it.each([
    ['a BigInt', 1n],
    ['a function', () => 1],
    ['a class instance', new Map()],
    ['NaN', { n: Number.NaN }],
  ])('refuses %s', (_, value) => {
    expect(() => toToolOutput(value, cap)).toThrow(TypeError);
  });

  it('refuses a cycle', () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;

    expect(() => toToolOutput(cycle, cap)).toThrow(/cycle/);
  });
});

describe('AGT-3: what the model is told of a failure', () => {
  it('tells the message, never the stack, with the code where there is one', () => {
    expect(errorOutput(new Error('no such table'))).toEqual({
      type: 'error',
      code: 'TOOL_FAILED',
      text: 'no such table',
    });
    expect(errorOutput(new PrusikError('STEP_TIMEOUT', 'too long'))).toMatchObject({ code: 'STEP_TIMEOUT' });
  });

  it.each([
    ['a string', 'plain', 'plain'],
    ['undefined', undefined, 'A value of type undefined was thrown: undefined'],
    ['an error without a message', new RangeError(), 'RangeError'],
    [
      'what cannot be printed',
      {
        toString: () => {
          throw new Error('no');
        },
      },
      'A value that cannot be printed was thrown',
    ],
  ])('says something of %s', (_, thrown, text) => {
    expect(errorOutput(thrown)).toMatchObject({ text });
  });

  it('I11: takes out credentials, and bounds the text', () => {
    const text = redact(
      'GET https://me:hunter2@db/x with Authorization: Bearer abcdef123456, api_key=supersecret, sk-proj-1234567890 and eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl',
    );

    expect(text).not.toMatch(/hunter2|abcdef123456|supersecret|1234567890|c2lnbmF0dXJl/);
    expect(redact('x'.repeat(1e6)).length).toBeLessThan(2_100);
    expect(redact('the token count is 5')).toBe('the token count is 5');
  });
});
