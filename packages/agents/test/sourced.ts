import type { Store } from '@prusik/core';
import { scriptedModel, type ScriptedCall, type ScriptedModel, type ScriptedReply } from '@prusik/testing-contracts';
import { defineAgent, type AnyAgent, type GivenSource, type RecordedListing } from '../src/index.ts';
import { entriesOf } from './support.ts';

/** An agent whose model plays a script, with these sources. */
export function agentOf(
  script: readonly ScriptedReply[],
  sources: readonly GivenSource[],
  more: object = {},
): { readonly model: ScriptedModel; readonly agent: AnyAgent } {
  const model = scriptedModel(script);
  return { model, agent: defineAgent({ name: 'a', instructions: '', model, sources, ...more }) };
}

export const namesIn = (tools: readonly { readonly name: string }[] | undefined): readonly string[] =>
  (tools ?? []).map(({ name }) => name);

/** What each record of a model call has of listings. */
export async function listingsOf(store: Store, run: string): Promise<readonly (readonly RecordedListing[])[]> {
  return (await entriesOf(store, run)).flatMap((entry) =>
    entry.type === 'step-end' && entry.kind === 'model' && entry.outcome.ok
      ? [(entry.outcome.value as { readonly listings?: readonly RecordedListing[] }).listings ?? []]
      : [],
  );
}

export const call = (tool: string, q: unknown = 'x', callId?: string): ScriptedCall => ({
  call: tool,
  input: { q } as never,
  ...(callId === undefined ? {} : { callId }),
});
