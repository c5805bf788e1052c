import { defineAgent, defineTool } from '@prusik/agents';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineHarness } from '../src/index.ts';

describe('grants', () => {
  it('REQ-3: are given with an approval, listed, and taken back', async () => {
    const sent: string[] = [];
    const send = defineTool({
      name: 'send',
      description: 'Sends.',
      input: z.object({ to: z.string() }),
      approval: 'once',
      execute: ({ to }) => void sent.push(to),
    });
    const call = { call: 'send', input: { to: 'bob' } };
    const model = scriptedModel([call, 'Done.', call, 'Done.', call]);
    const clerk = defineAgent({ name: 'clerk', instructions: '', model, tools: [send] });
    const harness = defineHarness({
      store: memoryStore(),
      agents: { clerk },
      ephemeral: true,
      limits: { parkAfterMs: 0 },
    });
    const run = (id: string) => harness.run('clerk', 'Go', { id, session: 's' });
    await run('one');
    const [request] = (await harness.requests()).items;

    await harness.approve('one', request!.id, { by: 'ann', grant: { scope: 'session', part: { to: 'bob' } } });
    expect(await harness.drive('one')).toMatchObject({ status: 'completed' });
    expect(await run('two')).toMatchObject({ status: 'completed' });
    expect(sent).toEqual(['bob', 'bob']);

    const [grant] = (await harness.grants({ session: 's' })).items;
    expect(grant).toMatchObject({ tool: 'send', part: { to: 'bob' }, given: { by: 'ann', request: request!.id } });
    expect(await harness.revokeGrant(grant!.id, 'ann')).toMatchObject({ outcome: 'revoked' });
    expect((await harness.grants()).items).toEqual([]);
    expect(await run('three')).toMatchObject({ status: 'waiting' });
    await harness[Symbol.asyncDispose]();
  });
});
