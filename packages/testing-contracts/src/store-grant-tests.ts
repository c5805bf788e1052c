import assert from 'node:assert/strict';
import { GRANT_LIMIT, type Decision, type DecideResult, type Grant, type GrantQuery, type Store } from '@prusik/core';
import { key, newChild, newRequest, type StoreScenario } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const body = { tool: 'send', callId: 'c', input: { to: 'bob', text: 'hi' }, fingerprint: 'f', toolHash: 'sha256:send' };
const approval = (id: string, more: object = {}) => newRequest(id, { kind: 'approval', body: { ...body, ...more } });
const session = { id: 's', whenBusy: 'queue' } as const;

const approve = (
  store: Store,
  run: string,
  request: string,
  grant: Decision['grant'],
  more: Partial<Omit<Decision, 'at'>> = {},
): Promise<DecideResult> =>
  store.decide({
    run: key(run),
    request,
    decision: { status: 'approved', by: 'ann', ...(grant === undefined ? {} : { grant }), ...more },
  });

const grants = async (store: Store, query: Partial<GrantQuery> = {}): Promise<readonly Grant[]> =>
  (await store.listGrants({ tenant: 'acme', limit: 1_000, ...query })).items;

const from = async (store: Store, query: Partial<GrantQuery> = {}): Promise<readonly string[]> =>
  (await grants(store, query)).map(({ given }) => given.request);

/** A session's run with a child, each with requests that may be granted. */
async function family({ running, commit, take }: StoreScenario): Promise<void> {
  const root = await running('r', { session });
  await commit(root, { children: [newChild('child', 'r')], requests: [approval('a'), approval('b')] });
  await commit(await take('child'), { requests: [approval('c'), approval('d')] });
}

