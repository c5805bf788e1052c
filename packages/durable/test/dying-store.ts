import type { Store } from '@prusik/core';

/** A store whose process dies at its k-th call: before the call acts, or after it has acted and before the answer arrives. */
export interface DyingStore {
  readonly store: Store;
  /** Resolves when the process is dead; nothing it asked settles any more. */
  readonly died: Promise<string>;
  /** Calls so far. */
  readonly calls: () => number;
}

const WRITES = ['start', 'claim', 'renew', 'commit', 'signal', 'decide'] as const;

export function dyingStore(inner: Store, dieAt: number, when: 'before' | 'after'): DyingStore {
  const died = Promise.withResolvers<string>();
  const never = new Promise<never>(() => {});
  let calls = 0;
  let dead = false;
  const wrapped = Object.fromEntries(
    WRITES.map((name) => [
      name,
      async (...given: readonly unknown[]) => {
        if (dead) return never;
        calls += 1;
        const last = calls === dieAt;
        if (last) dead = true;
        if (last && when === 'before') {
          died.resolve(`before ${name}`);
          return never;
        }
        const answer: unknown = await (inner[name] as (...args: readonly unknown[]) => Promise<unknown>)(...given);
        if (last) died.resolve(`after ${name}`);
        return dead ? never : answer;
      },
    ]),
  );
  const reads = new Proxy(inner, {
    get(target, name, receiver) {
      if (name in wrapped) return wrapped[name as string];
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof value !== 'function' || typeof name !== 'string' || name.startsWith('watch')) return value;
      return (...given: readonly unknown[]) =>
        dead ? never : (value as (...args: readonly unknown[]) => unknown)(...given);
    },
  });
  return { store: reads, died: died.promise, calls: () => calls };
}
