import type { Request, Run } from '@prusik/core';

/** A run as it stands, for a person who was not there. */
export interface RunReport {
  readonly run: Run;
  /** Where the notes are, or are to go; missing when there will be none. */
  readonly file?: string;
  readonly decision?: Request;
  /** What can be typed next. */
  readonly next?: string;
  readonly draft?: string;
}
