import { PrusikError, type SessionKey, type Store } from '@prusik/core';
import { placeOfFork } from './branching.ts';
import { sessionUnknown } from './refusals.ts';

/** Copies a conversation up to one of its messages, inside the store. */
export async function forkSession(
  store: Store,
  key: SessionKey,
  { at, to }: { readonly at: string; readonly to: string },
): Promise<void> {
  if ((await store.session(key)) === undefined) throw sessionUnknown(key);
  const { outcome } = await store.forkSession(key, to, await placeOfFork(store, key, at));
  const { session } = key;
  switch (outcome) {
    case 'forked':
    case 'existing':
      return;
    case 'taken':
      throw new PrusikError('SESSION_EXISTS', `There is a session ${to} already`, { meta: { session: to } });
    case 'too-large':
      throw new PrusikError('FORK_TOO_LARGE', `The session ${session} has more than one fork copies`, {
        meta: { session },
      });
    case 'redacted':
      throw new PrusikError('SESSION_REDACTED', `The session ${session} was imported without its content`, {
        meta: { session },
      });
    case 'unknown':
      throw sessionUnknown(key);
    default:
      return outcome satisfies never;
  }
}
