import type { Json } from './json.ts';
import type { PartialReason } from './partial.ts';

/** What a child run has handed back. */
export interface ChildResult<Output = Json> {
  /** Id of the child run. */
  readonly run: string;
  readonly output: Output;
  /** Missing where the output is whole. */
  readonly partial?: PartialReason;
}
