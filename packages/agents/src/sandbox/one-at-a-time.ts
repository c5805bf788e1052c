import type { SandboxSession } from '@prusik/core';

const tails = new WeakMap<SandboxSession, Map<string, Promise<unknown>>>();

/**
 * Changes one file of a session after the other, in the order in which they were asked for: between the look at a file and its replacement no other call
 * of this process changes it. Commands do not wait.
 */
export async function oneAtATime<T>(session: SandboxSession, path: string, work: () => Promise<T>): Promise<T> {
  const ofSession = tails.get(session) ?? new Map<string, Promise<unknown>>();
  tails.set(session, ofSession);
  const before = ofSession.get(path);
  const mine = before === undefined ? work() : before.then(work, work);
  ofSession.set(path, mine);
  try {
    return await mine;
  } finally {
    if (ofSession.get(path) === mine) ofSession.delete(path);
  }
}
