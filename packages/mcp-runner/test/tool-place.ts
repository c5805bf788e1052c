import { newPlace, type Place } from './place.ts';
import { mcpRunner, type McpRunner, type McpRunnerOptions, type StdioServer } from '../src/index.ts';

/** Where runners have a server whose tools become what `become` is told. */
export interface ToolPlace extends AsyncDisposable {
  runner(options?: Partial<McpRunnerOptions>, server?: Partial<StdioServer>): Promise<McpRunner>;
}

export async function newToolPlace(): Promise<ToolPlace> {
  const place: Place = await newPlace('none');
  return {
    async runner(options = {}, { args, ...server } = {}) {
      const climb = await place.server('tool-server', args, { approval: 'never', ...server });
      return mcpRunner({ sandbox: place.sandbox, ...options, servers: { climb, ...options.servers } });
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

/** A definition as a server lists it. */
export const definition = (name: string, more: object = {}): object => ({
  name,
  description: `Does ${name}.`,
  inputSchema: { type: 'object' },
  ...more,
});

/** Calls a tool by the server's name for it, as the SDK does. */
export async function callTool(runner: McpRunner, name: string, input: object = {}): Promise<string> {
  const tools = await runner.tools();
  const output = await tools[`climb_${name}`]?.execute(input, { toolCallId: 'call-1' });
  if (output === undefined) throw new Error(`There is no tool ${name}`);
  return output.text;
}

/** The server's tools are these from now on. */
export const become = (runner: McpRunner, tools: readonly object[], more: object = {}): Promise<string> =>
  callTool(runner, 'become', { tools, ...more });
