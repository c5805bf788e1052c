import type { Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { describe, expect, it } from 'vitest';
import {
  countedIds,
  everyDeath,
  fakeClock,
  killingStore,
  leakCounter,
  seededRandom,
  type Life,
  type StoreStorage,
} from '../../src/index.ts';

const KEY = { tenant: 'default', run: 'r' };
const definitions = [{ name: 'work', versions: ['1'] }];

/** The smallest engine there is: a run of one step. `forgets` what was recorded, which no engine may. */
async function live({ store, clock, write }: Life, forgets = false): Promise<void> {
  await store.start({
    key: KEY,
    kind: 'function',
    definition: 'work',
    version: '1',
    input: null,
    inputHash: 'sha256:none',
    context: null,
    priority: 0,
    messages: [],
    root: 'r',
    depth: 0,
  });
  for (;;) {
    const run = await store.run(KEY);
    if (run?.status === 'completed') return;
    const query = { worker: 'w', leaseMs: 1_000, limit: 1, suspects: { room: 1, alone: 9 }, definitions };
    const [claim] = (await store.claim(query)).claims;
    if (claim === undefined) {
      clock.advance(1_000);
      continue;
    }
    const { epoch } = claim.run;
    const lease = { run: KEY, epoch, progress: true };
    const entries = await store.entries(KEY, { after: 0, limit: 100 });
    if (forgets || !entries.some(({ type }) => type === 'step-end')) {
      write({ type: 'effect', run: KEY, step: 's', effect: 'repeatable', idempotencyKey: 'k' });
      await store.commit({
        ...lease,
        entries: [
          { type: 'run-claim', worker: 'w', epoch, attempt: 1, definitionHash: '' },
          {
            type: 'step-end',
            key: 's',
            kind: 'step',
            fingerprint: '',
            attempt: 1,
            outcome: { ok: true },
            durationMs: 0,
          },
        ],
      });
    }
    await store.commit({
      ...lease,
      entries: [{ type: 'run-end', status: 'completed' }],
      transition: { type: 'end', status: 'completed' },
    });
  }
}

const create = (): StoreStorage => ({ open: ({ clock }) => memoryStore({ clock }) });

describe('everyDeath', () => {
  it('TST-3: tries each write, before and after it, and names each point', async () => {
    const points = await everyDeath({ create, live: (life) => live(life) });

    expect([...points.keys()]).toEqual([
      'before start 1',
      'before commit 2',
      'before commit 3',
      'after start 1',
      'after commit 2',
      'after commit 3',
    ]);
    expect([...points.values()].map(({ effects }) => effects)).toEqual([1, 2, 1, 1, 1, 1]);
  });

  it('TST-3: dies a second time where it is told to', async () => {
    const points = await everyDeath({ create, live: (life) => live(life), again: 2 });

    expect([...points.keys()]).toContain('before commit 2, then before commit 2');
  });

  it('TST-2, TST-3: finds an engine that forgets, and says where it died', async () => {
    await expect(everyDeath({ create, live: (life) => live(life, true) })).rejects.toThrow(
      /died before commit 3 left something broken: .*outcome-twice: run r: s has more than one outcome/,
    );
  });

  it('TST-3: what a check says no to is told with its point', async () => {
    const check = (): never => {
      throw new Error('not so');
    };

    await expect(everyDeath({ create, live: (life) => live(life), check })).rejects.toThrow(
      /died before start 1 left .*not so/,
    );
  });
});

describe('killingStore', () => {
  /** Calls until it would be dead, for a store that does not kill. */
  async function callsUntilDeath(point: string): Promise<readonly string[]> {
    const calls: string[] = [];
    let dead = false;
    const inner: Store = memoryStore({ clock: fakeClock() });
    const told = new Proxy(inner, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function' || typeof name !== 'string') return value;
        return (...given: readonly unknown[]) => {
          if (!dead) calls.push(name);
          return (value as (...all: readonly unknown[]) => unknown).apply(target, [...given]);
        };
      },
    });
    const store = killingStore({ ...inner, start: told.start, claim: told.claim, commit: told.commit }, point, () => {
      dead = true;
    });
    await live({ store, clock: fakeClock(), write: () => {}, number: 1 });
    return dead ? calls : [];
  }

  it.each([
    ['before-start', []],
    ['after-start', ['start']],
    ['after-claim', ['start', 'claim']],
    ['before-commit:2', ['start', 'claim', 'commit']],
    ['after-commit:2', ['start', 'claim', 'commit', 'commit']],
    ['before-outcome:s', ['start', 'claim']],
    ['after-outcome:s', ['start', 'claim', 'commit']],
  ])('TST-3: %s dies at that call and no other', async (point, before) => {
    const calls = await callsUntilDeath(point);

    expect(calls).toEqual(before);
  });

  it.each(['in-commit', 'before-commit:0', 'before-commit:x', 'after-outcome', 'before-renew'])(
    'TST-3: %s is no point',
    (point) => {
      expect(() => killingStore(memoryStore(), point)).toThrow(TypeError);
    },
  );
});

describe('chance, ids and leaks', () => {
  it('TST-4: chance is the same for the same seed, and whole numbers stay within their bounds', () => {
    const draw = (seed: number) => {
      const random = seededRandom(seed);
      return Array.from({ length: 1_000 }, () => random.int(3, 7));
    };

    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect([...new Set(draw(1))].toSorted()).toEqual([3, 4, 5, 6, 7]);
    expect(seededRandom(5).shuffle([1, 2, 3, 4, 5]).toSorted()).toEqual([1, 2, 3, 4, 5]);
  });

  it('TST-4: ids are counted', () => {
    const next = countedIds('run');

    expect([next(), next()]).toEqual(['run-1', 'run-2']);
  });

  it('TST-4: a timer and a listener that are left are told, and nothing once they are gone', async () => {
    const counter = leakCounter();
    const timer = setInterval(() => {}, 1_000);
    const listener = (): void => {};
    process.on('SIGUSR2', listener);
    const leaks = await counter.leaks(0);
    clearInterval(timer);
    process.off('SIGUSR2', listener);

    expect(leaks).toContain('+1 Timeout');
    expect(leaks).toContain('+1 listener of SIGUSR2');
    expect(await counter.leaks()).toEqual([]);
  });
});
