import { describe, expect, it } from 'vitest';
import { toTraceContext } from '../src/index.ts';

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('a place in a trace', () => {
  it('TEL-2: is kept with its two fields and no others', () => {
    expect(toTraceContext({ traceparent })).toEqual({ traceparent });
    expect(toTraceContext({ traceparent, tracestate: '' })).toEqual({ traceparent });
    expect(toTraceContext({ traceparent, tracestate: 'a=1', baggage: 'user=ann' })).toEqual({
      traceparent,
      tracestate: 'a=1',
    });
  });

  it.each([
    undefined,
    null,
    'text',
    {},
    { traceparent: 5 },
    { traceparent: `${traceparent}\n` },
    { traceparent, tracestate: 5 },
  ])('TEL-2: is not %j', (value) => {
    expect(() => toTraceContext(value)).toThrow(TypeError);
  });
});
