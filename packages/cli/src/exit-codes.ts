import { isPrusikError } from '@prusik/core';

/** What the process says to a script. Documented in the README; a number never changes its meaning. */
export const EXIT = {
  ok: 0,
  /** A defect, or a condition without a number of its own. */
  failed: 1,
  usage: 2,
  /** No such run, session, request or file to read. */
  unknown: 3,
  /** The database: of another release, busy, damaged; and what `doctor` finds. */
  database: 4,
  /** What was asked for is refused: it is no decision for this request, the bundle is none, the run is live. Nothing was changed. */
  refused: 5,
  /** Somebody decided otherwise before. */
  decidedOtherwise: 6,
  interrupted: 130,
} as const;

/** What a command line ends with; the numbers stand in the README. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const BY_CODE: Readonly<Record<string, ExitCode>> = {
  CLI_USAGE: EXIT.usage,
  RUN_UNKNOWN: EXIT.unknown,
  SESSION_UNKNOWN: EXIT.unknown,
  REQUEST_UNKNOWN: EXIT.unknown,
  ARTIFACT_UNKNOWN: EXIT.unknown,
  FILE_UNREADABLE: EXIT.unknown,
  STORE_MISSING: EXIT.unknown,
  REQUEST_KIND: EXIT.refused,
  DECISION_INVALID: EXIT.refused,
  TOO_MANY_GRANTS: EXIT.refused,
  VALUE_TOO_LARGE: EXIT.refused,
  RUN_BLOCKED: EXIT.refused,
  RUN_COMPACTED: EXIT.refused,
  RUN_EXISTS: EXIT.refused,
  RUN_LIVE: EXIT.refused,
  RUN_NOT_ROOT: EXIT.refused,
  SESSION_EXISTS: EXIT.refused,
  STORE_EXISTS: EXIT.refused,
  SESSION_NOT_CLOSED: EXIT.refused,
  FILE_UNWRITABLE: EXIT.refused,
  IMPORT_INVALID: EXIT.refused,
  IMPORT_TOO_LARGE: EXIT.refused,
  CURSOR_AHEAD: EXIT.refused,
  DECIDED_OTHERWISE: EXIT.decidedOtherwise,
};

export function exitCodeOf(error: unknown): ExitCode {
  if (!isPrusikError(error)) return EXIT.failed;
  if (Object.hasOwn(BY_CODE, error.code)) return BY_CODE[error.code] ?? EXIT.failed;
  return error.code.startsWith('STORE_') ? EXIT.database : EXIT.failed;
}
