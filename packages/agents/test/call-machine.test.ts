import { describe, expect, it } from 'vitest';
import { closedWith, due, learned, planned, type Call, type CallEvent } from '../src/call-machine.ts';

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
});
