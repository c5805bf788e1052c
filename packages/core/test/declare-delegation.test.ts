import {
  declareDelegation,
  withChildren,
  type AnyDefinition,
  type DefinitionMap,
  type DelegationPolicy,
} from '@prusik/core';
import { describe, expect, it } from 'vitest';

const named = (name: string, more: Partial<AnyDefinition> = {}): AnyDefinition => ({
  name,
  kind: 'function',
  version: '1',
  run: () => null,
  ...more,
});
const leaf = named('leaf');
const middle = (delegation: DelegationPolicy = {}): AnyDefinition => named('middle', { agents: { leaf }, delegation });
const declare = (policy: DelegationPolicy | undefined, agents: DefinitionMap = { leaf }) =>
  declareDelegation({ kind: 'workflow', name: 'top' }, agents, policy);

describe('a policy', () => {
  it('DEF-3: is accepted when it can work', () => {
    expect(declare({}).delegation).toEqual({});
    expect(
      declare({
        agents: ['leaf'],
        calls: 0,
        parallel: 1,
        depth: 0,
        whenFull: 'refuse',
        agentModels: { leaf: ['fast'] },
      }),
    ).toMatchObject({ delegation: { calls: 0 } });
  });

  it.each([
    [{ calls: Number.NaN }, 'delegation["calls"] is NaN'],
    [{ calls: Number.POSITIVE_INFINITY }, 'delegation["calls"] is Infinity'],
    [{ calls: '3' }, 'delegation.calls must be a whole number of at least 0, not "3"'],
    [{ tokens: 1.5 }, 'delegation.tokens must be a whole number of at least 0, not 1.5'],
    [{ parallel: 0 }, 'delegation.parallel'],
    [{ depth: -1 }, 'delegation.depth'],
    [{ whenFull: 'later' }, 'delegation.whenFull'],
    [{ maxCalls: 3 }, 'delegation has no option maxCalls: use calls'],
    [{ agents: ['scribe'] }, 'delegation.agents names "scribe", which is no agent here: the agents are leaf'],
    [{ agents: 'leaf' }, 'delegation.agents must be a list'],
    [{ models: 'fast' }, 'delegation.models must be a list'],
    [{ agentModels: { leaf: 'fast' } }, 'delegation.agentModels.leaf must be a list'],
    [{ agentModels: { scribe: ['fast'] } }, 'delegation.agentModels names "scribe"'],
    [[], 'delegation must be an object'],
    [() => ({}), 'delegation is a function'],
  ])('DEF-3: names the member and the fix for %j', (policy, message) => {
    expect(() => declare(policy as never)).toThrow(message);
    expect(() => declare(policy as never)).toThrow('Workflow top');
  });

  it('WFL-2: is a value of its own: who made it cannot change it, or what it is about, afterwards', () => {
    const policy = { calls: 1, agents: ['leaf'] };
    const agents: Record<string, AnyDefinition> = { leaf };
    const declared = declare(policy, agents);
    policy.calls = 100;
    policy.agents.push('other');
    agents['other'] = named('other');

    expect(declared).toEqual({ agents: { leaf }, delegation: { calls: 1, agents: ['leaf'] } });
    expect(() => ((declared.delegation as { calls: number }).calls = 2)).toThrow(TypeError);
    expect(() => ((declared.agents as Record<string, unknown>)['leaf'] = 1)).toThrow(TypeError);
  });

  it('WFL-4: is the budget of a run and all below it, within what the definition has besides', () => {
    expect(declare({ tokens: 100, costMicros: 5 }).budget).toEqual({ tokens: 100, costMicros: 5 });
    expect(declare({ calls: 3 }).budget).toBeUndefined();
    expect(declare({ calls: 3, depth: 2 }).budget).toEqual({ runs: 3 });
    expect(declare({ depth: 2 }).budget).toEqual({ runs: 32 });
    expect(
      declareDelegation({ kind: 'workflow', name: 'top', budget: { tokens: 50, calls: 9 } }, {}, { tokens: 100 })
        .budget,
    ).toEqual({ tokens: 50, calls: 9 });
  });
});

