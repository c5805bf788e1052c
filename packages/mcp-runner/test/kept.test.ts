import { fakeClock } from '@prusik/testing-contracts';
import type { Json } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { readState } from '../src/call-state.ts';
import { memoryCredentials } from '../src/index.ts';
import { credentialKey } from '../src/oauth-owner.ts';
import { tokenStore } from '../src/oauth-tokens.ts';

describe('what stands in a journal of a call that asks', () => {
  it.each<Json>([
    { as: 'live', token: 't', asks: { a: 'sha256:1' }, before: { a: { status: 'answered', value: 1 } } },
    { as: 'round', round: 1, requestState: 'opaque', requests: [['a', { method: 'roots/list' }]] },
    { as: 'round', round: 2, requests: [] },
    { as: 'again', round: 1, signIn: true },
    { as: 'again', round: 3 },
  ])('MCP-5: is read as it was written: %j', (state) => {
    expect(readState(state)).toEqual(state);
  });

  it.each<Json>([
    null,
    'live',
    { as: 'other', round: 1 },
    { as: 'live', asks: {}, before: {} },
    { as: 'live', token: 't', asks: { a: 1 }, before: {} },
    { as: 'live', token: 't', asks: {}, before: { a: 'yes' } },
    { as: 'round', round: 1 },
    { as: 'round', round: 1, requests: [['a']] },
    { as: 'again' },
  ])('MCP-5, ERR-2: is refused where it is not what a runner writes: %j', (state) => {
    expect(() => readState(state)).toThrow(TypeError);
  });
});

it('MCP-4: tokens that are kept in a form that is not ours sign nobody in', async () => {
  const credentials = memoryCredentials();
  const owner = { tenant: 'acme', subject: 'ada' };
  const url = new URL('https://mcp.example.com');
  const tokens = tokenStore({
    server: 's',
    url,
    auth: { type: 'oauth', subject: 'shared' },
    owner,
    credentials,
    fetch: () => Promise.reject(new Error('Nobody is asked')),
    clock: fakeClock(),
  });
  const good = { accessToken: 'a', grant: { issuer: 'i' }, client: { id: 'c' } };
  for (const value of [{}, { ...good, accessToken: 5 }, { ...good, grant: 'i' }, { ...good, client: [] }]) {
    await credentials.set(credentialKey(owner, url, 'tokens'), value);
    expect(await tokens.read()).toBeUndefined();
    expect(await tokens.refresh('a')).toBeUndefined();
  }

  await credentials.set(credentialKey(owner, url, 'tokens'), good);
  expect(await tokens.read()).toMatchObject({ tokens: good });
});
