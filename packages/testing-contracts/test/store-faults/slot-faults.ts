import type { ThreadKey } from '@prusik/core';
import { port, rows, storage, without, type StoreFault } from './fault.ts';

export const SLOT_FAULTS: readonly StoreFault[] = [
  rows('a slot holds what was written first', 'slots are written by a commit', ({ saveSlots, slots }) => ({
    saveSlots(owner, changes) {
      const held = new Set(slots(owner).map(({ name }) => name));
      saveSlots(
        owner,
        changes.filter(({ name }) => !held.has(name)),
      );
    },
  })),
  rows('null empties a slot', 'slots are written by a commit', ({ saveSlots }) => ({
    saveSlots: (owner, changes) =>
      saveSlots(
        owner,
        changes.map((change) => (change.value === null ? without(change, 'value') : change)),
      ),
  })),
  rows('every run has slots of its own', 'slots belong to the session', ({ slots }) => ({
    slots: (owner) => slots({ ...owner, of: owner.of === 'session' ? 'run' : 'session' }),
  })),
  port(
    'slots are written although the commit is not',
    'a commit that is stale or refused changes no slot',
    (store) => ({
      async commit(commit) {
        const answer = await store.commit(commit);
        if (answer.outcome === 'committed' || commit.slots === undefined) return answer;
        const run = await store.run(commit.run);
        const { slots } = commit;
        await store.commit({ run: commit.run, epoch: run?.epoch ?? 0, entries: [], progress: false, slots });
        return answer;
      },
    }),
  ),
  port('there is room for any number of slots', '64 slots hold something', (store) => ({
    async commit(commit) {
      const answer = await store.commit(commit);
      return answer.outcome === 'refused' && answer.code === 'TOO_MANY_SLOTS'
        ? store.commit(without(commit, 'slots'))
        : answer;
    },
  })),
  rows('a fork begins with empty slots', 'a fork has what the slots of its session hold', ({ saveSlots }) => ({
    saveSlots: (owner, changes) =>
      owner.id === 's2' && changes[0]?.name === 'a' ? undefined : saveSlots(owner, changes),
  })),
  {
    name: 'slots stay when their owner is removed',
    caughtBy: 'slots are removed with their session',
    make(tables) {
      const kept = new Map<string, ReturnType<typeof tables.slots>>();
      const nameOf = ({ of, id }: ThreadKey): string => `${of} ${id}`;
      const keep = (owner: ThreadKey): void => {
        kept.set(nameOf(owner), tables.slots(owner));
      };
      return {
        tables: {
          hideSession(session) {
            keep({ tenant: session.key.tenant, of: 'session', id: session.key.session });
            tables.hideSession(session);
          },
          slots: (owner) => [...tables.slots(owner), ...(kept.get(nameOf(owner)) ?? [])],
        },
      };
    },
  },
  port('a slot may have any name', 'the name of a slot has 1 to 64 characters', (store) => ({
    commit: (commit) =>
      store.commit(
        commit.slots === undefined ? commit : { ...commit, slots: commit.slots.map((one) => ({ ...one, name: 'a' })) },
      ),
  })),
  storage('slots are forgotten', 'slots hold the same after the store was disposed', { losesWhenClosed: 'saveSlots' }),
];