describe('a tree of definitions', () => {
  it('WFL-4: that is deeper than its root allows is found when it is defined', () => {
    const deep = named('deep', { agents: { middle: middle() }, delegation: { depth: 2 } });

    expect(() => declare({}, { below: middle() })).toThrow(
      'Workflow top: its agent below has agents of its own, 2 levels down, and delegation.depth is 1: set it to 2, or do not allow below',
    );
    expect(() => declare({ depth: 2 }, { deep })).toThrow('its agent deep has agents of its own, 3 levels down');
    expect(declare({ depth: 3 }, { deep }).delegation).toEqual({ depth: 3 });
    expect(declare({ agents: ['leaf'] }, { leaf, deep }).delegation).toEqual({ agents: ['leaf'] });
    expect(declare(undefined, { deep }).delegation).toBeUndefined();
  });

  it.each<[keyof DelegationPolicy, DelegationPolicy, DelegationPolicy]>([
    ['calls', { calls: 5 }, { calls: 6 }],
    ['calls', {}, { calls: 33 }],
    ['tokens', { tokens: 100 }, { tokens: 101 }],
    ['costMicros', { costMicros: 100 }, { costMicros: 101 }],
    ['wallMs', { wallMs: 100 }, { wallMs: 101 }],
    ['models', { models: ['fast'] }, { models: ['large'] }],
    ['models', {}, { agentModels: { leaf: ['fast'] } }],
  ])('WFL-4: whose part has wider %s than its caller is found when it is defined: %j, %j', (member, outer, inner) => {
    const below = middle(inner);

    expect(() => declare({ ...outer, depth: 2 }, { below })).toThrow('Workflow top: its agent below');
    expect(() => declare({ ...outer, depth: 2 }, { below })).toThrow(`delegation.${member}`);
    expect(declare({ ...outer, agents: ['leaf'] }, { leaf, below }).agents).toEqual({ leaf, below });
  });

  it.each<[DelegationPolicy, DelegationPolicy]>([
    [
      { calls: 5, tokens: 100, costMicros: 100, wallMs: 100 },
      { calls: 5, tokens: 100, costMicros: 100, wallMs: 100 },
    ],
    [{ tokens: 100 }, { tokens: 1, costMicros: 1, wallMs: 1 }],
    [{ tokens: 100, calls: 5 }, {}],
    [{ models: ['fast'], agentModels: { below: ['large'] } }, { models: ['large', 'fast'] }],
  ])('WFL-4: whose part has the same rights or fewer works: %j, %j', (outer, inner) => {
    expect(declare({ ...outer, depth: 2 }, { below: middle(inner) }).delegation).toEqual({ ...outer, depth: 2 });
  });

  it('WFL-4: that widens further down is found too, by the path to where it does', () => {
    const between = named('between', {
      agents: { below: middle({ tokens: 500 }) },
      delegation: { tokens: 50, depth: 2 },
    });

    expect(() => declare({ depth: 3, tokens: 100 }, { between })).toThrow(
      "Workflow top: its agent between: its agent below has delegation.tokens 500, and may have no more than its caller's 50",
    );
  });

  it('WFL-9: that comes back to itself is found when it is defined, by the names on the way', () => {
    const agents: Record<string, AnyDefinition> = {};
    const a = named('a', { agents, delegation: {} });
    agents['b'] = named('b', { agents: { a }, delegation: {} });

    expect(() => declare({ depth: 9 }, { a })).toThrow('Workflow top: top → a → b → a: a definition cannot be called');
    expect(() => declare({}, { again: named('top') })).toThrow('top → top');
  });

  it('WFL-9: that has no end is found when it is defined', () => {
    let made = 0;
    const endless = (): AnyDefinition => ({
      ...named(`endless ${made++}`),
      delegation: {},
      get agents() {
        return { next: endless() };
      },
    });

    expect(() => declare({ depth: 9 }, { endless: endless() })).toThrow('more than 32 levels down');
  });

  it('DEF-3: is listed for an engine, each definition once; two of one name are found', () => {
    const below = middle();
    const top = named('top', { agents: { below, leaf } });

    expect(withChildren(top, below, leaf).map(({ name }) => name)).toEqual(['top', 'middle', 'leaf']);
    expect(() => withChildren(below, named('leaf'))).toThrow('Two different definitions are named leaf');
  });
});
