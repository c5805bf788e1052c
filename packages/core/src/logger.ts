/** What a field of a log line may be. */
export type LogValue = string | number | boolean | null | undefined;

/** Ids, codes, counts and times; never the message of an error, an input, a result or a path. */
export interface LogFields {
  /** What happened, in a word that is stable: `run-end`. */
  readonly event: string;
  readonly [field: string]: LogValue;
}

/** Writes lines for operators. The fields come first, as pino has it; `console` fits, too. It may not throw, and nobody waits for it. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}
