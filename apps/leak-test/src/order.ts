import type { CaptureMode } from '@prusik/telemetry';
import type { Words } from './words.ts';

/** What the app is told on its standard input: nothing of it stands in its arguments or its environment. */
export interface Order {
  readonly words: Words;
  /** A folder of its own. */
  readonly folder: string;
  readonly provider: string;
  readonly hut: string;
  readonly collector: string;
  readonly capture: CaptureMode;
  /** Whether it makes the mistakes of `plants.ts`. */
  readonly isLeaky: boolean;
}

/** Something that has left, as the app itself saw it go; it is written to descriptor 3 as a line of JSON. */
export interface Told {
  readonly sink: string;
  readonly text: string;
}

/** Tells that this has left by that way. */
export type Tell = (sink: string, value: unknown) => void;
