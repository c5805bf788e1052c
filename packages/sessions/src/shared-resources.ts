/** Things that are made once for all who use them under one name, and disposed when the last has left. */
export interface SharedResources<Key, Resource> {
  /** Everyone who asks while it exists gets the same; a failed making is forgotten. */
  acquire(name: string, key: Key): Promise<Resource>;
  /** Once per acquired use. Waits for the disposal when it was the last. */
  release(name: string): Promise<void>;
  /** Disposes what is left, the newest first, and rejects with all errors there were. */
  disposeAll(): Promise<void>;
}

interface Shared<Resource> {
  readonly made: Promise<Resource>;
  users: number;
}

export function createSharedResources<Key, Resource>(
  make: (key: Key) => Promise<Resource> | Resource,
): SharedResources<Key, Resource> {
  const all = new Map<string, Shared<Resource>>();

  return {
    async acquire(name, key) {
      let shared = all.get(name);
      if (shared === undefined) {
        shared = { made: Promise.resolve(key).then(make), users: 0 };
        all.set(name, shared);
      }
      shared.users += 1;
      try {
        return await shared.made;
      } catch (error) {
        // Whoever comes now must not join the failure; a new making may stand here already.
        if (all.get(name) === shared) all.delete(name);
        throw error;
      }
    },
    async release(name) {
      const shared = all.get(name);
      if (shared === undefined) return;
      shared.users -= 1;
      if (shared.users > 0) return;
      all.delete(name);
      await disposeOf(await shared.made);
    },
    async disposeAll() {
      const left = [...all.values()].toReversed();
      all.clear();
      const errors: unknown[] = [];
      for (const { made } of left) {
        // A making that failed has told those who waited for it, and left nothing to dispose.
        const resource = await made.catch(() => undefined);
        await disposeOf(resource).catch((error: unknown) => errors.push(error));
      }
      if (errors.length > 0) throw new AggregateError(errors, `${errors.length} sessions could not be disposed`);
    },
  };
}

async function disposeOf(resource: unknown): Promise<void> {
  if (typeof resource !== 'object' || resource === null) return;
  if (Symbol.asyncDispose in resource) await (resource as AsyncDisposable)[Symbol.asyncDispose]();
  else if (Symbol.dispose in resource) (resource as Disposable)[Symbol.dispose]();
}
