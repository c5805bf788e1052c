import { WRITE_ITEMS_LIMIT, type Json, type Run, type Store } from '@prusik/core';
import { port, rows, type StoreFault } from './fault.ts';

/** A copy made by hand, as a store without care makes it. */
function copied(value: Json, text: (text: string) => string): Json {
  if (typeof value === 'string') return text(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => copied(item as Json, text));
  const copy: Record<string, Json> = {};
  // Assigned, so that `__proto__` sets the prototype and is gone.
  for (const [key, item] of Object.entries(value)) copy[text(key)] = copied(item, text);
  return copy;
}

const bent = (name: string, text: (text: string) => string): StoreFault =>
  rows(name, 'JSON comes back as it went in', ({ appendEntries }) => ({
    appendEntries: (run, from, at, bodies) =>
      appendEntries(
        run,
        from,
        at,
        bodies.map((body) => (body.type === 'note' ? { ...body, data: copied(body.data, text) } : body)),
      ),
  }));

/** Wrong arguments are swallowed by the methods of these names. */
export const swallowing = (caughtBy: string, ...methods: readonly (keyof Store)[]): StoreFault =>
  port(`wrong arguments are swallowed by ${methods.join(', ')}`, caughtBy, (store) => {
    const wrapped = methods.map((method) => {
      // The port's methods have nothing in common but that they are called.
      const sound = store[method] as unknown as (...args: unknown[]) => Promise<unknown>;
      const swallow = (error: unknown): unknown => {
        if (error instanceof TypeError) return { outcome: 'committed', items: [], claims: [] };
        throw error;
      };
      return [method, (...args: unknown[]) => sound(...args).catch(swallow)];
    });
    return Object.fromEntries(wrapped) as Partial<Store>;
  });

export const VALUE_FAULTS: readonly StoreFault[] = [
  bent('text ends at NUL', (text) => text.split('\0')[0] ?? ''),
  bent('text is stored as UTF-8', (text) => text.toWellFormed()),
  bent('objects are copied by assignment', (text) => text),
  swallowing('ids that name nothing are a wrong argument', 'start', 'run', 'entries'),
  swallowing('limits, positions, cursors and lease times', 'renew'),
  port('what is too large is cut', 'a write of more items or bytes', (store) => ({
    commit: (commit) => store.commit({ ...commit, entries: commit.entries.slice(0, WRITE_ITEMS_LIMIT) }),
  })),
  swallowing('what JSON cannot hold is a wrong argument', 'commit'),
  swallowing('amounts that are not whole numbers', 'commit'),
  swallowing('a tree that does not fit together', 'start'),
  swallowing('kinds, states and lists that there are not', 'signal'),
  port('what is asked for is read twice', 'what is asked for is read once', (store) => ({
    run: (asked) => store.run(asked).then(() => store.run(asked)),
  })),
  swallowing('a park or block without the last signal seen', 'commit'),
  port('a reader can write', 'who changes what it was given', (store) => {
    let shared: Run | undefined;
    return {
      async run(key) {
        shared ??= structuredClone(await store.run(key));
        return shared;
      },
    };
  }),
];
