/** What the process ends with. */
export const EXIT_CODES = { ok: 0, failed: 1, usage: 2 } as const;
