import { emptyView, foldEvents, type Denial, type Store } from '@prusik/core';
import type { PersonDecision } from '@prusik/durable';
import { fakeClock, scriptedModel, type ScriptedReply } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool, type AnyTool, type ApprovalStatus } from '../src/index.ts';
import { entriesOf, hurried, keyOf, newEngine, newStore, resultsOf, threadOf, waitingOn } from './support.ts';

const q = z.object({ q: z.string().max(10) });
const publish = (done: string[] = [], more: object = {}) =>
  defineTool({
    name: 'publish',
    description: 'Publishes.',
    input: q,
    approval: 'always',
    execute({ q: value }) {
      done.push(value);
      return `published ${value}`;
    },
    ...more,
  });
const call = (value = 'x') => ({ call: 'publish', input: { q: value } });

/** An agent whose run stands at an approval, in a store that other engines can open. */
async function asked(tools: readonly AnyTool[], script: readonly ScriptedReply[] = [call(), 'Done.']) {
  const model = scriptedModel(script);
  const agentWith = (given: readonly AnyTool[]) => defineAgent({ name: 'a', instructions: '', model, tools: given });
  const store = newStore();
  const engine = newEngine([agentWith(tools)], { store });
  const requests = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
  await engine[Symbol.asyncDispose]();
  const decideAndDrive = async (decision: PersonDecision, now: readonly AnyTool[] = tools) => {
    const other = newEngine([agentWith(now)], { store });
    await other.decide(keyOf('r'), requests[0] ?? '', decision);
    return other.drive(keyOf('r'));
  };
  return { store, model, requests, decideAndDrive, agentWith };
}

const openRequests = async (store: Store) =>
  (await store.listRequests({ tenant: 'default', run: 'r', limit: 10 })).items;

