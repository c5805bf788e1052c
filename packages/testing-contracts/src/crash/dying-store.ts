import { disposable, type Store } from '@prusik/core';

/**
 * Claims and renewals come as clocks tick, so counting them would make the k-th write another one in each life. A death after a claim
 * is covered: it is the same as one before the first commit that follows.
 */
const WRITES: ReadonlySet<string> = new Set([
  'start',
  'commit',
  'signal',
  'decide',
  'moveSession',
  'replaceMessages',
  'remove',
  'putBlob',
]);

const NOBODY = disposable(() => undefined);

/** Whether the process dies at this call, for points that have a name instead of a number. */
export type DiesAt = (method: string, given: readonly unknown[]) => boolean;

/** A store whose process dies at its k-th write. */
export interface DyingStore {
  readonly store: Store;
  /** Resolves when the process is dead, with what it died at: `before commit`, `after claim`. */
  readonly died: Promise<string>;
  /** Writes so far. */
  readonly calls: () => number;
}

/**
 * Kills whoever uses `inner` at its write number `dieAt` (or at the first call that `dieAt` says yes to): before the call acts, or after it has acted and before the answer arrives. From then
 * on nothing that was asked settles, as for a process that is gone; `inner` is what the next process finds. Try every `dieAt` until
 * nobody dies any more.
 */
export function dyingStore(inner: Store, dieAt: number | DiesAt, when: 'before' | 'after'): DyingStore {
  const died = Promise.withResolvers<string>();
  const never = new Promise<never>(() => {});
  let calls = 0;
  let dead = false;

  async function call(name: string, method: (...given: readonly unknown[]) => unknown, given: readonly unknown[]) {
    if (dead) return never;
    if (WRITES.has(name)) calls += 1;
    const last = typeof dieAt === 'number' ? calls === dieAt && WRITES.has(name) : dieAt(name, given);
    if (last) dead = true;
    if (last && when === 'before') {
      died.resolve(`before ${name}`);
      return never;
    }
    const answer: unknown = await method.apply(inner, [...given]);
    if (last) died.resolve(`after ${name}`);
    return dead ? never : answer;
  }

  async function* readBlob(tenant: string, hash: string): AsyncGenerator<Uint8Array> {
    if (dead) await never;
    yield* inner.readBlob(tenant, hash);
  }

  const store = new Proxy(inner, {
    get(target, name) {
      // The only one that answers with something else than a promise.
      if (name === 'readBlob') return readBlob;
      // Its storage may be closed by now, to be opened for the next process.
      if (dead && typeof name === 'string' && name.startsWith('watch')) return () => NOBODY;
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function' || typeof name !== 'string' || name.startsWith('watch')) return value;
      return (...given: readonly unknown[]) => call(name, value as (...given: readonly unknown[]) => unknown, given);
    },
  });
  return { store, died: died.promise, calls: () => calls };
}
