import type { NewId } from '@prusik/core';

/** Ids by hand: `id-1`, `id-2` and so on, so that a test can name what was given one. */
export function countedIds(prefix = 'id'): NewId {
  let count = 0;
  return () => `${prefix}-${(count += 1)}`;
}
