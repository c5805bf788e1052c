import type { Request } from '@prusik/core';
import { port, rows, without, type StoreFault } from './fault.ts';

/** What is read of a request, before it is decided or used, is changed. */
const reading = (name: string, caughtBy: string, change: (request: Request) => Request): StoreFault =>
  rows(name, caughtBy, (tables) => ({
    request(run, id) {
      const request = tables.request(run, id);
      return request && change(request);
    },
  }));

export const REQUEST_FAULTS: readonly StoreFault[] = [
  rows('a request forgets its root', 'a new request is open and carries', ({ insertRequest }) => ({
    insertRequest: (run, request, at) => insertRequest({ ...run, root: run.key.run }, request, at),
  })),
  rows('a decision forgets what was said', 'a decision closes the request with everything', ({ saveRequest }) => ({
    saveRequest: (run, { decision, ...request }) =>
      saveRequest(run, decision ? { ...request, decision: { status: decision.status, at: decision.at } } : request),
  })),
  rows('a decision is no signal', 'the decision is a signal to the run', ({ findSignal }) => ({
    findSignal: (run, kind, key) =>
      kind === 'decision' ? { n: 1, kind, key, body: null, at: 0 } : findSignal(run, kind, key),
  })),
  reading('a request can be decided twice', 'the second decider is told what was decided', (request) =>
    request.status === 'rejected' ? { ...request, status: 'open' } : request,
  ),
  port('everybody who decides has decided', 'of many that decide at once', (store) => ({
    async decide(decision) {
      const result = await store.decide(decision);
      return result.outcome === 'already' ? { ...result, outcome: 'decided' } : result;
    },
  })),
  port('requests do not know of tenants', 'a request that is not there is unknown', (store) => ({
    decide: (decision) => store.decide({ ...decision, run: { ...decision.run, tenant: 'acme' } }),
  })),
  reading('requests do not expire', 'from `expiresAt` on a decision expires', (request) => ({
    ...request,
    expiresAt: null,
  })),
  reading('requests expire a moment late', 'from `expiresAt` on a decision expires', (request) => ({
    ...request,
    expiresAt: request.expiresAt === null ? null : request.expiresAt + 1,
  })),
  reading('requests expire whenever somebody says so', 'nobody expires a request before its time', (request) => ({
    ...request,
    expiresAt: 0,
  })),
  reading('an approval can be used again', 'an approval is used once', (request) => ({ ...request, claimed: false })),
  reading('what was rejected can be used', 'only an approved or edited request can be used', (request) =>
    request.status === 'rejected' ? { ...request, status: 'approved' } : request,
  ),
  port('one commit can use an approval twice', 'only an approved or edited request can be used', (store) => ({
    commit: (commit) =>
      store.commit(commit.claimRequests ? { ...commit, claimRequests: [...new Set(commit.claimRequests)] } : commit),
  })),
  reading('the holder closes what was decided', 'the holder closes what is open', (request) =>
    request.status === 'approved' ? { ...request, status: 'open' } : request,
  ),
  rows('there is no end to open requests', 'a run has at most 64 open requests', () => ({ openRequests: () => [] })),
  rows('what the commit closes still counts as open', 'a run has at most 64 open requests', ({ openRequests }) => ({
    openRequests: (run) => openRequests(run).map((request) => ({ ...request, id: `other ${request.id}` })),
  })),
  rows('the id of a closed request is free again', 'a request’s id is used once', (tables) => ({
    request(run, id) {
      const request = tables.request(run, id);
      return request?.status === 'withdrawn' ? undefined : request;
    },
  })),
  rows('what is withdrawn is no signal', 'the holder closes what is open', ({ findSignal }) => ({
    findSignal: (run, kind, key) =>
      kind === 'decision' && key === 'open' ? { n: 1, kind, key, body: null, at: 0 } : findSignal(run, kind, key),
  })),
  port('a park forgets what its own commit told', 'what a run withdraws is told to itself', (store) => ({
    async commit(commit) {
      const { closeRequests, transition, ...rest } = commit;
      if (closeRequests === undefined || transition === undefined) return store.commit(commit);
      await store.commit({ ...rest, closeRequests });
      return store.commit({ ...rest, transition, seen: 1 });
    },
  })),
  rows('a schema is not kept', 'request() reads one request', ({ insertRequest }) => ({
    insertRequest: (run, request, at) => insertRequest(run, without(request, 'schema'), at),
  })),
  port('request() knows no tenants', 'request() reads one request', (store) => ({
    request: (run, id) => store.request({ ...run, tenant: 'acme' }, id),
  })),
  rows('open is what nobody has closed', 'a request whose time is past reads as expired', ({ listRequests }) => ({
    listRequests: (query) => listRequests({ ...query, now: 0 }),
  })),
  port('what is past is written down when it is read', 'a request whose time is past reads as expired', (store) => ({
    async request(run, id) {
      const found = await store.request(run, id);
      if (found?.status !== 'expired') return found;
      await store.decide({ run, request: id, decision: { status: 'expired' } });
      return store.request(run, id);
    },
  })),
  rows('a request never expires by itself', 'a request whose time is past reads as expired', (tables) => ({
    openRequests: (run) => tables.openRequests(run).map((request) => ({ ...request, expiresAt: null })),
  })),
  rows('nobody is told that a run is alone', 'a run says whether anybody is there', ({ insertRun }) => ({
    insertRun: (run, state) => insertRun({ ...run, attended: true }, state),
  })),
  rows('every run is alone', 'a run says whether anybody is there', ({ insertRun }) => ({
    insertRun: (run, state) => insertRun({ ...run, attended: false }, state),
  })),
  rows('the end says nothing of why', 'a request that the end has withdrawn', ({ saveRequest }) => ({
    saveRequest: (run, { decision, ...request }) =>
      saveRequest(run, request.status === 'withdrawn' || decision === undefined ? request : { ...request, decision }),
  })),
];
