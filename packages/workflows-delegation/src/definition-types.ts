import type { DurableDefinition } from '@prusik/core';

/** Any durable function, whatever it takes and gives. */
export type AnyDefinition = DurableDefinition<never, unknown, never>;

/** The agents of a workflow by the names it calls them: agents, other workflows, any durable function. */
export interface AgentMap {
  readonly [name: string]: AnyDefinition;
}

/** What a caller of a definition passes and gets where that is not what its function takes and gives (a schema with defaults). Types only. */
export interface CallTypes<Input = unknown, Output = unknown> {
  readonly input: Input;
  readonly output: Output;
}

/** What a call of `Definition` takes. */
export type CallInput<Definition> = Definition extends { readonly '~types': CallTypes<infer Input> }
  ? Input
  : Definition extends DurableDefinition<infer Input, unknown, never>
    ? Input
    : never;

/** What a call of `Definition` gives. */
export type CallOutput<Definition> = Definition extends { readonly '~types': CallTypes<unknown, infer Output> }
  ? Output
  : Definition extends DurableDefinition<never, infer Output, never>
    ? Output
    : never;
