import type { Json } from './json.ts';

/** What a child run has handed back. */
export interface ChildResult<Output = Json> {
  /** Id of the child run. */
  readonly run: string;
  readonly output: Output;
}
