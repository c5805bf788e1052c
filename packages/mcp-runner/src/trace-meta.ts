import type { TraceContext } from '@prusik/core';

/** Asked for each call that stands in no trace of its engine: what W3C Trace Context has, by the names of its headers. */
export type TraceFields = () => Readonly<Record<string, string>>;

/** Which of it the protocol has a place for. */
const NAMES = ['traceparent', 'tracestate', 'baggage'];
const LONGEST = 8_192;

/** The trace that a call belongs to, for its `_meta`: as its engine says, and nobody else then. Watching costs no call. */
export function traceMeta(
  trace: TraceContext | undefined,
  fields: TraceFields | undefined,
  oddity: (text: string) => void,
): { readonly _meta?: Readonly<Record<string, string>> } {
  if (trace !== undefined) {
    const { traceparent, tracestate } = trace;
    return { _meta: { traceparent, ...(tracestate === undefined ? {} : { tracestate }) } };
  }
  if (fields === undefined) return {};
  try {
    const given = fields();
    const known = NAMES.flatMap((name) => {
      const value: unknown = given[name];
      return typeof value === 'string' && value.length <= LONGEST ? [[name, value] as const] : [];
    });
    return known.length === 0 ? {} : { _meta: Object.fromEntries(known) };
  } catch {
    oddity('The trace context could not be told');
    return {};
  }
}
