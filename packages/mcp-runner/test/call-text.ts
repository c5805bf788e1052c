import type { Connection } from '../src/connection.ts';
import { createSending, type Sending } from '../src/sending.ts';

/** The text that a tool answers with. */
export async function callText(
  { client }: Connection,
  name: string,
  input: Readonly<Record<string, unknown>> = {},
  sending: Sending = createSending(),
  signal: AbortSignal = new AbortController().signal,
): Promise<string> {
  const { content } = await client.callTool({ name, arguments: { ...input } }, { ...sending.options, signal });
  const [first] = content;
  if (first?.type !== 'text') throw new Error('The tool answered with no text');
  return first.text;
}
