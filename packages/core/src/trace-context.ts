/** Where in a trace something stands: the two fields of W3C Trace Context (https://www.w3.org/TR/trace-context/), as they travel. */
export interface TraceContext {
  /** Version, trace id, id of the span, flags: 55 characters. */
  readonly traceparent: string;
  /** At most 512 characters. */
  readonly tracestate?: string;
}
