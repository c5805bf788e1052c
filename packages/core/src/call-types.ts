import type { DefinitionMap, DurableDefinition } from './durable-function.ts';

/** Name under which an engine knows a definition with another model than its own. */
export function withModelName(definition: string, alias: string): string {
  return `${definition}@${alias}`;
}

/**
 * What a caller of a definition passes and gets. A definition whose schema completes an input (a default, a coercion) carries it
 * as `'~types'`, since its function takes what the schema gives. For the compiler only; never read.
 */
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

/** Live objects that all of `Definitions` together need. */
export type DepsOf<Definitions extends DefinitionMap> = Intersection<
  { [Name in keyof Definitions]: { needs: OwnDeps<Definitions[Name]> } }[keyof Definitions]
>;

type OwnDeps<Definition> = Definition extends DurableDefinition<never, unknown, infer Deps> ? Deps : unknown;

/** Boxed, so that `unknown` does not swallow the others before they are intersected. */
type Intersection<Boxes extends { needs: unknown }> = [Boxes] extends [never]
  ? unknown
  : (Boxes extends { needs: infer Deps } ? (deps: Deps) => void : never) extends (deps: infer All) => void
    ? All
    : never;

/** Aliases of the models that all of `Definitions` together need, as far as their types tell. */
export type AliasesOf<Definitions extends DefinitionMap> = {
  [Name in keyof Definitions]: OwnAliases<Definitions[Name]>;
}[keyof Definitions];

type OwnAliases<Definition> = Definition extends
  | { readonly '~types': { readonly models: infer Alias extends string } }
  | { readonly model: infer Alias extends string }
  ? string extends Alias
    ? never
    : Alias
  : never;
