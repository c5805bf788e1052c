/** Runs one program with a list of arguments; no shell reads them. A sandbox session provides it. */
export type Exec = (args: readonly [string, ...string[]], options: ExecOptions) => Promise<ExecResult>;

export interface ExecOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Bytes of stdout that are kept. */
  readonly maxOutputBytes: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface ExecResult {
  /** `null` when it was killed. */
  readonly exitCode: number | null;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  /** Something is missing in `stdout`. */
  readonly truncated: boolean;
}
