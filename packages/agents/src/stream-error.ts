/** What a stream reports as its error, as an error: providers pass on whatever their service has sent, most of them as a plain object. */
export function streamError(reported: unknown): unknown {
  if (reported instanceof Error || typeof reported !== 'object' || reported === null) return reported;
  const outer = reported as Reported;
  // A service puts what it has to say into `error`, some of them into that of a `response`.
  const { message, ...said } = innermost(outer.response?.error) ?? innermost(outer.error) ?? outer;
  if (typeof message !== 'string') return reported;
  const type = said.type ?? outer.type;
  const code = said.code ?? outer.code;
  const statusCode = [said.statusCode, said.status, code, outer.statusCode, outer.status]
    .map(httpErrorOf)
    .find((status) => status !== undefined);
  const isRetryable = said.isRetryable ?? outer.isRetryable;
  return Object.assign(new Error(message), {
    // Where it has no name, what it says is one: "Overloaded".
    type: type ?? (code === undefined ? message : undefined),
    code,
    ...(statusCode === undefined ? {} : { statusCode }),
    ...(typeof isRetryable === 'boolean' ? { isRetryable } : {}),
  });
}

interface Reported {
  readonly message?: unknown;
  readonly type?: unknown;
  readonly code?: unknown;
  readonly status?: unknown;
  readonly statusCode?: unknown;
  readonly isRetryable?: unknown;
  readonly error?: Reported | null;
  readonly response?: { readonly error?: Reported | null } | null;
}

const innermost = (said: Reported | null | undefined): Reported | undefined =>
  typeof said === 'object' && typeof said?.message === 'string' ? said : undefined;

/** Some say the number as a text. */
function httpErrorOf(value: unknown): number | undefined {
  const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value;
  return typeof status === 'number' && Number.isInteger(status) && status >= 400 && status < 600 ? status : undefined;
}
