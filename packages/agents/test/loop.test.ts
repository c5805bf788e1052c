import { describe, expect, it } from 'vitest';
import { AGENT_LIMITS, type ReplyRecord } from '../src/index.ts';
import { afterModel, afterTools, BEGIN, next, type LoopState } from '../src/loop.ts';

const reply = (verdict: ReplyRecord['verdict'], more: Partial<ReplyRecord> = {}): ReplyRecord => ({
  verdict,
  tokens: 10,
  message: 'm1',
  ...more,
});
const calls = [{ callId: 'c1', tool: 'look' }];
const after = (state: LoopState, ...replies: readonly ReplyRecord[]): LoopState =>
  replies.reduce((now, one) => {
    const moved = afterModel(now, one);
    return one.verdict === 'call-tools' ? afterTools(moved) : moved;
  }, state);

describe('AGT-2: the loop decides from what is recorded', () => {
  it('calls the model, then the tools it asked for, then the model again, and finishes with its answer', () => {
    expect(next(BEGIN, AGENT_LIMITS, 0)).toEqual({ do: 'call-model', step: 1 });
    const asked = afterModel(BEGIN, reply('call-tools', { calls }));
    expect(next(asked, AGENT_LIMITS, 0)).toEqual({ do: 'call-tools', step: 1, message: 'm1', calls });
    const closed = afterTools(asked);
    expect(next(closed, AGENT_LIMITS, 0)).toEqual({ do: 'call-model', step: 2 });
    expect(next(afterModel(closed, reply('answer')), AGENT_LIMITS, 0)).toEqual({ do: 'finish', message: 'm1' });
  });

  it.each([
    ['steps', { steps: 2 }, 0, 'AGENT_STEP_LIMIT'],
    ['tokens', { tokens: 20 }, 0, 'AGENT_TOKEN_LIMIT'],
    ['wall time', { wallMs: 1_000 }, 1_000, 'AGENT_TIME_LIMIT'],
  ])('AGT-2: starts no model call past the limit of %s, and says so by code', (_, limits, elapsed, code) => {
    const state = after(BEGIN, reply('call-tools', { calls }), reply('call-tools', { calls }));

    expect(next(state, { ...AGENT_LIMITS, ...limits }, elapsed)).toMatchObject({ do: 'fail', error: { code } });
    expect(next(state, AGENT_LIMITS, 0)).toEqual({ do: 'call-model', step: 3 });
  });

  it('AGT-5: asks once more after an empty reply, and fails after a second one in a row', () => {
    const once = after(BEGIN, reply('empty'));
    expect(next(once, AGENT_LIMITS, 0)).toEqual({ do: 'call-model', step: 2 });
    expect(next(after(once, reply('empty')), AGENT_LIMITS, 0)).toMatchObject({
      do: 'fail',
      error: { code: 'MODEL_REPLY_EMPTY' },
    });
    const spoke = after(once, reply('call-tools', { calls }), reply('empty'));
    expect(next(spoke, AGENT_LIMITS, 0)).toEqual({ do: 'call-model', step: 4 });
  });

  it('AGT-6: lets an output be repaired within its bound, then fails', () => {
    const limits = { ...AGENT_LIMITS, repairs: 1 };
    const once = after(BEGIN, reply('invalid-output'));
    expect(next(once, limits, 0)).toEqual({ do: 'call-model', step: 2 });
    expect(next(after(once, reply('invalid-output')), limits, 0)).toMatchObject({
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

    expect(next(after(BEGIN, reply(verdict, error)), AGENT_LIMITS, 0)).toMatchObject({ do: 'fail', error: { code } });
  });

  it('goes back to the model when all calls were refused, and counts what was planned', () => {
    const state = after(BEGIN, reply('refused'), reply('call-tools', { calls: [...calls, ...calls] }));

    expect(next(after(BEGIN, reply('refused')), AGENT_LIMITS, 0)).toEqual({ do: 'call-model', step: 2 });
    expect(state).toMatchObject({ steps: 2, toolCalls: 2, tokens: 20, lastTokens: 10 });
  });
});
