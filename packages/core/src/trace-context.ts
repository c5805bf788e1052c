/** Where in a trace something stands: the two fields of W3C Trace Context (https://www.w3.org/TR/trace-context/), as they travel. */
export interface TraceContext {
  /** Version, trace id, id of the span, flags: 55 characters. */
  readonly traceparent: string;
  /** At most 512 characters. */
  readonly tracestate?: string;
}

/** Version `ff` and ids of nothing but zeros are forbidden. What later versions append is theirs to read: we take the four fields that all have. */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/;
const PRINTABLE = /^[\u0020-\u007e]*$/;
const TRACESTATE_LIMIT = 512;

/**
 * A trace context of what somebody gave: both fields, and no others.
 *
 * @throws {TypeError} for what is none by the grammar of W3C Trace Context.
 */
export function toTraceContext(value: unknown): TraceContext {
  const { traceparent, tracestate } = (value ?? {}) as Partial<Readonly<Record<keyof TraceContext, unknown>>>;
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent))
    throw new TypeError(
      'A traceparent is a version, a trace id, the id of a span and flags, as W3C Trace Context has it',
    );
  if (tracestate === undefined || tracestate === '') return { traceparent };
  if (typeof tracestate !== 'string' || tracestate.length > TRACESTATE_LIMIT || !PRINTABLE.test(tracestate))
    throw new TypeError(`A tracestate is at most ${TRACESTATE_LIMIT} printable characters of ASCII`);
  return { traceparent, tracestate };
}
