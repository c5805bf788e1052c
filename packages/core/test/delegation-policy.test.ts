import { describe, expect, it } from 'vitest';
import {
  decideDelegation,
  DELEGATION_REFUSALS,
  type DelegationPolicy,
  type DelegationRefusal,
  type DelegationRequest,
  type DelegationState,
} from '@prusik/core';

interface Case {
  readonly policy: DelegationPolicy;
  readonly state: DelegationState;
  readonly request: DelegationRequest;
}

const allowed: Case = {
  policy: { agents: ['writer'], models: ['fast'], tokens: 1_000, costMicros: 1_000, wallMs: 1_000, whenFull: 'refuse' },
  state: {
    levels: 1,
    calls: 31,
    running: 7,
    outOfCalls: false,
    outOfTokens: false,
    outOfMoney: false,
    elapsedMs: 999,
  },
  request: { agent: 'writer', model: 'fast' },
};

/** Each breaks one rule and leaves the others alone. */
const breaks: { readonly [Reason in Exclude<DelegationRefusal, 'delegation_disabled'>]: (of: Case) => Case } = {
  agent_not_allowed: (of) => ({ ...of, policy: { ...of.policy, agents: [] } }),
  max_depth: (of) => ({ ...of, state: { ...of.state, levels: 0 } }),
  max_calls: (of) => ({ ...of, state: { ...of.state, calls: 32 } }),
  max_parallel: (of) => ({ ...of, state: { ...of.state, running: 8 } }),
  model_not_allowed: (of) => ({ ...of, request: { ...of.request, model: 'huge' } }),
  max_tokens: (of) => ({ ...of, state: { ...of.state, outOfTokens: true } }),
  max_cost: (of) => ({ ...of, state: { ...of.state, outOfMoney: true } }),
  deadline: (of) => ({ ...of, state: { ...of.state, elapsedMs: 1_000 } }),
};
const reasons = Object.keys(breaks) as (keyof typeof breaks)[];
const pairs = reasons.flatMap((first, index) => reasons.slice(index + 1).map((second) => [first, second] as const));
const decide = ({ policy, state, request }: Case): unknown => decideDelegation(policy, state, request);

describe('decideDelegation', () => {
  it('WFL-2: starts a call at the very edge of every limit', () => {
    expect(decide(allowed)).toEqual({ decision: 'start' });
  });

  it('WFL-1: is off until a policy is declared', () => {
    expect(decideDelegation(undefined, allowed.state, allowed.request)).toEqual({
      decision: 'refuse',
      reason: 'delegation_disabled',
    });
    expect(decideDelegation({}, allowed.state, { agent: 'anyone' })).toEqual({ decision: 'start' });
  });

  it.each(reasons)('WFL-2: refuses with %s when that rule alone is broken', (reason) => {
    expect(decide(breaks[reason](allowed))).toEqual({ decision: 'refuse', reason });
  });

  it.each(pairs)('WFL-3: of %s and %s the first is told', (first, second) => {
    expect(decide(breaks[first](breaks[second](allowed)))).toEqual({ decision: 'refuse', reason: first });
  });

  it.each([
    ['max_depth', (of) => ({ ...of, policy: { ...of.policy, depth: 0 } })],
    ['max_calls', (of) => ({ ...of, state: { ...of.state, outOfCalls: true } })],
    ['max_calls', (of) => ({ ...of, policy: { ...of.policy, calls: 31 } })],
    ['max_parallel', (of) => ({ ...of, policy: { ...of.policy, parallel: 7 } })],
    ['model_not_allowed', (of) => ({ ...of, policy: { ...of.policy, models: [] } })],
    ['max_tokens', (of) => ({ ...of, policy: { ...of.policy, tokens: 0 } })],
    ['max_cost', (of) => ({ ...of, policy: { ...of.policy, costMicros: 0 } })],
  ] satisfies [DelegationRefusal, (of: Case) => Case][])(
    'WFL-2: refuses with %s for its other cause too',
    (reason, breakIt) => {
      expect(decide(breakIt(allowed))).toEqual({ decision: 'refuse', reason });
    },
  );

  it('WFL-4: a budget that is used up refuses, whoever gave it', () => {
    const { state } = allowed;
    for (const [more, reason] of [
      [{ outOfCalls: true }, 'max_calls'],
      [{ outOfTokens: true }, 'max_tokens'],
      [{ outOfMoney: true }, 'max_cost'],
    ] as const)
      expect(decideDelegation({}, { ...state, ...more }, { agent: 'writer' })).toEqual({ decision: 'refuse', reason });
  });

  it('WFL-3: checks in the order in which the reasons are listed', () => {
    expect(DELEGATION_REFUSALS).toEqual(['delegation_disabled', ...reasons]);
  });

  it('WFL-5: queues what only the number of running children keeps from starting', () => {
    const full = breaks.max_parallel({ ...allowed, policy: { ...allowed.policy, whenFull: 'queue' } });

    expect(decide(full)).toEqual({ decision: 'queue' });
    for (const reason of reasons.filter((code) => code !== 'max_parallel')) {
      expect(decide(breaks[reason](full))).toEqual({ decision: 'refuse', reason });
    }
  });

  it("WFL-2: an agent's own list of models stands in place of the general one", () => {
    const policy: DelegationPolicy = { models: ['fast'], agentModels: { writer: ['large'] } };
    const ask = (agent: string, model: string): string =>
      decideDelegation(policy, allowed.state, { agent, model }).decision;

    expect(ask('writer', 'large')).toBe('start');
    expect(ask('writer', 'fast')).toBe('refuse');
    expect(ask('historian', 'fast')).toBe('start');
    expect(ask('constructor', 'large')).toBe('refuse');
  });

  it('WFL-2: allows no other model when none is listed', () => {
    expect(decideDelegation({}, allowed.state, { agent: 'writer', model: 'fast' })).toEqual({
      decision: 'refuse',
      reason: 'model_not_allowed',
    });
  });

  it.each([
    ['null', null, 'delegation_disabled'],
    ['true', true, 'delegation_disabled'],
    ['a text for the list of agents', { agents: 'writers' }, 'agent_not_allowed'],
    ['NaN calls', { calls: Number.NaN }, 'max_calls'],
    ['calls as text', { calls: '32' }, 'max_calls'],
    ['NaN depth', { depth: Number.NaN }, 'max_depth'],
    ['an unknown whenFull', { whenFull: 'maybe', parallel: 0 }, 'max_parallel'],
    ['a text for the list of models', { models: 'fastest' }, 'model_not_allowed'],
    ['NaN tokens', { models: ['fast'], tokens: Number.NaN }, 'max_tokens'],
    ['NaN cost', { models: ['fast'], costMicros: Number.NaN }, 'max_cost'],
    ['NaN wall time', { models: ['fast'], wallMs: Number.NaN }, 'deadline'],
  ])('I12: a policy of %s denies', (_, policy, reason) => {
    // The types forbid these; a policy read from a file does not know that.
    const decision = decideDelegation(policy as never, allowed.state, allowed.request);

    expect(decision).toEqual({ decision: 'refuse', reason });
  });

  it('I12: a policy that throws when it is read denies', () => {
    const policy: DelegationPolicy = {
      get calls(): number {
        throw new Error('broken');
      },
    };

    expect(decideDelegation(policy, allowed.state, { agent: 'writer' })).toEqual({
      decision: 'refuse',
      reason: 'delegation_disabled',
    });
  });
});
