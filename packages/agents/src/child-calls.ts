import { createDelegation, type ChildResult, type DurableContext, type Json } from '@prusik/core';
import type { AgentCore } from './agent-core.ts';
import type { DelegateOptions, Delegates } from './tool-types.ts';

/** What became of a child, or why there was none. */
export type Returned =
  | { readonly ok: true; readonly result: ChildResult<unknown> }
  | { readonly ok: false; readonly error: unknown };

/** A child as the gate of a call has decided about it: recorded, so that a build whose tool is another goes on with the same one. */
export interface ChildSpec {
  /** Name of the definition. */
  readonly definition: string;
  readonly gives: Delegates['gives'];
  readonly options: DelegateOptions;
}

/** The children of one run, under the policy that it began with. */
export interface ChildCalls {
  /** Never rejects. */
  call(tool: string, key: string, input: Json, child: Pick<ChildSpec, 'definition' | 'options'>): Promise<Returned>;
  /** Starts no child any more. */
  close(): void;
}

export function childCalls(
  { agents, delegation: policy }: Pick<AgentCore, 'agents' | 'delegation'>,
  ctx: DurableContext,
): ChildCalls {
  const delegation = createDelegation({ ctx, agents, policy });
  return {
    async call(tool, key, input, { definition: name, options }) {
      const definition = { name, kind: 'agent' } as const;
      try {
        return { ok: true, result: await delegation.call(tool, key, input, { ...options, definition }) };
      } catch (error) {
        return { ok: false, error };
      }
    },
    close: delegation.close,
  };
}
