import { createCleanup } from '@prusik/core';

/** Things that are made once for all who use them under one name, and disposed when the last has left. */
export interface SharedResources<Key, Resource> {
  /** Everyone who asks while it exists gets the same; a failed making is forgotten. */
  acquire(name: string, key: Key): Promise<ResourceUse<Resource>>;
  /** Disposes it now, whoever uses it; who asks after that gets a new one. */
  end(name: string): Promise<void>;
  /** Disposes what is left, the newest first. @throws {PrusikError} `CLEANUP_FAILED` */
  disposeAll(): Promise<void>;
}

export interface ResourceUse<Resource> {
  readonly resource: Resource;
  /** Waits for the disposal when it was the last use. */
  leave(): Promise<void>;
}

interface Shared<Resource> {
  readonly made: Promise<Resource>;
  users: number;
  disposal?: Promise<void>;
}

export function createSharedResources<Key, Resource>(
  make: (key: Key) => Promise<Resource> | Resource,
): SharedResources<Key, Resource> {
  const all = new Map<string, Shared<Resource>>();

  /** Once, whoever asks for it. A making that failed has told those who waited for it, and left nothing to dispose. */
  function dispose(name: string, shared: Shared<Resource>): Promise<void> {
    if (all.get(name) === shared) all.delete(name);
    shared.disposal ??= shared.made.catch(() => undefined).then(disposeOf);
    return shared.disposal;
  }

  return {
    async acquire(name, key) {
      let shared = all.get(name);
      if (shared === undefined) {
        shared = { made: Promise.resolve(key).then(make), users: 0 };
        all.set(name, shared);
      }
      const joined = shared;
      joined.users += 1;
      try {
        const resource = await joined.made;
        let left: Promise<void> | undefined;
        const leave = async (): Promise<void> => {
          joined.users -= 1;
          if (joined.users === 0) await dispose(name, joined);
        };
        return { resource, leave: () => (left ??= leave()) };
      } catch (error) {
        // Whoever comes now must not join the failure; a new making may stand here already.
        if (all.get(name) === joined) all.delete(name);
        throw error;
      }
    },
    async end(name) {
      const shared = all.get(name);
      if (shared !== undefined) await dispose(name, shared);
    },
    async disposeAll() {
      const cleanup = createCleanup();
      for (const [name, shared] of all) cleanup.add(name, () => dispose(name, shared));
      await cleanup.run();
    },
  };
}

async function disposeOf(resource: unknown): Promise<void> {
  if (typeof resource !== 'object' || resource === null) return;
  if (Symbol.asyncDispose in resource) await (resource as AsyncDisposable)[Symbol.asyncDispose]();
  else if (Symbol.dispose in resource) (resource as Disposable)[Symbol.dispose]();
}