export const STORE_GRANT_TESTS: readonly StoreTest[] = [
  {
    title: 'REQ-3: a grant is written with the approval, bound to the tool and to what of the input was named',
    async run(scenario) {
      const { store, clock } = scenario;
      await family(scenario);
      clock.advance(10);

      const answer = await approve(store, 'r', 'a', { scope: 'run', part: { to: 'bob' }, expiresInMs: 50 });

      assert.equal(answer.outcome, 'decided');
      assert.equal('request' in answer && answer.request.decision?.grant?.scope, 'run');
      const [grant] = await grants(store);
      assert.deepEqual(grant, {
        id: grant?.id,
        tenant: 'acme',
        scope: { of: 'run', id: 'r' },
        tool: 'send',
        toolHash: 'sha256:send',
        part: { to: 'bob' },
        exact: false,
        given: { run: key('r'), request: 'a', at: clock.now(), by: 'ann' },
        expiresAt: clock.now() + 50,
      });
    },
  },
  {
    title: 'REQ-3: without a part a grant is for the approved input alone, as it was edited',
    async run(scenario) {
      const { store } = scenario;
      await family(scenario);
      await approve(store, 'r', 'a', { scope: 'run' });
      await approve(store, 'r', 'b', { scope: 'run' }, { status: 'edited', value: { to: 'eve' } });
      assert.deepEqual(
        (await grants(store)).map(({ part, exact }) => [part, exact]),
        [
          [body.input, true],
          [{ to: 'eve' }, true],
        ],
      );
    },
  },
  {
    title: 'REQ-3: a grant of a run holds in that run, and one of a session in every run of its trees',
    async run(scenario) {
      const { store, running, end } = scenario;
      await family(scenario);
      await approve(store, 'r', 'a', { scope: 'run' });
      await approve(store, 'child', 'c', { scope: 'session' });
      await approve(store, 'child', 'd', { scope: 'run' });
      await running('elsewhere');

      assert.deepEqual(await from(store, { run: 'r' }), ['a', 'c']);
      assert.deepEqual(await from(store, { run: 'child' }), ['c', 'd']);
      assert.deepEqual(await from(store, { run: 'elsewhere' }), []);
      assert.deepEqual(await from(store, { run: 'nobody' }), []);
      assert.deepEqual(await from(store, { session: 's' }), ['c']);
      assert.deepEqual(await from(store, { run: 'r', session: 's' }), ['c']);
      assert.deepEqual(await from(store, { tenant: 'other' }), []);

      await scenario.start('next', { session });
      await end({ run: key('child'), epoch: 1 });
      await end({ run: key('r'), epoch: 1 });
      assert.deepEqual(await from(store, { run: 'next' }), ['c']);
    },
  },
  {
    title: 'REQ-3: grants are listed by tool, by whether they are in force, and in pages',
    async run(scenario) {
      const { store, clock, commit, running } = scenario;
      const held = await running('r');
      await commit(held, { requests: [approval('a'), approval('b', { tool: 'read' }), approval('c'), approval('d')] });
      await approve(store, 'r', 'a', { scope: 'run', expiresInMs: 100 });
      for (const id of ['b', 'c', 'd']) await approve(store, 'r', id, { scope: 'run' });
      const revoked = (await grants(store)).find(({ given }) => given.request === 'c');
      await store.revokeGrant({ tenant: 'acme', grant: revoked?.id ?? '' });

      assert.deepEqual(await from(store, { tool: 'read' }), ['b']);
      assert.deepEqual(await from(store, { active: true }), ['a', 'b', 'd']);
      clock.advance(99);
      assert.deepEqual(await from(store, { active: true, tool: 'send' }), ['a', 'd']);
      clock.advance(1);
      assert.deepEqual(await from(store, { active: true }), ['b', 'd']);
      assert.deepEqual(await from(store, { active: false }), ['a', 'c']);
      const first = await store.listGrants({ tenant: 'acme', limit: 3 });
      const rest = await store.listGrants({ tenant: 'acme', limit: 3, after: first.next ?? '' });
      assert.deepEqual(
        [first, rest].map(({ items }) => items.map(({ given }) => given.request)),
        [['a', 'b', 'c'], ['d']],
      );
      assert.equal(rest.next, undefined);
    },
  },
  {
    title: 'REQ-3: a grant is revoked once, by whom and when is kept, and nobody else’s tenant can',
    async run(scenario) {
      const { store, clock } = scenario;
      await family(scenario);
      await approve(store, 'r', 'a', { scope: 'run' });
      const [grant] = await grants(store);
      assert.ok(grant);
      clock.advance(5);

      assert.deepEqual(await store.revokeGrant({ tenant: 'other', grant: grant.id }), { outcome: 'unknown' });
      assert.deepEqual(await store.revokeGrant({ tenant: 'acme', grant: '999' }), { outcome: 'unknown' });
      const revoked = { ...grant, revoked: { at: clock.now(), by: 'bob' } };
      assert.deepEqual(await store.revokeGrant({ tenant: 'acme', grant: grant.id }, 'bob'), {
        outcome: 'revoked',
        grant: revoked,
      });
      clock.advance(5);
      assert.deepEqual(await store.revokeGrant({ tenant: 'acme', grant: grant.id }, 'eve'), {
        outcome: 'already',
        grant: revoked,
      });
      assert.deepEqual(await grants(store), [revoked]);
    },
  },
  {
    title: 'REQ-3: a grant that cannot be is a wrong argument, and the request stays open',
    async run({ store, running, commit }) {
      const held = await running('r');
      await commit(held, {
        requests: [
          approval('a'),
          newRequest('q'),
          newRequest('each', { kind: 'approval', body: { tool: 'send', input: 1 } }),
        ],
      });
      const tries = [
        approve(store, 'r', 'a', { scope: 'session' }),
        approve(store, 'r', 'a', { scope: 'run', part: { to: 'eve' } }),
        approve(store, 'r', 'a', { scope: 'run', part: { from: 'bob' } }),
        approve(store, 'r', 'a', { scope: 'run', part: { to: 'bob' } }, { status: 'edited', value: { to: 'eve' } }),
        approve(store, 'r', 'a', { scope: 'run' }, { status: 'rejected' }),
        approve(store, 'r', 'q', { scope: 'run' }),
        approve(store, 'r', 'each', { scope: 'run' }),
      ];
      for (const tried of tries) await assert.rejects(tried, TypeError);
      const { items } = await store.listRequests({ tenant: 'acme', status: ['open'], limit: 10 });
      assert.equal(items.length, 3);
      assert.deepEqual(await grants(store), []);
    },
  },
  {
    title: 'REQ-3: a decision that comes too late or second gives no grant',
    async run(scenario) {
      const { store, clock, running, commit } = scenario;
      await commit(await running('r'), {
        requests: [{ ...approval('late'), expiresAt: clock.now() + 10 }, approval('taken')],
      });
      await approve(store, 'r', 'taken', undefined);
      clock.advance(10);

      assert.equal((await approve(store, 'r', 'late', { scope: 'run' })).outcome, 'already');
      assert.equal((await approve(store, 'r', 'taken', { scope: 'run' })).outcome, 'already');

      assert.deepEqual(await grants(store), []);
    },
  },
  {
    title: 'I9: as many grants are in force in a run as may be, and one more leaves its request open',
    async run({ store, running, commit }) {
      const held = await running('r');
      for (let n = 0; n < GRANT_LIMIT; n += 1) {
        await commit(held, { requests: [approval(`q${n}`)] });
        await approve(store, 'r', `q${n}`, { scope: 'run' });
      }
      await commit(held, { requests: [approval('more')] });

      const refused = await approve(store, 'r', 'more', { scope: 'run' });

      assert.equal(refused.outcome === 'refused' && refused.code, 'TOO_MANY_GRANTS');
      assert.equal((await store.request(key('r'), 'more'))?.status, 'open');
      const [first] = await grants(store);
      await store.revokeGrant({ tenant: 'acme', grant: first?.id ?? '' });
      assert.equal((await approve(store, 'r', 'more', { scope: 'run' })).outcome, 'decided');
    },
  },
  {
    title: 'REC-4: grants go with the run or the session that they are of, and their ids are not given again',
    async run(scenario) {
      const { store, running, commit, end } = scenario;
      await commit(await running('r'), { requests: [approval('a')] });
      await approve(store, 'r', 'a', { scope: 'run' });
      await end({ run: key('r'), epoch: 1 });
      await commit(await running('talk', { session }), { requests: [approval('b')] });
      await approve(store, 'talk', 'b', { scope: 'session' });
      const before = (await grants(store)).map(({ id }) => id);
      await end({ run: key('talk'), epoch: 1 });
      for (const to of ['closing', 'closed'] as const) await store.moveSession({ tenant: 'acme', session: 's' }, to);

      await store.remove({ tenant: 'acme', run: 'r' });
      assert.deepEqual(await from(store), ['b']);
      await store.remove({ tenant: 'acme', session: 's' });
      assert.deepEqual(await from(store), []);
      assert.deepEqual(await store.revokeGrant({ tenant: 'acme', grant: before[0] ?? '' }), { outcome: 'unknown' });

      await commit(await running('r'), { requests: [approval('a')] });
      await approve(store, 'r', 'a', { scope: 'run' });
      const [again] = await grants(store);
      assert.ok(again && Number(again.id) > Math.max(...before.map(Number)));
    },
  },
  {
    title: 'STO-7: grants and what became of them are there after the store was closed and opened',
    needs: 'durable',
    async run({ store, running, commit, open }) {
      await commit(await running('r', { attended: false }), { requests: [approval('a'), approval('b')] });
      for (const id of ['a', 'b']) await approve(store, 'r', id, { scope: 'run', part: {} });
      const [first] = await grants(store);
      await store.revokeGrant({ tenant: 'acme', grant: first?.id ?? '' }, 'bob');
      const before = await grants(store);

      await store[Symbol.asyncDispose]();
      const opened = await open();

      assert.deepEqual(await grants(opened), before);
      assert.equal((await opened.run(key('r')))?.attended, false);
    },
  },
];
