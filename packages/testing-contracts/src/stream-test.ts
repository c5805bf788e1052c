import type { DurableContext, EventCursor, Json, RunEvent, RunKey } from '@prusik/core';

/** What the suite needs of an engine; the one of `@prusik/durable` fits. */
export interface StreamEngine extends AsyncDisposable {
  start(definition: string, input: Json, options: { readonly id: string }): Promise<unknown>;
  /** Resolves when the run has ended or waits for something outside. */
  drive(key: RunKey): Promise<{ readonly status: string }>;
  signal(key: RunKey, signalKey: string, body: Json): Promise<unknown>;
  events(key: RunKey, options?: StreamOptions): AsyncIterableIterator<RunEvent>;
}

/** How a test reads the events of a run. */
export interface StreamOptions {
  readonly after?: number | EventCursor;
  readonly tree?: boolean;
  readonly cancelOnClose?: boolean;
  readonly signal?: AbortSignal;
}

/** What a test of the stream suite gets. */
export interface StreamTestBed {
  /** Opens an engine that knows this function as `work`, and others under their names. */
  open(
    work: (ctx: DurableContext) => unknown,
    others?: Readonly<Record<string, (ctx: DurableContext) => unknown>>,
  ): Promise<StreamEngine>;
  /** Something for a step to wait for; open at the latest when the test is over. */
  gate(): { readonly opened: Promise<void>; readonly open: () => void };
  /** How many watch the stores of this test. */
  watching(): number;
}

/** A test of the suite. */
export interface StreamTest {
  readonly title: string;
  readonly run: (bed: StreamTestBed) => Promise<void>;
}
