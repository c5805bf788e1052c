import type { Store } from '@prusik/core';
import { scriptedModel, type ScriptedReply } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool, type AnyTool, type ApprovalStatus } from '../src/index.ts';
import { entriesOf, keyOf, newEngine, newStore, resultsOf, waitingOn } from './support.ts';

const input = z.object({ to: z.string(), text: z.string() });
const call = (to: string, text: string) => ({ call: 'send', input: { to, text } });

const send = (done: string[], more: object = {}): AnyTool =>
  defineTool({
    name: 'send',
    description: 'Sends.',
    input,
    approval: 'once',
    execute: ({ to, text }) => void done.push(`${to} ${text}`),
    ...more,
  });

/** Runs until a person is asked, and answers the first time with a grant. */
async function granted(
  tool: (done: string[]) => AnyTool,
  script: readonly ScriptedReply[],
  grant: { readonly scope: 'run' | 'session'; readonly part?: { readonly to?: string }; readonly expiresInMs?: number },
) {
  const done: string[] = [];
  const store = newStore();
  const agent = defineAgent({ name: 'a', instructions: '', model: scriptedModel(script), tools: [tool(done)] });
  const engine = newEngine([agent], { store });
  const session = grant.scope === 'session' ? { session: { id: 's' } } : {};
  const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r', ...session }));
  await engine.decide(keyOf('r'), request, { status: 'approved', by: 'ann', grant });
  return { done, store, engine, result: await engine.drive(keyOf('r')) };
}

const deniedOf = async (store: Store, run = 'r') =>
  (await entriesOf(store, run)).flatMap((entry) => (entry.type === 'step-end' ? (entry.denied ?? []) : []));

describe('REQ-3: what was granted is not asked about again', () => {
  it('for calls that hold the part, and for no others', async () => {
    const { done, result } = await granted(send, [call('bob', '1'), call('bob', '2'), call('eve', '3'), 'Done.'], {
      scope: 'run',
      part: { to: 'bob' },
    });

    expect(waitingOn(result)).toHaveLength(1);
    expect(done).toEqual(['bob 1', 'bob 2']);
  });

  it('without a part only for the same input', async () => {
    const { done, result } = await granted(send, [call('bob', '1'), call('bob', '1'), call('bob', '2'), 'Done.'], {
      scope: 'run',
    });
    expect(waitingOn(result)).toHaveLength(1);
    expect(done).toEqual(['bob 1', 'bob 1']);
  });

  it('of a session in its next run, and of a run in no other', async () => {
    const script = [call('bob', '1'), 'Done.', call('bob', '2'), 'Done.'];
    const { done, engine } = await granted(send, script, { scope: 'session', part: {} });
    expect(await engine.run('a', 'Go', { id: 'next', session: { id: 's' } })).toMatchObject({ status: 'completed' });
    expect(done).toEqual(['bob 1', 'bob 2']);

    const other = await granted(send, script, { scope: 'run', part: {} });
    expect(await other.engine.run('a', 'Go', { id: 'next' })).toMatchObject({ status: 'waiting' });
  });

  it('where a policy says user-approval, and never against its denial', async () => {
    const answers: ApprovalStatus[] = ['user-approval', 'user-approval', 'user-approval', 'user-approval', 'denied'];
    const tool = (done: string[]) => send(done, { approval: () => answers.shift() ?? 'denied' });
    const { done, store, result } = await granted(
      tool,
      [call('bob', '1'), call('bob', '2'), call('bob', '3'), 'Done.'],
      {
        scope: 'run',
        part: {},
      },
    );

    expect(result).toMatchObject({ status: 'completed' });
    expect(done).toEqual(['bob 1', 'bob 2']);
    expect(await deniedOf(store)).toEqual([{ callId: 'call_3', tool: 'send', by: 'policy' }]);
  });

  it('of a tool that asks about each call nobody can give one, and the request stays open', async () => {
    const tool = (done: string[]) => send(done, { approval: 'always' });
    await expect(granted(tool, [call('bob', '1'), 'Done.'], { scope: 'run', part: {} })).rejects.toThrow(TypeError);
  });

  it('is bound to the tool as it was: one that was changed is asked about again', async () => {
    const { store, done } = await granted(send, [call('bob', '1'), 'Done.'], { scope: 'session', part: {} });
    const model = scriptedModel([call('bob', '2')]);
    const changed = defineAgent({ name: 'a', instructions: '', model, tools: [send(done, { version: '2' })] });

    const result = await newEngine([changed], { store }).run('a', 'Go', { id: 'next', session: { id: 's' } });

    expect(result).toMatchObject({ status: 'waiting' });
    expect(done).toEqual(['bob 1']);
  });

  it('is looked at again right before the execution: one that was revoked meanwhile does not count', async () => {
    const done: string[] = [];
    const store = newStore();
    const revoke = async (): Promise<void> => {
      const { items } = await store.listGrants({ tenant: 'default', limit: 1 });
      await store.revokeGrant({ tenant: 'default', grant: items[0]?.id ?? '' });
    };
    const slow = defineTool({
      name: 'slow',
      description: 'Takes the grant away.',
      input: z.object({}),
      effect: 'repeatable',
      execute: revoke,
    });
    const model = scriptedModel([call('bob', '1'), [{ call: 'slow', input: {} }, call('bob', '2')], 'Done.']);
    const tools = [send(done), slow];
    // One at a time: the grant is gone when the second call has its turn.
    const agent = defineAgent({ name: 'a', instructions: '', model, tools, limits: { parallelTools: 1 } });
    const engine = newEngine([agent], { store });
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    await engine.decide(keyOf('r'), request, { status: 'approved', grant: { scope: 'run', part: {} } });

    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });

    expect(done).toEqual(['bob 1']);
    expect(await resultsOf(store, 'r')).toMatchObject({ call_3: { type: 'denied' } });
    expect(await deniedOf(store)).toEqual([{ callId: 'call_3', tool: 'send', by: 'grant' }]);
  });

  it('a call that came to need an approval after it was planned is denied, not run unasked', async () => {
    const done: string[] = [];
    const answers: ApprovalStatus[] = ['approved', 'user-approval'];
    const model = scriptedModel([call('bob', '1'), 'Done.']);
    const tool = send(done, { approval: () => answers.shift() ?? 'denied' });
    const store = newStore();

    const agent = defineAgent({ name: 'a', instructions: '', model, tools: [tool] });
    expect(await newEngine([agent], { store }).run('a', 'Go', { id: 'r' })).toMatchObject({ status: 'completed' });

    expect(done).toEqual([]);
    expect(await resultsOf(store, 'r')).toMatchObject({
      call_1: { type: 'denied', reason: expect.stringContaining('needs an approval now') },
    });
  });
});