describe('REQ-1, REQ-4: a gated call', () => {
  it('waits for a person without running, and runs once when another process approves it', async () => {
    const done: string[] = [];
    const { store, requests, decideAndDrive } = await asked([publish(done)]);
    expect(done).toEqual([]);
    expect(requests).toHaveLength(1);
    expect((await openRequests(store))[0]).toMatchObject({
      kind: 'approval',
      status: 'open',
      body: { tool: 'publish', callId: 'call_1', input: { q: 'x' }, fingerprint: expect.stringMatching(/^sha256:/) },
    });

    const result = await decideAndDrive({ status: 'approved', by: 'ada' });

    expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(done).toEqual(['x']);
    expect(await resultsOf(store, 'r')).toEqual({ call_1: { type: 'text', text: 'published x' } });
    expect((await openRequests(store))[0]).toMatchObject({ status: 'approved', claimed: true });
    const intents = (await entriesOf(store, 'r')).filter(({ type }) => type === 'step-intent');
    expect(intents).toMatchObject([{ request: requests[0] }]);
  });

  it('lets its ungated siblings run while it waits, also more of them than may run at once', async () => {
    const done: string[] = [];
    const read = defineTool({
      name: 'read',
      description: 'Reads.',
      input: q,
      effect: 'repeatable',
      execute: ({ q: value }) => void done.push(value),
    });
    const model = scriptedModel([
      [call('a'), call('b'), { call: 'read', input: { q: 'r1' } }, { call: 'read', input: { q: 'r2' } }],
      'Done.',
    ]);
    const agent = defineAgent({
      name: 'a',
      instructions: '',
      model,
      tools: [publish(done), read],
      limits: { parallelTools: 1 },
    });
    const store = newStore();
    const engine = newEngine([agent], { store });

    const requests = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    expect(done).toEqual(['r1', 'r2']);
    expect(requests).toHaveLength(2);

    await engine.decide(keyOf('r'), requests[1] ?? '', { status: 'approved' });
    expect(waitingOn(await engine.drive(keyOf('r')))).toEqual([requests[0]]);
    expect(done).toEqual(['r1', 'r2', 'b']);

    await engine.decide(keyOf('r'), requests[0] ?? '', { status: 'rejected', reason: 'Not a.' });
    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });
    expect(done).toEqual(['r1', 'r2', 'b']);
    const shown = model.requests[1]?.prompt.at(-1)?.content as readonly { readonly toolCallId: string }[];
    expect(shown.map(({ toolCallId }) => toolCallId)).toEqual(['call_1', 'call_2', 'call_3', 'call_4']);
  });

  it('REQ-9: tells the model of a rejection as a denial, with the reason', async () => {
    const done: string[] = [];
    const { store, model, decideAndDrive } = await asked([publish(done)]);

    expect(await decideAndDrive({ status: 'rejected', reason: 'Too early.' })).toMatchObject({ status: 'completed' });

    expect(done).toEqual([]);
    expect(await resultsOf(store, 'r')).toEqual({ call_1: { type: 'denied', reason: 'Too early.' } });
    expect(JSON.stringify(model.requests[1]?.prompt.at(-1))).toContain('execution-denied');
  });

  it('is denied when nobody answers in time', async () => {
    const clock = fakeClock();
    const done: string[] = [];
    const agent = defineAgent({
      name: 'a',
      instructions: '',
      model: scriptedModel([call(), 'Done.']),
      tools: [publish(done, { approvalExpiresMs: 5_000 })],
    });
    const store = newStore({ clock });
    const engine = newEngine([agent], { store, clock });
    waitingOn(await engine.run('a', 'Go', { id: 'r' }));

    clock.advance(6_000);

    expect(await hurried(clock, engine.drive(keyOf('r')))).toMatchObject({ status: 'completed' });
    expect(done).toEqual([]);
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { type: 'denied' } });
  });

  it("SES-6: runs with the input that a person put in place of the model's; both are kept and the model is told", async () => {
    const done: string[] = [];
    const { store, model, decideAndDrive } = await asked([publish(done)]);

    await decideAndDrive({ status: 'edited', value: { q: 'better' } });

    expect(done).toEqual(['better']);
    const [, said, , note] = await threadOf(store, 'r');
    expect(said?.content).toMatchObject([{ input: { q: 'x' } }]);
    expect(note).toMatchObject({ role: 'user', kind: 'context' });
    expect(JSON.stringify(model.requests[1]?.prompt.at(-1))).toContain('better');
    expect((await openRequests(store))[0]).toMatchObject({
      body: { input: { q: 'x' } },
      decision: { value: { q: 'better' } },
    });
  });

  it.each([[{ q: 'much too long for it' }], [{}], [null], [undefined]])(
    'REQ-2: an edit to %j, which the tool does not take, is refused and uses nothing up; where it got into the store the call does not run',
    async (value) => {
      const done: string[] = [];
      const { store, requests, decideAndDrive, agentWith } = await asked([publish(done)]);
      const edit = { status: 'edited', ...(value === undefined ? {} : { value }) } as const;

      await expect(decideAndDrive(edit)).rejects.toMatchObject({ code: 'DECISION_INVALID' });

      expect(await openRequests(store)).toMatchObject([{ status: 'open', claimed: false }]);
      // As whoever has the store may, without an engine.
      await store.decide({ run: keyOf('r'), request: requests[0] ?? '', decision: edit });
      expect(await newEngine([agentWith([publish(done)])], { store }).drive(keyOf('r'))).toMatchObject({
        status: 'completed',
      });
      expect(done).toEqual([]);
      expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { code: 'TOOL_INPUT_INVALID' } });
    },
  );

  it('REQ-2: an edit that only the schema itself can tell is refused where the agent is defined', async () => {
    const strict = q.refine(({ q: value }) => value !== 'rope', 'no rope');
    const { decideAndDrive } = await asked([publish([], { input: strict })]);

    await expect(decideAndDrive({ status: 'edited', value: { q: 'rope' } })).rejects.toMatchObject({
      code: 'DECISION_INVALID',
      message: expect.stringContaining('no rope'),
    });
    expect(await decideAndDrive({ status: 'edited', value: { q: 'line' } })).toMatchObject({ status: 'completed' });
  });
});

describe('REQ-2: what holds no longer closes the call without running it', () => {
  it.each([
    ['is gone', [], 'TOOL_GONE'],
    ['has another description', [publish([], { description: 'Publishes everywhere.' })], 'TOOL_CHANGED'],
    ['takes another input', [publish([], { input: q.extend({ loud: z.boolean().default(true) }) })], 'TOOL_CHANGED'],
    ['has another version', [publish([], { version: '2' })], 'TOOL_CHANGED'],
  ] as const)('when the tool %s at the time of the approval', async (_, now, code) => {
    const done: string[] = [];
    const { store, decideAndDrive } = await asked([publish(done)]);

    expect(await decideAndDrive({ status: 'approved' }, now)).toMatchObject({ status: 'completed' });

    expect(done).toEqual([]);
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { type: 'error', code } });
  });

  it('and when it was begun before that, the model is not told that it did not happen', async () => {
    const begun = Promise.withResolvers<void>();
    const pay = (version: string) =>
      publish([], { effect: 'keyed', version, execute: () => (begun.resolve(), new Promise(() => {})) });
    const { store, agentWith, requests } = await asked([pay('1')]);
    const killed = newEngine([agentWith([pay('1')])], { store, limits: { cancelGraceMs: 1 } });
    await killed.decide(keyOf('r'), requests[0] ?? '', { status: 'approved' });
    void killed.drive(keyOf('r')).catch(() => {});
    await begun.promise;
    await killed[Symbol.asyncDispose]();

    await newEngine([agentWith([pay('2')])], { store }).drive(keyOf('r'));

    const text = expect.stringMatching(/^Not executed now\. .*may have happened/);
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { code: 'TOOL_CHANGED', text } });
    expect(JSON.stringify(await resultsOf(store, 'r'))).not.toContain('Call it again');
  });

  it('takes the decision when the tool only runs other code', async () => {
    const before: string[] = [];
    const after: string[] = [];
    const { decideAndDrive } = await asked([publish(before)]);

    await decideAndDrive({ status: 'approved' }, [publish(after, { timeoutMs: 1_000 })]);

    expect([before, after]).toEqual([[], ['x']]);
  });
});

