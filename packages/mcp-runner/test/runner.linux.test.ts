import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mcpRunner } from '../src/index.ts';
import { newPlace } from './place.ts';

describe('MCP-1, MCP-4: a runner whose servers are held by bubblewrap', () => {
  it('MCP-4: takes them for a low risk, and asks nobody', async () => {
    await using place = await newPlace('bubblewrap');
    await using runner = mcpRunner({
      sandbox: place.sandbox,
      servers: { climb: await place.server('tool-server') },
    });

    const tools = await runner.tools();
    const said = await tools['climb_echo']?.execute({ text: 'on belay' }, { toolCallId: 'c' });

    expect(said).toEqual({ text: 'on belay' });
    expect(tools['climb_echo']?.needsApproval).toBe(false);
    expect(runner.servers()).toMatchObject([
      { tier: 'low', status: 'ready', place: { transport: 'stdio', isolated: true, network: false } },
    ]);
  });

  it('MCP-4: takes one that has the network for a medium risk, and asks about it', async () => {
    await using place = await newPlace('bubblewrap');
    await using runner = mcpRunner({
      sandbox: place.sandbox,
      servers: { climb: await place.server('tool-server', [], { network: 'host' }) },
    });

    expect(runner.servers()).toMatchObject([{ tier: 'medium', status: 'idle' }]);
    expect((await runner.tools())['climb_echo']?.needsApproval).toBe(true);
  });

  it('MCP-1: leaves no process when it is disposed', async () => {
    await using place = await newPlace('bubblewrap');
    const runner = mcpRunner({
      sandbox: place.sandbox,
      servers: { climb: await place.server('tool-server', ['unique-mark']) },
    });
    await runner.tools();
    const children = (): string => readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim();
    const before = children();

    await runner[Symbol.asyncDispose]();

    expect(before).not.toBe('');
    expect(children()).toBe('');
  });
});
