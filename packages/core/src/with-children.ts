import type { AnyDefinition } from './durable-function.ts';

/**
 * These definitions and all that they call, each once: what an engine needs to know to run them.
 *
 * @throws {TypeError} when two different definitions have one name.
 */
export function withChildren(...definitions: readonly AnyDefinition[]): readonly AnyDefinition[] {
  const byName = new Map<string, AnyDefinition>();
  const add = (definition: AnyDefinition): void => {
    const known = byName.get(definition.name);
    if (known === definition) return;
    if (known !== undefined) throw new TypeError(`Two different definitions are named ${definition.name}`);
    byName.set(definition.name, definition);
    Object.values(definition.agents ?? {}).forEach(add);
  };
  definitions.forEach(add);
  return [...byName.values()];
}
