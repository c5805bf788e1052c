import { PrusikError } from '../errors.ts';
import { toJsonOfWrite } from '../json.ts';
import { WRITE_ITEMS_LIMIT, WRITE_LIMIT } from '../commit.ts';

/**
 * The caller's argument as a value of the store's own. What comes in is checked and copied before it is queued: the caller may change its objects while the write waits, both
 * stores keep the same value of the same argument, and nothing throws once a transaction has begun to write. The cast holds because the copy keeps every property of a value
 * that is JSON, and any other is refused.
 */
export function copied<T>(value: T): T {
  try {
    return toJsonOfWrite(value, WRITE_LIMIT) as T;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new PrusikError('WRITE_TOO_LARGE', `One write has at most ${WRITE_LIMIT} bytes as JSON`, {
      cause: error,
      meta: { maxBytes: WRITE_LIMIT },
    });
  }
}

/** Every item is a row or more, which are written in one turn of the event loop. */
export function checkItems(name: string, items: readonly unknown[] | undefined): void {
  if (items === undefined || items.length <= WRITE_ITEMS_LIMIT) return;
  throw new PrusikError('WRITE_TOO_LARGE', `One write has at most ${WRITE_ITEMS_LIMIT} ${name}, not ${items.length}`, {
    meta: { maxItems: WRITE_ITEMS_LIMIT },
  });
}
