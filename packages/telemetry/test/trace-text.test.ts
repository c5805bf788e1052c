import { createTraceState } from '@opentelemetry/api';
import { expect, it } from 'vitest';
import { fromText, toText } from '../src/trace-text.ts';

const span = { traceId: 'a'.repeat(32), spanId: '1'.repeat(16), traceFlags: 1 };
const stateOf = (text: string) => {
  const state = { set: () => state, unset: () => state, get: () => undefined, serialize: () => text };
  return state;
};

it('TEL-2: what is recorded of a span is read again as the same span, which was elsewhere', () => {
  const text = toText({ ...span, traceState: stateOf('vendor=1') });

  expect(text).toEqual({ traceparent: `00-${span.traceId}-${span.spanId}-01`, tracestate: 'vendor=1' });
  const read = fromText(text);
  expect(read).toMatchObject({ ...span, isRemote: true });
  expect(read?.traceState?.serialize()).toBe('vendor=1');
});

it('TEL-2: a tracestate that a record has no room for is left out, and its trace goes on', () => {
  expect(toText({ ...span, traceState: stateOf('x'.repeat(513)) })).toEqual({
    traceparent: `00-${span.traceId}-${span.spanId}-01`,
  });
});

it.each([
  ['no ASCII', 'vendor=é'],
  ['more than one line', 'vendor=1\r\nx-other: 2'],
])('TEL-2: a tracestate of %s, as a sampler may make it, is left out, and its trace goes on', (_, text) => {
  const traceState = createTraceState().set('vendor', text.slice('vendor='.length));
  expect(traceState.serialize()).toBe(text);
  expect(toText({ ...span, traceState })).toEqual({ traceparent: `00-${span.traceId}-${span.spanId}-01` });
});

it('TEL-2: ids of nothing but zeros, which are what there is without an SDK, are no trace', () => {
  expect(toText({ ...span, traceId: '0'.repeat(32) })).toBeUndefined();
  expect(fromText({ traceparent: `00-${'0'.repeat(32)}-${span.spanId}-01` })).toBeUndefined();
});
