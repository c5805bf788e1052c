import type { Store } from '@prusik/core';

/** The store of a worker that knows all definitions and takes runs of some: what the others do is done elsewhere, or not yet. */
export function claimingOnly(inner: Store, ...names: readonly string[]): Store {
  return {
    ...inner,
    claim: (query) =>
      inner.claim({ ...query, definitions: query.definitions.filter(({ name }) => names.includes(name)) }),
  };
}
