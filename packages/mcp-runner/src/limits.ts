/** Bounds of one server. Each has a code that says when it is met. */
export interface McpLimits {
  /** From the start of a server to the end of the handshake, in milliseconds. @default 10_000 */
  readonly startMs: number;
  /** Of one call without a sign of life, in milliseconds. @default 120_000 */
  readonly callMs: number;
  /** Of one call in all, however often it reports progress, in milliseconds. @default 600_000 */
  readonly totalMs: number;
  /** Of one message, in bytes. @default 4 MiB */
  readonly messageBytes: number;
  /** Of the result of one call, in bytes. @default 4 MiB */
  readonly resultBytes: number;
  /** Of a list of tools, resources or prompts. @default 50 */
  readonly pages: number;
  /** Of a server's tools that are offered. @default 200 */
  readonly tools: number;
  /** Lines that are no message, from one start of the server on. @default 20 */
  readonly garbageLines: number;
  /** Kept of the end of stderr, in bytes. @default 64 KiB */
  readonly stderrBytes: number;
  /** Calls to one server at once; further ones wait. @default 32 */
  readonly calls: number;
  /** Milliseconds without a call after which a server is stopped. @default 300_000 */
  readonly idleMs: number;
}

/** What holds where neither the runner nor a server says another bound. */
export const DEFAULT_LIMITS: McpLimits = {
  startMs: 10_000,
  callMs: 120_000,
  totalMs: 600_000,
  messageBytes: 4 * 1024 * 1024,
  resultBytes: 4 * 1024 * 1024,
  pages: 50,
  tools: 200,
  garbageLines: 20,
  stderrBytes: 64 * 1024,
  calls: 32,
  idleMs: 300_000,
};
