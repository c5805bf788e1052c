import type { Json, SourcedCall, SourcedTool, ToolCallScope, ToolListing, ToolSource } from '@prusik/core';

/** A source, and whoever executes its tools. */
export interface ToolSourceUnderTest extends AsyncDisposable {
  readonly source: ToolSource;
  /** Its tools, by the names that it lists them under. */
  readonly tools: {
    /** Takes `{ text }`, and says that text. */
    readonly echo: string;
    /** Takes anything, and says that it failed. */
    readonly fail: string;
    /** Takes anything, and does not end before its call is given up. */
    readonly wait: string;
    /** Takes anything; whoever executes it goes away in the middle and never says how it ended. May happen once. */
    readonly vanish: string;
    /** Takes anything, needs an answer to one question, and says the text `the answer` of it. Only where the source `asks`. */
    readonly ask?: string;
  };
  /** What is answered to that question. @default 'the answer' */
  readonly answer?: Json;
  /** How often a tool was begun, by whoever executes it. */
  executions(tool: string): number | Promise<number>;
  /** From now on `echo` says another thing of itself. It may be withheld. Ends when the source has heard of it, where it has to hear of it. */
  change(): void | Promise<void>;
  /** From now on whoever executes is away, so nothing can be listed or called. Ends when the source can know. */
  lose(): void | Promise<void>;
}

/** What one test has. */
export interface ToolSourceTestBed extends Omit<ToolSourceUnderTest, typeof Symbol.asyncDispose> {
  /** Ends the source, and what it lives on. */
  dispose(): Promise<void>;
  list(signal?: AbortSignal): Promise<ToolListing>;
  /** The tool as it is listed now. */
  tool(name: string): Promise<SourcedTool>;
  call(
    tool: Pick<SourcedTool, 'name' | 'hash'>,
    more?: Partial<SourcedCall & ToolCallScope>,
  ): ReturnType<ToolSource['call']>;
}

/** A test of the suite. */
export interface ToolSourceTest {
  readonly title: string;
  /** What the source has to do for it to be asked. */
  readonly needs?: 'asks';
  readonly run: (bed: ToolSourceTestBed) => Promise<void>;
}
