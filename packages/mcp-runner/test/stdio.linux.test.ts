import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callText } from './call-text.ts';
import { newPlace, type Place } from './place.ts';

let place: Place;
beforeAll(async () => {
  place = await newPlace('bubblewrap');
});
afterAll(() => place[Symbol.asyncDispose]());

describe('MCP-1: a server in a sandbox', () => {
  it('sees its workspace, no file of the host and no network, and answers', async () => {
    const connection = await place.connect(await place.server('stdio-server'));

    expect(await callText(connection, 'echo', { text: 'hello' })).toBe('hello');
    expect(await callText(connection, 'directory')).toBe('/workspace');
    expect(await callText(connection, 'lists', { path: '/' })).not.toContain('home');
    expect(await callText(connection, 'interfaces')).toMatch(/^(lo)?$/);

    await connection.close();
  });

  it('may use the network where that is said', async () => {
    const connection = await place.connect(await place.server('stdio-server', [], { network: 'host' }), {
      name: 'net',
    });

    expect((await callText(connection, 'interfaces')).split(',').length).toBeGreaterThan(0);

    await connection.close();
  });

  it('is not started where less is held than it asks for', async () => {
    const server = await place.server('stdio-server', [], { network: 'host', require: { network: 'enforced' } });

    await expect(place.connect(server)).rejects.toMatchObject({
      code: 'MCP_NOT_ISOLATED',
      cause: expect.objectContaining({ code: 'SANDBOX_LEVEL_UNMET' }),
    });
  });

  it('answers a hundred calls at once', async () => {
    const connection = await place.connect(await place.server('stdio-server'));

    const texts = Array.from({ length: 100 }, (_, call) => `call ${call}`);
    expect(await Promise.all(texts.map((text) => callText(connection, 'echo', { text })))).toEqual(texts);

    await connection.close();
  });

  it('is told with its end when it has passed a limit', async () => {
    const connection = await place.connect(await place.server('stdio-server'), { name: 'large' });

    await expect(callText(connection, 'allocates', { bytes: 4 * 1024 ** 3 })).rejects.toThrow('Connection closed');

    expect(await connection.ended).toMatchObject({ code: 'MCP_UNAVAILABLE' });
    await connection.close();
  });
});

describe('I8: no process is left', () => {
  it('of a server that is closed, whatever it has started and wherever that went', async () => {
    const marker = `prusik-${randomUUID()}`;
    const connection = await place.connect(await place.server('stdio-server', ['stubborn', marker]));
    await callText(connection, 'grandchild');
    await callText(connection, 'runaway');
    expect(processesWith(marker).length).toBeGreaterThan(2);

    await connection.close();

    expect(processesWith(marker)).toEqual([]);
  });

  it('of a start that was given up, at whatever moment', async () => {
    const marker = `prusik-${randomUUID()}`;
    const server = await place.server('stdio-server', [marker]);
    for (const ms of [0, 5, 20, 40, 80, 120]) {
      const controller = new AbortController();
      const starting = place.connect(server, { signal: controller.signal }).catch((error: unknown) => error);
      setTimeout(() => controller.abort(new Error('enough')), ms);
      const started = await starting;
      if (!(started instanceof Error)) await (started as Awaited<ReturnType<Place['connect']>>).close();
    }

    expect(processesWith(marker)).toEqual([]);
  });

  it.each(['bubblewrap', 'none'])(
    'when the program that uses it is killed, with isolation %s',
    { timeout: 60_000 },
    async (isolation) => {
      const marker = `prusik-${randomUUID()}`;
      const script = fileURLToPath(new URL('./fixtures/holds-server.ts', import.meta.url));
      const harness = spawn(process.execPath, ['--conditions=@prusik/source', script, isolation, marker], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [root] = (await once(harness.stdout.setEncoding('utf8'), 'data')) as [string];
      const before = processesWith(marker).length;

      harness.kill('SIGKILL');
      await once(harness, 'exit');

      expect(before).toBeGreaterThan(2);
      await expect.poll(() => processesWith(marker), { timeout: 5_000 }).toEqual([]);
      await rm(root.trim(), { recursive: true });
    },
  );
});

it('I8: starting and stopping servers leaves no descriptor', { timeout: 120_000 }, async () => {
  const server = await place.server('stdio-server');
  const cycle = async (): Promise<void> => {
    const connection = await place.connect(server);
    await callText(connection, 'echo', { text: 'hello' });
    await connection.close();
  };
  for (let round = 0; round < 3; round++) await cycle();
  const before = openDescriptors();

  for (let round = 0; round < 20; round++) await cycle();

  expect(openDescriptors()).toEqual(before);
});

/** By what they are open on; of pipes and sockets only how many. */
function openDescriptors(): readonly string[] {
  return readdirSync('/proc/self/fd')
    .flatMap((descriptor) => {
      try {
        return [readlinkSync(`/proc/self/fd/${descriptor}`).replace(/\[\d+\]$/, '')];
      } catch {
        return [];
      }
    })
    .toSorted();
}

function processesWith(marker: string): string[] {
  return readdirSync('/proc').filter((entry) => {
    try {
      return /^\d+$/.test(entry) && readFileSync(`/proc/${entry}/cmdline`, 'latin1').includes(marker);
    } catch {
      return false;
    }
  });
}
