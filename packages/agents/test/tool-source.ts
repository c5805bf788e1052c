import {
  hashJson,
  PrusikError,
  type CallResult,
  type SourcedCall,
  type SourcedTool,
  type ToolCallScope,
  type ToolListing,
  type ToolSource,
} from '@prusik/core';

/** A tool that repeats a text, unless `more` says otherwise. */
export function listedTool(name: string, more: Partial<SourcedTool> = {}): SourcedTool {
  const tool = {
    name,
    description: `The tool ${name}.`,
    inputSchema: { type: 'object', properties: { q: { type: 'string' } }, required: ['q'] },
    effect: 'repeatable',
    approval: 'never',
    timeoutMs: 10_000,
    maxOutputBytes: 10_000,
    ...more,
  } as const;
  return { ...tool, hash: more.hash ?? hashJson([name, tool.description, tool.inputSchema]) };
}

/** A source in this process, whose list a test changes and whose calls it sees. */
export interface TestSource extends ToolSource {
  listing: ToolListing | (() => ToolListing | Promise<ToolListing>);
  /** How often it was asked what it has. */
  asked: number;
  readonly calls: SourcedCall[];
  executes: (call: SourcedCall, scope: ToolCallScope) => CallResult | Promise<CallResult>;
}

export const said = (text: string): CallResult => ({ type: 'outcome', parts: [text] });

export function testSource(name: string, tools: readonly SourcedTool[] = []): TestSource {
  const calls: SourcedCall[] = [];
  const source: TestSource = {
    name,
    listing: { tools, withheld: [] },
    asked: 0,
    calls,
    executes: ({ name: tool, input }) => said(`${tool} says ${String(input['q'])}`),
    async list() {
      source.asked += 1;
      return typeof source.listing === 'function' ? source.listing() : source.listing;
    },
    async call(call, scope) {
      calls.push(call);
      return source.executes(call, scope);
    },
  };
  return source;
}

/** What a source throws that sent a call and heard no more of it. */
export const lost = (): PrusikError =>
  new PrusikError('FAR_CALL_LOST', 'The connection was lost', { retryable: true, meta: { inDoubt: true, sent: true } });
