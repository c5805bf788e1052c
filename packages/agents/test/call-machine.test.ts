import { describe, expect, it } from 'vitest';
import { closedWith, due, learned, planned, type Call, type CallEvent } from '../src/call-machine.ts';
import { requestsIn, type Needing } from '../src/needing.ts';

const stages = (calls: readonly Call[]) => calls.map(({ stage }) => stage.at);
const told = (actions: ReturnType<typeof due>['actions']) =>
  actions.map((action) => `${action.do} ${action.call.callId}`);
const approval = { request: 'q1', input: { n: 1 }, edited: false };
const closed = (callId: string, tokens = 2): CallEvent => ({ callId, stage: { at: 'closed', tokens } });

describe('AGT-3: where the calls of a reply stand is a value', () => {
  it('REQ-4: says that c1 waits for a person while c2 runs, and runs c1 when it is allowed to', () => {
    const first = due(
      planned([
        { callId: 'c1', tool: 'publish', ask: 'f' },
        { callId: 'c2', tool: 'look' },
      ]),
      1,
    );
    expect(told(first.actions)).toEqual(['ask c1', 'execute c2']);
    expect(stages(first.calls)).toEqual(['asked', 'executing']);
    expect(due(first.calls, 1).actions).toEqual([]);

    const allowed = due(learned(first.calls, { callId: 'c1', stage: { at: 'allowed', approval } }), 1);
    expect(allowed.actions).toEqual([]);
    expect(stages(allowed.calls)).toEqual(['allowed', 'executing']);

    const room = due(learned(allowed.calls, closed('c2')), 1);
    expect(room.actions).toMatchObject([{ do: 'execute', call: { callId: 'c1' }, approval }]);
    expect(closedWith(room.calls)).toBeUndefined();
    expect(closedWith(learned(room.calls, closed('c1', 5)))).toBe(7);
  });

  it('begins no more calls at once than it may, in the order of the calls', () => {
    const five = planned(['a', 'b', 'c', 'd', 'e'].map((callId) => ({ callId, tool: 'look' })));

    const first = due(five, 2);
    const second = due(learned(first.calls, closed('b')), 2);

    expect(told(first.actions)).toEqual(['execute a', 'execute b']);
    expect(told(second.actions)).toEqual(['execute c']);
    expect(stages(second.calls)).toEqual(['executing', 'closed', 'executing', 'allowed', 'allowed']);
  });

  it('AGT-4: a call that must run alone waits for those before it, and holds back those behind it', () => {
    const calls = planned([
      { callId: 'a', tool: 'look' },
      { callId: 'b', tool: 'write', alone: true },
      { callId: 'c', tool: 'look' },
    ]);

    const first = due(calls, 8);
    const second = due(learned(first.calls, closed('a')), 8);
    const third = due(learned(second.calls, closed('b')), 8);

    expect([first, second, third].map(({ actions }) => told(actions))).toEqual([
      ['execute a'],
      ['execute b'],
      ['execute c'],
    ]);
  });

  it('closes in a step of its own what no execution gave a result, and frees its place meanwhile', () => {
    const output = { type: 'denied', reason: 'No.' } as const;
    const { calls } = due(
      planned([
        { callId: 'a', tool: 'x' },
        { callId: 'b', tool: 'x' },
      ]),
      1,
    );

    const settled = due(learned(calls, { callId: 'a', stage: { at: 'settled', output } }), 1);

    expect(settled.actions).toMatchObject([
      { do: 'close', output },
      { do: 'execute', call: { callId: 'b' } },
    ]);
    expect(stages(settled.calls)).toEqual(['closing', 'executing']);
  });

  it('REQ-6: a call that needs something frees its place, asks for all of it, and goes on in its turn when it is answered', () => {
    const calls = planned(['a', 'b', 'c'].map((callId) => ({ callId, tool: 'book', ask: 'f' })));
    const allowed = calls.reduce(
      (now: readonly Call[], { callId }) => learned(now, { callId, stage: { at: 'allowed', approval } }),
      due(calls, 1).calls,
    );
    const first = due(allowed, 1);
    expect(stages(first.calls)).toEqual(['executing', 'allowed', 'allowed']);

    const asking = due(learned(first.calls, needing('a', 2)), 1);
    expect(asking.actions).toMatchObject([
      { do: 'ask-needs', call: { callId: 'a' }, needing: needs(2), approval },
      { do: 'execute', call: { callId: 'b' } },
    ]);
    expect(stages(asking.calls)).toEqual(['suspended', 'executing', 'allowed']);
    expect(due(asking.calls, 1).actions).toEqual([]);
    expect(closedWith(asking.calls)).toBeUndefined();

    const answered = { round: 1, toolHash: 'h', state: null, answers: {} };
    const again = due(learned(asking.calls, { callId: 'a', stage: { at: 'allowed', approval, answered } }), 1);
    expect(again.actions).toEqual([]);
    const room = due(learned(again.calls, closed('b')), 1);
    expect(room.actions).toMatchObject([{ do: 'execute', call: { callId: 'a' }, approval, answered }]);
    expect(stages(due(learned(room.calls, needing('a', 1, 2)), 1).calls)).toEqual(['suspended', 'closed', 'executing']);
  });

  it('REQ-6: asks for no more than a run may have open, what is asked for others included, and for the rest when there is room', () => {
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const people = Array.from({ length: 3 }, (_, n) => ({ callId: `p${n}`, tool: 'publish', ask: 'f' }));
    const begun = due(planned([...people, ...ids.map((callId) => ({ callId, tool: 'book' }))]), 8);
    const all = ids.reduce((now: readonly Call[], callId) => learned(now, needing(callId, 16)), begun.calls);

    const first = due(all, 8);
    expect(told(first.actions)).toEqual(['ask-needs a', 'ask-needs b', 'ask-needs c']);
    expect(stages(first.calls).slice(-2)).toEqual(['needing', 'needing']);
    const denied = { type: 'denied', reason: '' } as const;
    const fewer = due(learned(first.calls, { callId: 'p0', stage: { at: 'settled', output: denied } }), 8);
    expect(told(fewer.actions)).toEqual(['close p0']);
    const room = due(learned(fewer.calls, closed('a')), 8);

    expect(told(room.actions)).toEqual(['ask-needs d']);
  });

  it('REQ-6: counts what is asked of people alone: a sample and what nobody can answer are no requests', () => {
    const sample = { kind: 'sample', name: 's', model: 'm', maxTokens: 1, messages: [] } as const;
    const many = { ...needs(15), needs: [...needs(15).needs, sample, { ...sample, ask: true as const }] };
    expect(requestsIn(many)).toBe(16);
    expect(requestsIn({ ...many, needs: [sample, { kind: 'unavailable', name: 'u', reason: '' }] })).toBe(0);
  });
});

const needs = (count: number, round = 1): Needing => ({
  asks: 'm',
  round,
  toolHash: 'h',
  state: null,
  needs: Array.from({ length: count }, (_, n) => ({ name: String(n), kind: 'question', body: {} })),
});
const needing = (callId: string, count: number, round = 1): CallEvent => ({
  callId,
  stage: { at: 'needing', needing: needs(count, round), approval },
});
