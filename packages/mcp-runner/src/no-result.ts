/** What the client is told in place of an answer that is neither a result nor an error. */
export const NO_RESULT: { readonly code: number; readonly message: string; readonly data: object } = {
  code: -32_603,
  message: 'The answer is neither a result nor an error',
  // By its identity: what a server sends has none.
  data: Object.freeze({}),
};

/** Whether a request was answered, but with nothing that is a result. */
export function isNoResult(thrown: unknown): boolean {
  const { code, data } = (thrown ?? {}) as { readonly code?: unknown; readonly data?: unknown };
  return code === 'INVALID_RESULT' || code === 'UNSUPPORTED_RESULT_TYPE' || data === NO_RESULT.data;
}