describe('REQ-3: policies', () => {
  it('REQ-2: what a policy does to its input reaches no tool', async () => {
    const done: string[] = [];
    const approval = ({ input }: { input: { q: string } }): ApprovalStatus => {
      input.q = 'y';
      return 'user-approval';
    };
    const { decideAndDrive } = await asked([publish(done, { approval })]);

    await decideAndDrive({ status: 'approved' });

    expect(done).toEqual(['x']);
  });

  it.each([
    ['approved', 'runs', ['x']],
    ['not-applicable', 'runs', ['x']],
    ['denied', 'does not run', []],
  ] as const)('a call that the policy calls %s %s, without asking', async (status, _does, ran) => {
    const done: string[] = [];
    const agent = defineAgent({
      name: 'a',
      instructions: '',
      model: scriptedModel([call(), 'Done.']),
      tools: [publish(done, { approval: () => status })],
    });

    expect(await newEngine([agent]).run('a', 'Go')).toMatchObject({ status: 'completed' });
    expect(done).toEqual(ran);
  });

  it('I12: a tool that was put together by hand and says nothing clear about approvals is denied', async () => {
    const done: string[] = [];
    const odd = { ...publish(done), approval: true as never };
    const agent = defineAgent({ name: 'a', instructions: '', model: scriptedModel([call(), 'Done.']), tools: [odd] });
    const store = newStore();

    expect(await newEngine([agent], { store }).run('a', 'Go', { id: 'r' })).toMatchObject({ status: 'completed' });
    expect(done).toEqual([]);
    expect(JSON.stringify(await resultsOf(store, 'r'))).toMatch(/does not say clearly/);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['returns nonsense', () => true],
    ['returns nothing', () => undefined],
    ['hangs', () => new Promise(() => {})],
  ])('I12: a policy that %s denies', async (_, approval) => {
    const done: string[] = [];
    const clock = fakeClock();
    const agent = defineAgent({
      name: 'a',
      instructions: '',
      model: scriptedModel([call(), 'Done.']),
      tools: [publish(done, { approval })],
      clock,
      limits: { modelStallMs: 1e9, modelTimeoutMs: 1e9 },
    });
    const store = newStore();

    const result = await hurried(clock, newEngine([agent], { store }).run('a', 'Go', { id: 'r' }));

    expect(result).toMatchObject({ status: 'completed' });
    expect(done).toEqual([]);
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { type: 'denied' } });
  });

  it('is asked again right before the execution, with the edited input, and a denial wins over a person', async () => {
    const done: string[] = [];
    const seen: unknown[] = [];
    let answer: ApprovalStatus = 'user-approval';
    const gated = publish(done, {
      approval: ({ input }: { input: unknown }) => {
        seen.push(input);
        return answer;
      },
    });
    const { store, decideAndDrive } = await asked([gated]);

    answer = 'denied';
    await decideAndDrive({ status: 'edited', value: { q: 'mine' } });

    expect(seen).toEqual([{ q: 'x' }, { q: 'mine' }]);
    expect(done).toEqual([]);
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { type: 'denied' } });
  });
});

