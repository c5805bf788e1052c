import type { RunKey } from './ids.ts';
import type { Json } from './json.ts';

/** `steer`: the run of that id waits to be absorbed. `wake` says nothing but that the run should be looked at again. */
export type SignalKind = 'user' | 'cancel' | 'child' | 'decision' | 'steer' | 'wake';

/** Something from outside for a run: named by its kind and key, of which the first wins. */
export interface NewSignal {
  readonly run: RunKey;
  readonly kind: SignalKind;
  readonly key: string;
  readonly body: Json;
}

/** A signal in a run's inbox. */
export interface Signal {
  /** Place in the inbox: starts at 1, no gaps. */
  readonly n: number;
  readonly kind: SignalKind;
  readonly key: string;
  readonly body: Json;
  readonly at: number;
}

/** Whether the signal is in the inbox, and if not why. */
export type SignalResult =
  /** `duplicate`: an earlier one of the same kind and key won; `signal` is that one. */
  | { readonly outcome: 'delivered' | 'duplicate'; readonly signal: Signal }
  /** `closed`: the run has ended. `full`: {@link INBOX_LIMIT} unread, `user` only. */
  | { readonly outcome: 'closed' | 'unknown' | 'full' };

/** Signals of kind `user` are refused while a run has this many unread; the engine's own kinds never are. */
export const INBOX_LIMIT = 1_000;
