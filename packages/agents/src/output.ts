import { describeIssues, type Clock, type Json, type MessagePart, type StandardSchema } from '@prusik/core';
import type { AgentCore } from './agent-core.ts';
import { validate } from './validate.ts';

/** What a reply says, without what it thinks and does. */
export const textOf = (parts: readonly MessagePart[]): string =>
  parts.map((part) => (part.type === 'text' ? part.text : '')).join('');

export type ReadOutput =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly issues: string };

/** What fits the schema, as the run hands it back. @throws what its author's `finish` does */
export const finished = (output: AgentCore['output'], value: unknown): unknown =>
  output?.finish === undefined ? value : output.finish(value);

/** The text as the output that its schema asks for; a fence around the JSON is forgiven. */
export async function readOutput(text: string, schema: StandardSchema, clock: Clock): Promise<ReadOutput> {
  let json: Json;
  try {
    json = JSON.parse(text.trim().replace(/^```(?:json)?\s*\n([\s\S]*)\n```$/, '$1')) as Json;
  } catch {
    return { ok: false, issues: 'it is not JSON' };
  }
  const checked = await validate(schema, json, clock);
  return checked.issues === undefined
    ? { ok: true, value: checked.value }
    : { ok: false, issues: describeIssues(checked.issues) };
}