describe('REQ-9: a denial reads as a denial in the journal and in its events', () => {
  const deniedOf = async (store: Store): Promise<readonly Denial[]> => {
    const events = (await entriesOf(store, 'r')).map((entry) => ({ live: false, run: keyOf('r'), entry }) as const);
    const { runs } = foldEvents(emptyView(keyOf('r')), events);
    return Object.values(runs['r']?.steps ?? {}).flatMap(({ denied = [] }) => denied);
  };

  it('by a person, with the request', async () => {
    const { store, requests, decideAndDrive } = await asked([publish()]);
    await decideAndDrive({ status: 'rejected', by: 'ada' });
    expect(await deniedOf(store)).toEqual([{ callId: 'call_1', tool: 'publish', by: 'person', request: requests[0] }]);
  });

  it('by a policy, of one call among several, and once more right before the execution', async () => {
    const answers: ApprovalStatus[] = ['denied', 'approved', 'approved', 'denied'];
    const store = newStore();
    const done: string[] = [];
    const agent = defineAgent({
      name: 'a',
      instructions: '',
      model: scriptedModel([[call('a'), call('b')], [call('c')], 'Done.']),
      tools: [publish(done, { approval: () => answers.shift() })],
    });
    await newEngine([agent], { store }).run('a', 'Go', { id: 'r' });
    expect(done).toEqual(['b']);
    expect(await deniedOf(store)).toEqual([
      { callId: 'call_1', tool: 'publish', by: 'policy' },
      { callId: 'call_3', tool: 'publish', by: 'policy' },
    ]);
  });

  it('by nobody: in time, or because nobody is there', async () => {
    const clock = fakeClock();
    const agent = defineAgent({
      name: 'a',
      instructions: '',
      model: scriptedModel([call(), 'Done.', call(), 'Done.']),
      tools: [publish([], { approvalExpiresMs: 5_000 })],
    });
    const store = newStore({ clock });
    const engine = newEngine([agent], { store, clock });
    waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    clock.advance(6_000);
    await hurried(clock, engine.drive(keyOf('r')));
    expect(await deniedOf(store)).toMatchObject([{ by: 'expired' }]);

    const alone = newStore();
    expect(await newEngine([agent], { store: alone }).run('a', 'Go', { id: 'r', attended: false })).toMatchObject({
      status: 'completed',
    });
    expect(await deniedOf(alone)).toMatchObject([{ tool: 'publish', by: 'unattended' }]);
  });
});

describe('faults', () => {
  it('REQ-1: of an approval that is decided twice the first counts, and the tool runs once', async () => {
    const done: string[] = [];
    const { store, requests, agentWith } = await asked([publish(done)]);
    const engine = newEngine([agentWith([publish(done)])], { store });
    const decide = (status: 'approved' | 'rejected') => engine.decide(keyOf('r'), requests[0] ?? '', { status });

    expect(await Promise.all([decide('approved'), decide('rejected'), decide('approved')])).toMatchObject([
      { outcome: 'decided' },
      { outcome: 'already', request: { status: 'approved' } },
      { outcome: 'already', request: { status: 'approved' } },
    ]);
    await engine.drive(keyOf('r'));
    expect(await decide('approved')).toMatchObject({ outcome: 'already', request: { claimed: true } });
    await engine.drive(keyOf('r'));
    expect(done).toEqual(['x']);
  });

  it('REQ-1: an approval after the expiry does not let the call run', async () => {
    const clock = fakeClock();
    const done: string[] = [];
    const store = newStore({ clock });
    const model = scriptedModel([call(), 'Done.']);
    const tools = [publish(done, { approvalExpiresMs: 5_000 })];
    const engine = newEngine([defineAgent({ name: 'a', instructions: '', model, tools })], { store, clock });
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    clock.advance(5_000);

    expect(await engine.decide(keyOf('r'), request, { status: 'approved' })).toMatchObject({
      outcome: 'already',
      request: { status: 'expired' },
    });
    expect(await hurried(clock, engine.drive(keyOf('r')))).toMatchObject({ status: 'completed' });
    expect(done).toEqual([]);
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { type: 'denied' } });
  });

  it('I9: of 65 gated calls in one reply the last is refused, and the run does not block', async () => {
    const done: string[] = [];
    const store = newStore();
    const model = scriptedModel([Array.from({ length: 65 }, (_, n) => call(`${n}`)), 'Done.']);
    const limits = { toolCalls: 100 };
    const engine = newEngine([defineAgent({ name: 'a', instructions: '', model, tools: [publish(done)], limits })], {
      store,
    });
    const requests = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    expect(requests).toHaveLength(64);

    for (const request of requests) await engine.decide(keyOf('r'), request, { status: 'approved' });

    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });
    expect(done).toHaveLength(64);
    expect(await resultsOf(store, 'r')).toMatchObject({ call_65: { type: 'error', code: 'TOO_MANY_REQUESTS' } });
  });

  it('SES-1: a message between request and answer withdraws the request; the model reads why, and a late yes runs nothing', async () => {
    const done: string[] = [];
    const store = newStore();
    const model = scriptedModel([call(), 'As you wish.', 'Done.']);
    const engine = newEngine([defineAgent({ name: 'a', instructions: '', model, tools: [publish(done)] })], { store });
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r', session: { id: 's' } }));

    await engine.start('a', 'Stop that', { id: 'next', session: { id: 's', whenBusy: 'withdraw' } });
    expect(await engine.decide(keyOf('r'), request, { status: 'approved' })).toMatchObject({ outcome: 'already' });
    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });

    expect(done).toEqual([]);
    expect(JSON.stringify(model.requests[1]?.prompt)).toContain('said something else since');
    const thread = await store.messages({ tenant: 'default', of: 'session', id: 's' }, { after: 0, limit: 20 });
    const results = thread.flatMap(({ message }) => message.content.filter(({ type }) => type === 'tool-result'));
    expect(results).toMatchObject([{ output: { type: 'denied' } }]);
  });
});
