import { describe, expect, it } from 'vitest';
import { AGENT_LIMITS, type AgentLimits, type ReplyRecord } from '../src/index.ts';
import { afterModel, afterTools, begin, next, overLimit, type LoopState } from '../src/loop.ts';
import { recordLimits, runLimitsOf } from '../src/loop-types.ts';

const reply = (verdict: ReplyRecord['verdict'], more: Partial<ReplyRecord> = {}): ReplyRecord => ({
  verdict,
  tokens: 10,
  message: 'm1',
  ...more,
});
const calls = [{ callId: 'c1', tool: 'look' }];
const CLOSED = { tokens: 3, sampled: { samples: 0, tokens: 0, costMicros: 0 } };
const limitsWith = (limits: Partial<AgentLimits> = {}, outputTokens = 5) =>
  runLimitsOf({ ...AGENT_LIMITS, ...limits }, outputTokens);
const BEGIN = begin(limitsWith());
const after = (state: LoopState, ...replies: readonly ReplyRecord[]): LoopState =>
  replies.reduce((now, one) => {
    const moved = afterModel(now, one);
    return one.verdict === 'call-tools' ? afterTools(moved, CLOSED) : moved;
  }, state);

describe('AGT-2: the loop decides from what is recorded', () => {
  it('calls the model, then the tools it asked for, then the model again, and finishes with its answer', () => {
    expect(next(BEGIN, 0)).toEqual({ do: 'call-model', step: 1 });
    const asked = afterModel(BEGIN, reply('call-tools', { calls }));
    expect(next(asked, 0)).toEqual({ do: 'call-tools', step: 1, message: 'm1', calls });
    const closed = afterTools(asked, CLOSED);
    expect(next(closed, 0)).toEqual({ do: 'call-model', step: 2 });
    expect(next(afterModel(closed, reply('answer')), 0)).toEqual({ do: 'finish', message: 'm1' });
  });

  const twice = [reply('call-tools', { calls }), reply('call-tools', { calls })];

  it.each([
    ['steps', { steps: 2 }, 0, 'AGENT_STEP_LIMIT'],
    // Used are 20; the prompt of the next call holds the last call (10) and its result (3), and the reply may take 5.
    ['tokens', { tokens: 37 }, 0, 'AGENT_TOKEN_LIMIT'],
    ['wall time', { wallMs: 1_000 }, 1_000, 'AGENT_TIME_LIMIT'],
  ])('starts no model call that would exceed the limit of %s, and says so by code', (_, limits, elapsed, code) => {
    expect(next(after(begin(limitsWith(limits)), ...twice), elapsed)).toMatchObject({ do: 'fail', error: { code } });
  });

  it.each([
    ['steps', { steps: 3 }, 0],
    ['tokens', { tokens: 38 }, 0],
    ['wall time', { wallMs: 1_000 }, 999],
  ])('starts one that just fits the limit of %s', (_, limits, elapsed) => {
    expect(next(after(begin(limitsWith(limits)), ...twice), elapsed)).toEqual({ do: 'call-model', step: 3 });
  });

  it('leaves it to the body of the first call whether that fits, since its record says what the run may do', () => {
    const small = begin(limitsWith({ tokens: 1 }));

    expect(next(small, 0)).toEqual({ do: 'call-model', step: 1 });
    expect(overLimit(small, { tokens: 2 }, 0)).toMatchObject({ code: 'AGENT_TOKEN_LIMIT' });
  });

  it('knows what a call may cost only in its body, and refuses one of which nobody knows', () => {
    const spent = after(
      begin(limitsWith({ costMicros: 100 })),
      reply('refused', { costMicros: 40 }),
      reply('refused', { chargedMicros: 30 }),
    );

    expect(next(spent, 0)).toEqual({ do: 'call-model', step: 3 });
    expect(overLimit(spent, { tokens: 2, costMicros: 30 }, 0)).toBeUndefined();
    expect(overLimit(spent, { tokens: 2, costMicros: 31 }, 0)).toMatchObject({ code: 'AGENT_COST_LIMIT' });
    expect(overLimit(spent, { tokens: 2, costMicros: 'unknown' }, 0)).toMatchObject({ code: 'AGENT_COST_LIMIT' });
    expect(overLimit(after(BEGIN, reply('refused')), { tokens: 2, costMicros: 'unknown' }, 0)).toBeUndefined();
  });

  it('goes by the limits that are on record, not by those that the agent has now', () => {
    const recorded = recordLimits(limitsWith({ steps: 3, wallMs: 500 }));
    const first = reply('call-tools', { calls, limits: recorded });
    const now = after(begin(limitsWith({ steps: 1, tokens: 1 })), first);

    expect(now.limits).toEqual(limitsWith({ steps: 3, wallMs: 500 }));
    expect(next(now, 0)).toEqual({ do: 'call-model', step: 2 });
    expect(next(now, 500)).toMatchObject({ do: 'fail', error: { code: 'AGENT_TIME_LIMIT' } });
    expect(JSON.parse(JSON.stringify(recorded))).toEqual(recorded);
  });

  it('AGT-5: asks once more after an empty reply, and fails after a second one in a row', () => {
    const once = after(BEGIN, reply('empty'));
    expect(next(once, 0)).toEqual({ do: 'call-model', step: 2 });
    expect(next(after(once, reply('empty')), 0)).toMatchObject({ do: 'fail', error: { code: 'MODEL_REPLY_EMPTY' } });
    const spoke = after(once, reply('call-tools', { calls }), reply('empty'));
    expect(next(spoke, 0)).toEqual({ do: 'call-model', step: 4 });
  });

  it('AGT-6: lets an output be repaired within its bound, then fails', () => {
    const once = after(begin(limitsWith({ repairs: 1 })), reply('invalid-output'));
    expect(next(once, 0)).toEqual({ do: 'call-model', step: 2 });
    expect(next(after(once, reply('invalid-output')), 0)).toMatchObject({
      do: 'fail',
      error: { code: 'AGENT_OUTPUT_INVALID' },
    });
  });

  it.each([
    ['truncated', 'MODEL_REPLY_TRUNCATED'],
    ['filtered', 'MODEL_REPLY_FILTERED'],
    ['failed', 'MODEL_STALLED'],
  ] as const)('AGT-5: a reply that is %s is an outcome of its own', (verdict, code) => {
    const error = verdict === 'failed' ? { error: { code: 'MODEL_STALLED', message: 'x' } } : {};

    expect(next(after(BEGIN, reply(verdict, error)), 0)).toMatchObject({ do: 'fail', error: { code } });
  });

  it('goes back to the model when all calls were refused, and counts what was planned', () => {
    const state = after(BEGIN, reply('refused'), reply('call-tools', { calls: [...calls, ...calls] }));

    expect(next(after(BEGIN, reply('refused')), 0)).toEqual({ do: 'call-model', step: 2 });
    expect(state).toMatchObject({ steps: 2, toolCalls: 2, tokens: 20, promptTokens: 13 });
  });
});
