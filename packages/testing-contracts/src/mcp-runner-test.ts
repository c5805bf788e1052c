import type { CallResult, SourcedTool, ToolListing } from '@prusik/core';
import type { McpServerKind, McpServerSpeaks } from './misbehaving-mcp-servers.ts';

/** Bounds that the runner has to keep for one server; small, since the clocks of these tests are real. */
export interface McpRunnerLimits {
  /** From the start to the end of the handshake, in milliseconds. */
  readonly startMs: number;
  /** Of a call without a sign of life, in milliseconds. */
  readonly callMs: number;
  /** Of a call in all, in milliseconds. */
  readonly totalMs: number;
  /** Of one message, in bytes. */
  readonly messageBytes: number;
  /** Of a list. */
  readonly pages: number;
  /** That are offered. */
  readonly tools: number;
  /** That are no message, since the start. */
  readonly garbageLines: number;
  /** Of stderr, that are told. */
  readonly stderrBytes: number;
}

/** A call of one of the kit's tools. */
export interface McpRunnerCall {
  /** @default 'bad' */
  readonly server?: 'bad' | 'well';
  readonly signal?: AbortSignal;
  /** The tool as it was listed. @default as it is listed first */
  readonly tool?: SourcedTool;
  readonly onProgress?: (text: string) => void;
}

/** What a test has: a runner of two servers, `bad`, which is of the kind, and `well`. */
export interface McpRunnerTestBed {
  /** What both servers have. */
  list(): Promise<ToolListing>;
  /** Calls `act` or `echo`. */
  call(tool: 'act' | 'echo', text: string, options?: McpRunnerCall): Promise<CallResult>;
  /** What was done by both servers, in order. */
  effects(): readonly string[];
  /** Ids of the processes of servers and of what they have started. */
  processes(): readonly number[];
  readonly limits: McpRunnerLimits;
}

/** One thing that every runner of MCP servers does. */
export interface McpRunnerTest {
  readonly title: string;
  readonly kind: McpServerKind;
  /** @default 'stdio' */
  readonly transport?: 'stdio' | 'http';
  /** @default 'both' */
  readonly speaks?: McpServerSpeaks;
  /** The place that it takes to hold. @default any */
  readonly only?: 'sandbox';
  readonly limits?: Partial<McpRunnerLimits>;
  /** Within which it has to be over, everything that it starts included, in milliseconds. @default 15_000 */
  readonly withinMs?: number;
  run(bed: McpRunnerTestBed): Promise<void>;
}
