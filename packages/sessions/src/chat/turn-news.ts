import { runKeyText, type RunEvent, type RunKey } from '@prusik/core';
import type { Engine } from '@prusik/durable';

/**
 * The events of a run and of those below it, and `undefined` when its tree may have come to rest: a drive that only looked leaves no entry, and may have been all that
 * moved while the last entry was read.
 */
export async function* turnNews(
  { events, store }: Engine,
  root: RunKey,
  signal: AbortSignal,
): AsyncGenerator<RunEvent | undefined> {
  const reader = events(root, { tree: true, signal });
  let rest = Promise.withResolvers<undefined>();
  const queue = store.watchQueue((of) => {
    if (of === undefined || runKeyText(of) === runKeyText(root)) rest.resolve(undefined);
  });
  try {
    let next = reader.next();
    for (;;) {
      const news = await Promise.race([next, rest.promise]);
      if (news === undefined) {
        rest = Promise.withResolvers();
        yield undefined;
      } else if (news.done) {
        return;
      } else {
        yield news.value;
        next = reader.next();
      }
    }
  } finally {
    queue[Symbol.dispose]();
    await reader.return?.();
  }
}
