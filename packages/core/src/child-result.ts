import type { Json } from './json.ts';
import type { PartialReason } from './partial.ts';
import type { WorkspaceDiff } from './workspace.ts';

/** What a child run has handed back. */
export interface ChildResult<Output = Json> {
  /** Id of the child run. */
  readonly run: string;
  readonly output: Output;
  /** Missing where the output is whole. */
  readonly partial?: PartialReason;
  /** What became of the workspace that was forked for it. */
  readonly workspace?: ForkedWorkspace;
}

/** A workspace that was forked for a child, when the child has ended. It stays, for whoever takes the changes over, until the host removes it. */
export interface ForkedWorkspace {
  readonly id: string;
  /** The snapshot that it began with. */
  readonly from: string;
  /** A snapshot of what the child left. */
  readonly to: string;
  /** What lies between the two: 100 paths at most. */
  readonly diff: WorkspaceDiff;
}
