const REGISTRY = Symbol.for('@prusik/core copies');

const copies = ((globalThis as { [REGISTRY]?: Set<string> })[REGISTRY] ??= new Set());
copies.add(import.meta.url);

/**
 * Where each copy of core that this process has loaded came from. More than one means that two packages were installed with
 * different versions of it; errors are compared by code, so they still work together, as long as their versions fit.
 */
export function loadedCopies(): readonly string[] {
  return [...copies];
}
