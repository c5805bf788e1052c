import { isPrusikError } from '@prusik/core';

/** What the process says to a script. Documented in the README; a number never changes its meaning. */
export const EXIT = {
  /** Finished, rejected as asked, or waiting for a decision. */
  ok: 0,
  /** A defect, or a condition without a code of its own. */
  failed: 1,
  usage: 2,
  repository: 3,
  range: 4,
  output: 5,
  database: 6,
  sandbox: 7,
  /** The run ended in an error. */
  runFailed: 8,
  /** It cannot go on without `resolve`. */
  blocked: 9,
  /** No such run, or nothing to decide. */
  unknownRun: 10,
  /** The run id belongs to another job. */
  mismatch: 11,
  /** Somebody decided otherwise before. */
  decidedOtherwise: 12,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const BY_CODE: Readonly<Record<string, ExitCode>> = {
  USAGE: EXIT.usage,
  MODEL_KEY_MISSING: EXIT.usage,
  NOT_A_REPOSITORY: EXIT.repository,
  UNSUPPORTED_REPOSITORY: EXIT.repository,
  REPOSITORY_TOO_LARGE: EXIT.repository,
  NO_COMMITS: EXIT.repository,
  GIT_MISSING: EXIT.repository,
  GIT_FAILED: EXIT.repository,
  UNKNOWN_REF: EXIT.range,
  EMPTY_RANGE: EXIT.range,
  SHALLOW_RANGE: EXIT.range,
  RANGE_TOO_LARGE: EXIT.range,
  OUTPUT_UNWRITABLE: EXIT.output,
  OUTPUT_REFUSED: EXIT.output,
  OUTPUT_CHANGED: EXIT.output,
  RUN_UNKNOWN: EXIT.unknownRun,
  REQUEST_UNKNOWN: EXIT.unknownRun,
  RUN_INPUT_MISMATCH: EXIT.mismatch,
  DECISION_MISMATCH: EXIT.decidedOtherwise,
};

/** For a condition that ended the program, or the code that a run failed with. */
export function exitCodeFor(code: string): ExitCode {
  if (Object.hasOwn(BY_CODE, code)) return BY_CODE[code] ?? EXIT.failed;
  if (code.startsWith('STORE_')) return EXIT.database;
  if (code.startsWith('SANDBOX_') || code.startsWith('WORKSPACE_')) return EXIT.sandbox;
  return EXIT.failed;
}

/** One line for a person, and the process's last word. */
export function describeFailure(error: unknown): {
  readonly line: string;
  readonly code: string;
  readonly exit: ExitCode;
} {
  const code = isPrusikError(error) ? error.code : 'UNKNOWN_ERROR';
  const message = error instanceof Error ? error.message : String(error);
  // oxlint-disable-next-line no-control-regex -- a message may quote names of the repository, which may drive a terminal
  const line = message.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, 500);
  return { line: `${line} (${code})`, code, exit: exitCodeFor(code) };
}
