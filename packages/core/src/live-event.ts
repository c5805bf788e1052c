import type { Entry, StepKind } from './entry.ts';
import type { RunKey } from './ids.ts';

/** Told while it happens, never stored. A repeated attempt announces itself with `step-reset`. */
export type LiveEvent =
  | {
      readonly type: 'step-start';
      readonly key: string;
      readonly kind: StepKind;
      readonly name?: string;
      readonly attempt: number;
    }
  | { readonly type: 'step-delta'; readonly key: string; readonly attempt: number; readonly text: string }
  | { readonly type: 'step-reset'; readonly key: string; readonly attempt: number }
  | { readonly type: 'gap'; readonly dropped: number };

/** What a reader of a run gets: committed entries in order, and live events between them. */
export type RunEvent =
  | { readonly run: RunKey; readonly live: false; readonly entry: Entry }
  | { readonly run: RunKey; readonly live: true; readonly event: LiveEvent };
