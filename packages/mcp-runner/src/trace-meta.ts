/** Asked for each call: what W3C Trace Context has, by the names of its headers. */
export type TraceContext = () => Readonly<Record<string, string>>;

/** Which of it the protocol has a place for. */
const NAMES = ['traceparent', 'tracestate', 'baggage'];
const LONGEST = 8_192;

/** The trace that a call belongs to, for its `_meta`. Watching costs no call. */
export function traceMeta(
  context: TraceContext | undefined,
  oddity: (text: string) => void,
): { readonly _meta?: Readonly<Record<string, string>> } {
  if (context === undefined) return {};
  try {
    const given = context();
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
