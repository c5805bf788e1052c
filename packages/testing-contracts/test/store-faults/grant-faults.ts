import type { Grant, NewGrantRow } from '@prusik/core';
import { port, rows, storage, without, type StoreFault } from './fault.ts';

const writing = (name: string, caughtBy: string, change: (grant: NewGrantRow) => NewGrantRow): StoreFault =>
  rows(name, caughtBy, ({ insertGrant }) => ({ insertGrant: (grant) => insertGrant(change(grant)) }));

const listing = (name: string, caughtBy: string, field: 'holders' | 'tool' | 'active'): StoreFault =>
  rows(name, caughtBy, ({ listGrants }) => ({ listGrants: (query) => listGrants(without(query, field)) }));

export const GRANT_FAULTS: readonly StoreFault[] = [
  writing('a grant is for every input', 'a grant is written with the approval', (grant) => ({ ...grant, part: {} })),
  writing('a grant forgets its end', 'a grant is written with the approval', (grant) => ({
    ...grant,
    expiresAt: null,
  })),
  writing('a grant without a part is for every input that holds it', 'without a part a grant', (grant) => ({
    ...grant,
    exact: false,
  })),
  port('a grant is for the input before the edit', 'without a part a grant', (store) => ({
    decide: ({ decision, ...rest }) =>
      store.decide({
        ...rest,
        decision: decision.grant && decision.status === 'edited' ? { ...decision, status: 'approved' } : decision,
      }),
  })),
  listing('every grant holds in every run', 'a grant of a run holds in that run', 'holders'),
  rows('a child has no part in what its session was granted', 'a grant of a run holds in that run', (tables) => ({
    listGrants: (query) =>
      tables.listGrants(
        query.holders?.some(({ id }) => id === 'child')
          ? { ...query, holders: query.holders.filter(({ of }) => of === 'run') }
          : query,
      ),
  })),
  listing('the tool of a grant is not looked at', 'grants are listed by tool', 'tool'),
  listing('grants that are past are shown', 'grants are listed by tool', 'active'),
  rows('grants do not expire', 'grants are listed by tool', ({ listGrants }) => ({
    listGrants: (query) => listGrants({ ...query, now: 0 }),
  })),
  rows('a grant can be revoked twice', 'a grant is revoked once', (tables) => ({
    grant(key) {
      const found = tables.grant(key);
      return found && (without(found, 'revoked') as Grant);
    },
  })),
  rows('a grant is not revoked', 'a grant is revoked once', () => ({ saveGrant: () => undefined })),
  port('grants know no tenants', 'a grant is revoked once', (store) => ({
    revokeGrant: (key, by) => store.revokeGrant({ ...key, tenant: 'acme' }, by),
  })),
  port('a grant that cannot be is dropped', 'a grant that cannot be is a wrong argument', (store) => ({
    decide: ({ decision, ...rest }) =>
      store.decide({ ...rest, decision }).catch(() => store.decide({ ...rest, decision: without(decision, 'grant') })),
  })),
  port('who comes late gives a grant all the same', 'a decision that comes too late', (store) => ({
    async decide(decision) {
      const answer = await store.decide(decision);
      return answer.outcome === 'already' ? { ...answer, outcome: 'decided' } : answer;
    },
  })),
  rows('there is no end to grants', 'as many grants are in force', ({ listGrants }) => ({
    listGrants: (query) => (query.active === true ? { items: [] } : listGrants(query)),
  })),
  rows('grants stay when their run is removed', 'grants go with the run', ({ listGrants, insertGrant }) => {
    const all: Grant[] = [];
    return {
      insertGrant(grant) {
        all.push({ ...grant, id: String(all.length + 1) });
        insertGrant(grant);
      },
      listGrants: (query) => (query.holders === undefined ? { items: all } : listGrants(query)),
    };
  }),
  storage('grants are gone when the store is closed', 'grants and what became of them', {
    losesWhenClosed: 'insertGrant',
  }),
  storage('revocations are gone when the store is closed', 'grants and what became of them', {
    losesWhenClosed: 'saveGrant',
  }),
];
