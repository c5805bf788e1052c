import { createTraceState, isSpanContextValid, type SpanContext } from '@opentelemetry/api';
import type { TraceContext } from '@prusik/core';

const TRACEPARENT = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})/;
/** What a record takes: one that is longer, or holds what no header may, is left out, as W3C Trace Context has it. Samplers write into it unchecked. */
const TRACESTATE = /^[\u0020-\u007e]{1,512}$/;

/**
 * As it travels. By hand, since the propagator of the program may speak another format, and what is on record has to be read by every process.
 * `undefined` where there is no trace, which is so without an SDK.
 */
export function toText(context: SpanContext | undefined): TraceContext | undefined {
  if (context === undefined || !isSpanContextValid(context)) return undefined;
  const { traceId, spanId, traceFlags, traceState } = context;
  const flags = traceFlags === 1 ? '01' : traceFlags.toString(16).padStart(2, '0').slice(-2);
  const traceparent = `00-${traceId}-${spanId}-${flags}`;
  const tracestate = traceState?.serialize();
  return tracestate !== undefined && TRACESTATE.test(tracestate) ? { traceparent, tracestate } : { traceparent };
}

/** `undefined` for what names no span: a record of somebody else's must not keep a run from being driven. */
export function fromText(text: TraceContext | undefined): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(text?.traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  if (!isSpanContextValid(context)) return undefined;
  return text?.tracestate === undefined ? context : { ...context, traceState: createTraceState(text.tracestate) };
}
