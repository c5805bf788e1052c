import { fakeClock } from '@prusik/testing-contracts';
import { systemClock } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_APPROVALS,
  isAllowed,
  policyRefusal,
  toolRight,
  type McpFacts,
  type McpVerdict,
  type ToolRules,
} from '../src/govern.ts';
import { riskOf, type RiskTier, type ServerPlace } from '../src/risk.ts';
import { readServerTool } from '../src/server-tool.ts';

const stdio = (isolated: boolean, network: boolean): ServerPlace => ({ transport: 'stdio', isolated, network });
const http = (origin: string, publicOnly = true): ServerPlace => ({ transport: 'http', origin, publicOnly });

describe('MCP-4: the risk of a server', () => {
  it.each<[ServerPlace, RiskTier]>([
    [stdio(true, false), 'low'],
    [stdio(true, true), 'medium'],
    [stdio(false, false), 'high'],
    [http('https://mcp.example.com'), 'medium'],
    [http('http://mcp.example.com'), 'high'],
    [http('https://10.0.0.1', false), 'high'],
  ])('MCP-4: %j is %s', (place, tier) => {
    expect(riskOf(place)).toBe(tier);
  });
});

const right = (tier: RiskTier, rules: ToolRules, annotations: object = {}): string => {
  const tool = readServerTool({ name: 'read_file', inputSchema: { type: 'object' }, annotations });
  const place = stdio(true, false);
  const { effect, readOnly, approval } = toolRight(
    { server: 's', place, tier, rules, approvals: DEFAULT_APPROVALS },
    tool,
  );
  return `${effect}${readOnly ? ' read-only' : ''} ${approval}`;
};
const trusts: ToolRules = { effects: 'trust-annotations' };
const reads: ToolRules = { effects: { 'read_*': 'repeatable' } };

describe('MCP-4: how a tool may be called', () => {
  it.each<[string, RiskTier, ToolRules, object, string]>([
    ['by tier', 'low', {}, {}, 'once never'],
    ['by tier', 'medium', {}, {}, 'once once'],
    ['by tier', 'high', {}, {}, 'once always'],
    [
      'a hint makes nothing weaker',
      'high',
      {},
      { readOnlyHint: true, idempotentHint: true, destructiveHint: false },
      'once always',
    ],
    ['a hint makes it stricter', 'low', {}, { destructiveHint: true }, 'once once'],
    ['a hint makes it stricter, up to the strictest', 'high', {}, { destructiveHint: true }, 'once always'],
    ['the program says that it reads', 'medium', reads, {}, 'repeatable read-only never'],
    [
      'the program says that it reads, the server that it destroys',
      'medium',
      reads,
      { destructiveHint: true },
      'repeatable read-only once',
    ],
    ['hints that are trusted', 'high', trusts, { readOnlyHint: true }, 'repeatable read-only once'],
    [
      'hints that are trusted and contradict each other',
      'low',
      trusts,
      { readOnlyHint: true, destructiveHint: true },
      'once once',
    ],
    [
      'hints that are trusted, of a tool that may be repeated',
      'medium',
      trusts,
      { idempotentHint: true },
      'repeatable once',
    ],
    ['hints that are no booleans', 'medium', trusts, { readOnlyHint: 'true' }, 'once once'],
    ['an approval of the program', 'low', { approval: 'always' }, {}, 'once always'],
    [
      'an approval for a tool',
      'high',
      { approval: { read_file: 'never', 'read_*': 'always' } },
      { destructiveHint: true },
      'once never',
    ],
    ['an approval for others', 'high', { approval: { 'write_*': 'never' } }, {}, 'once always'],
  ])('MCP-4: %s', (_, tier, rules, annotations, said) => {
    expect(right(tier, rules, annotations)).toBe(said);
  });

  it('MCP-4: an approval is bound to the effect that was decided, too', () => {
    const tool = readServerTool({ name: 'read_file', inputSchema: { type: 'object' } });
    const hash = (rules: ToolRules): string =>
      toolRight({ server: 's', place: stdio(true, false), tier: 'low', rules, approvals: DEFAULT_APPROVALS }, tool)
        .hash;

    expect(hash(reads)).not.toBe(hash({}));
    expect(hash({ approval: 'always' })).toBe(hash({}));
  });

  it.each<[ToolRules, boolean]>([
    [{}, true],
    [{ allow: ['read_file'] }, true],
    [{ allow: ['read_*'] }, true],
    [{ allow: ['*'], deny: ['read_*'] }, false],
    [{ allow: ['read_file'], deny: ['read_file'] }, false],
    [{ allow: [] }, false],
    [{ allow: ['read'] }, false],
    [{ deny: ['READ_FILE'] }, true],
  ])('MCP-4: %j: whether a tool is offered', (rules, allowed) => {
    expect(isAllowed(rules, 'read_file')).toBe(allowed);
  });
});

describe('MCP-4, I12: a policy', () => {
  const facts: McpFacts = { server: 's', tier: 'low', place: stdio(true, false) };
  const asked = (policy: (facts: McpFacts) => unknown): Promise<string | undefined> =>
    policyRefusal(policy as (facts: McpFacts) => McpVerdict, facts, systemClock);

  it('MCP-4: that allows, allows, and one that denies says why', async () => {
    expect(await asked(() => 'allow')).toBeUndefined();
    expect(await asked(async () => 'allow')).toBeUndefined();
    expect(await asked(({ server }) => ({ deny: `not ${server}` }))).toBe('the policy says: not s');
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('x');
      },
    ],
    ['rejects', () => Promise.reject(new Error('x'))],
    ['says nothing', () => undefined],
    ['says yes in its own words', () => true],
    ['says an object', () => ({ allow: true })],
    ['denies with nonsense', () => ({ deny: 1 })],
  ])('I12: that %s denies', async (_, policy) => {
    expect(await asked(policy)).toMatch(/^the policy (failed|gave no valid answer)$/);
  });

  it('I12: that hangs denies after ten seconds', async () => {
    const clock = fakeClock();
    const answer = policyRefusal(() => new Promise<never>(() => {}), facts, clock);
    clock.advance(10_000);

    expect(await answer).toBe('the policy failed');
  });
});
