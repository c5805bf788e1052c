import assert from 'node:assert/strict';
import {
  OPEN_REQUEST_LIMIT,
  type Decision,
  type DecideResult,
  type Request,
  type RequestStatus,
  type Store,
} from '@prusik/core';
import { ending, key, newChild, newRequest, newRun, note } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const approve = { status: 'approved', by: 'ann' } as const;

const decide = (store: Store, request: string, decision: Omit<Decision, 'at'> = approve): Promise<DecideResult> =>
  store.decide({ run: key('r'), request, decision });

async function requestOf(store: Store, id: string, run = 'r'): Promise<Request> {
  const { items } = await store.listRequests({ tenant: 'acme', run, limit: 1_000 });
  const found = items.find((item) => item.id === id);
  assert.ok(found, `Request ${id} is not there`);
  return found;
}

export const STORE_REQUEST_TESTS: readonly StoreTest[] = [
  {
    title: 'REQ-1, REQ-7: a new request is open and carries its run, its lineage and everything it asks',
    async run({ store, clock, running, commit, take }) {
      await commit(await running('root'), { children: [newChild('r', 'root')] });
      clock.advance(10);
      const asked = newRequest('q', { kind: 'approval', body: { tool: 'send' }, expiresAt: clock.now() + 5 });

      await commit(await take('r'), { requests: [asked] });

      assert.deepEqual(await requestOf(store, 'q'), {
        ...asked,
        run: key('r'),
        root: 'root',
        parent: { run: 'root', key: 'child-r' },
        definition: 'order',
        status: 'open',
        openedAt: clock.now(),
        claimed: false,
      });
    },
  },
  {
    title: 'REQ-1: a decision closes the request with everything that was said',
    async run({ store, clock, running, commit }) {
      await commit(await running('r'), { requests: [newRequest('q')] });
      clock.advance(10);

      const said = { status: 'edited', value: { to: 'bob' }, reason: 'typo', by: 'ann' } as const;
      const result = await decide(store, 'q', said);

      assert.equal(result.outcome, 'decided');
      const request = await requestOf(store, 'q');
      assert.deepEqual([request.status, request.decision], ['edited', { ...said, at: clock.now() }]);
      assert.deepEqual(result, { outcome: 'decided', request });
    },
  },
  {
    title: 'REQ-1: the decision is a signal to the run, in the same moment, and wakes it',
    async run({ store, clock, running, commit, run, inboxOf }) {
      const held = await running('r');
      await commit(held, { requests: [newRequest('q')], seen: 0, transition: { type: 'park', wakeAt: null } });

      await decide(store, 'q');

      const body = { ...approve, at: clock.now() };
      assert.deepEqual(await inboxOf('r'), [{ n: 1, kind: 'decision', key: 'q', body, at: clock.now() }]);
      assert.equal((await run('r')).status, 'queued');
    },
  },
  {
    title: 'REQ-1: the second decider is told what was decided, and changes nothing',
    async run({ store, running, commit, inboxOf }) {
      await commit(await running('r'), { requests: [newRequest('q')] });
      await decide(store, 'q', { status: 'rejected', by: 'ann' });

      const second = await decide(store, 'q', { status: 'approved', by: 'bob' });

      assert.equal(second.outcome, 'already');
      assert.equal('request' in second && second.request.decision?.by, 'ann');
      assert.equal((await requestOf(store, 'q')).status, 'rejected');
      assert.equal((await inboxOf('r')).length, 1);
    },
  },
  {
    title: 'REQ-1: of many that decide at once, one decides',
    async run({ store, running, commit, inboxOf }) {
      await commit(await running('r'), { requests: [newRequest('q')] });
      const results = await Promise.all(
        Array.from({ length: 10 }, (_, n) => decide(store, 'q', { status: 'approved', by: `person-${n}` })),
      );
      assert.equal(results.filter(({ outcome }) => outcome === 'decided').length, 1);
      assert.equal(results.filter(({ outcome }) => outcome === 'already').length, 9);
      assert.equal((await inboxOf('r')).length, 1);
    },
  },
  {
    title: 'REQ-1: a request that is not there is unknown, in another run or tenant too',
    async run({ store, start, running, commit }) {
      await commit(await running('r'), { requests: [newRequest('q')] });
      await start('other');
      assert.deepEqual(await decide(store, 'none'), { outcome: 'unknown' });
      assert.deepEqual(await store.decide({ run: key('other'), request: 'q', decision: approve }), {
        outcome: 'unknown',
      });
      assert.deepEqual(await store.decide({ run: key('r', 'other'), request: 'q', decision: approve }), {
        outcome: 'unknown',
      });
      assert.equal((await requestOf(store, 'q')).status, 'open');
    },
  },
  {
    title: 'REQ-1: from `expiresAt` on a decision expires the request, and the run hears that',
    async run({ store, clock, running, commit, inboxOf }) {
      await commit(await running('r'), { requests: [newRequest('q', { expiresAt: clock.now() + 100 })] });
      clock.advance(100);

      const late = await decide(store, 'q');

      assert.equal(late.outcome, 'already');
      const request = await requestOf(store, 'q');
      assert.deepEqual([request.status, request.decision], ['expired', { status: 'expired', at: clock.now() }]);
      assert.deepEqual(
        (await inboxOf('r')).map(({ body }) => body),
        [{ status: 'expired', at: clock.now() }],
      );
    },
  },
  {
    title: 'REQ-1: nobody expires a request before its time by the store’s clock',
    async run({ store, clock, running, commit, inboxOf }) {
      const held = await running('r');
      await commit(held, { requests: [newRequest('q', { expiresAt: clock.now() + 100 }), newRequest('never')] });
      clock.advance(99);

      assert.equal((await decide(store, 'q', { status: 'expired' })).outcome, 'early');
      assert.equal((await decide(store, 'never', { status: 'expired' })).outcome, 'early');
      assert.deepEqual(await inboxOf('r'), []);
      clock.advance(1);
      assert.equal((await decide(store, 'q', { status: 'expired' })).outcome, 'decided');
    },
  },
  {
    title: 'REQ-4: an approval is used once',
    async run({ store, running, commit, tryCommit, journal }) {
      const held = await running('r');
      await commit(held, { requests: [newRequest('q', { kind: 'approval' })] });
      await decide(store, 'q');

      await commit(held, { entries: [note('used')], claimRequests: ['q'] });
      const again = await tryCommit(held, { entries: [note('used again')], claimRequests: ['q'] });

      assert.equal(again.outcome === 'refused' && again.code, 'REQUEST_CLAIMED');
      assert.deepEqual(await journal('r'), ['run-start', 'used']);
      const { claimed, status } = await requestOf(store, 'q');
      assert.deepEqual([claimed, status], [true, 'approved']);
    },
  },
  {
    title: 'REQ-4: only an approved or edited request can be used; not an open, rejected, answered or unknown one',
    async run({ store, running, commit, tryCommit }) {
      const held = await running('r');
      await commit(held, { requests: ['open', 'rejected', 'answered', 'edited'].map((id) => newRequest(id)) });
      await decide(store, 'rejected', { status: 'rejected' });
      await decide(store, 'answered', { status: 'answered', value: 1 });
      await decide(store, 'edited', { status: 'edited', value: 1 });

      for (const id of ['open', 'rejected', 'answered', 'unknown']) {
        const refused = await tryCommit(held, { claimRequests: [id] });
        assert.equal(refused.outcome === 'refused' && refused.code, 'REQUEST_CLAIMED', id);
      }
      const twice = await tryCommit(held, { claimRequests: ['edited', 'edited'] });
      assert.equal(twice.outcome === 'refused' && twice.code, 'REQUEST_CLAIMED');
      await commit(held, { claimRequests: ['edited'] });
    },
  },
  {
    title: 'REQ-1: the holder closes what is open, and leaves what was decided',
    async run({ store, running, commit, inboxOf }) {
      const held = await running('r');
      await commit(held, { requests: [newRequest('open'), newRequest('decided')] });
      await decide(store, 'decided');

      const closeRequests = ['open', 'decided', 'unknown'].map((id) => ({ id, reason: 'late' }));
      await commit(held, { closeRequests });

      assert.equal((await requestOf(store, 'open')).status, 'withdrawn');
      assert.equal((await requestOf(store, 'decided')).status, 'approved');
      assert.equal((await decide(store, 'open')).outcome, 'already');
      const withdrawal = { status: 'withdrawn', reason: 'late' };
      assert.partialDeepStrictEqual((await requestOf(store, 'open')).decision, withdrawal);
      assert.deepEqual(
        (await inboxOf('r')).map((signal) => signal.key),
        ['decided', 'open'],
      );
      assert.partialDeepStrictEqual((await inboxOf('r'))[1], { kind: 'decision', body: withdrawal });
    },
  },
  {
    title: 'DUR-9: what a run withdraws is told to itself: a park in the same commit is ready at once',
    async run({ running, commit, run }) {
      const held = await running('r');
      await commit(held, { requests: [newRequest('q')] });

      const answer = await commit(held, {
        closeRequests: [{ id: 'q' }],
        seen: 0,
        transition: { type: 'park', wakeAt: null },
      });

      assert.equal(answer.inbox, 1);
      assert.equal((await run('r')).status, 'queued');
    },
  },
  {
    title: 'REQ-8: request() reads one request, and none of another run or tenant',
    async run({ store, start, running, commit }) {
      const schema = { type: 'string' };
      await commit(await running('r'), { requests: [newRequest('q', { schema }), newRequest('other')] });
      await start('s');

      const found = await store.request(key('r'), 'q');

      assert.deepEqual(found, await requestOf(store, 'q'));
      assert.deepEqual(found?.schema, schema);
      assert.equal(await store.request(key('r'), 'none'), undefined);
      assert.equal(await store.request(key('s'), 'q'), undefined);
      assert.equal(await store.request(key('r', 'other'), 'q'), undefined);
    },
  },
  {
    title:
      'REQ-1: a request whose time is past reads as expired before anybody writes that down, and counts as open nowhere',
    async run({ store, clock, start, running, commit, inboxOf }) {
      const held = await running('r', { session: { id: 's', whenBusy: 'refuse' } });
      const until = { expiresAt: clock.now() + 100 };
      await commit(held, { requests: [newRequest('q', until), newRequest('stays')] });
      const ids = async (status: RequestStatus): Promise<readonly string[]> =>
        (await store.listRequests({ tenant: 'acme', status: [status], limit: 10 })).items.map(({ id }) => id);
      clock.advance(99);
      assert.deepEqual([await ids('open'), await ids('expired')], [['q', 'stays'], []]);

      clock.advance(1);

      assert.deepEqual([await ids('open'), await ids('expired')], [['stays'], ['q']]);
      const read = await store.request(key('r'), 'q');
      assert.deepEqual([read?.status, read?.decision], ['expired', undefined]);
      assert.equal((await requestOf(store, 'q')).status, 'expired');
      assert.deepEqual(await inboxOf('r'), []);
      const busy = await store.start(newRun('t', { session: { id: 's', whenBusy: 'refuse' } }));
      assert.deepEqual('requestIds' in busy && busy.requestIds, ['stays']);
      const more = Array.from({ length: OPEN_REQUEST_LIMIT - 1 }, (_, n) => newRequest(`q${n}`));
      await commit(held, { requests: more });
      await start('u');
    },
  },
  {
    title: 'REQ-6: a run says whether anybody is there to answer',
    async run({ start, run, running, commit }) {
      await start('r');
      const alone = await running('alone', { attended: false });
      await commit(alone, { children: [newChild('child', 'alone', { attended: false })] });
      assert.deepEqual(
        [(await run('r')).attended, (await run('alone')).attended, (await run('child')).attended],
        [true, false, false],
      );
    },
  },
  {
    title: 'I9: a run has at most 64 open requests; closing makes room in the same commit',
    async run({ running, commit, tryCommit }) {
      const held = await running('r');
      const many = Array.from({ length: OPEN_REQUEST_LIMIT }, (_, n) => newRequest(`q${n}`));
      await commit(held, { requests: many });

      const refused = await tryCommit(held, { requests: [newRequest('one more')] });
      assert.equal(refused.outcome === 'refused' && refused.code, 'TOO_MANY_REQUESTS');

      await commit(held, { requests: [newRequest('one more')], closeRequests: [{ id: 'q0' }] });
    },
  },
  {
    title: 'REQ-1: a request’s id is used once in a run, also after it was closed',
    async run({ running, commit, tryCommit, journal }) {
      const held = await running('r');
      await commit(held, { requests: [newRequest('q')] });
      await commit(held, { closeRequests: [{ id: 'q' }] });

      await assert.rejects(tryCommit(held, { entries: [note('x')], requests: [newRequest('q')] }), TypeError);
      await assert.rejects(tryCommit(held, { requests: [newRequest('twice'), newRequest('twice')] }), TypeError);
      assert.deepEqual(await journal('r'), ['run-start']);
    },
  },
  {
    title: 'REQ-7: a request that the end has withdrawn is decided by nobody',
    async run({ store, running, commit }) {
      const held = await running('r');
      await commit(held, { requests: [newRequest('q')] });
      await commit(held, ending('completed'));
      const late = await decide(store, 'q');
      assert.equal(late.outcome === 'already' && late.request.status, 'withdrawn');
      assert.equal((await requestOf(store, 'q')).decision?.reason, 'run-ended');
    },
  },
];
