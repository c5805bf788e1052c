import { inspect } from 'node:util';
import { fakeClock } from '@prusik/testing-contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../src/connection.ts';
import { createSending } from '../src/sending.ts';
import { callText } from './call-text.ts';
import { isAlive, newPlace, type ConnectIn, type Place } from './place.ts';

let place: Place;
beforeAll(async () => {
  place = await newPlace('none');
});
afterAll(() => place[Symbol.asyncDispose]());
beforeEach(() => {
  place.oddities.length = 0;
});

async function start(args: readonly string[] = [], options?: ConnectIn): Promise<Connection & AsyncDisposable> {
  const connection = await place.connect(await place.server('stdio-server', args), options);
  return { ...connection, [Symbol.asyncDispose]: connection.close };
}

describe('MCP-1: a server over stdio', () => {
  it('is started and answers calls', async () => {
    await using connection = await start();

    expect(await callText(connection, 'echo', { text: 'hello' })).toBe('hello');
    expect(connection.protocol).toEqual({ version: '2025-11-25', era: 'legacy' });
    expect(connection.server).toMatchObject({ name: 'raw' });
  });

  it('is given its arguments as they are, and no variable but its own and the sandbox’s', async () => {
    const server = await place.server('stdio-server', ["it's", '$HOME', '`id`', 'two words'], {
      env: { PLAIN: 'plain', SECRET: () => Promise.resolve('of this start') },
    });
    const connection = await place.connect(server);

    expect(await callText(connection, 'arguments')).toBe(JSON.stringify(["it's", '$HOME', '`id`', 'two words']));
    // It has it, and nobody is told.
    expect(await callText(connection, 'variable', { name: 'SECRET' })).toBe('[redacted]');
    expect(
      (await callText(connection, 'variables')).split(',').filter((name) => !/^(PWD|OLDPWD|SHLVL|_)$/.test(name)),
    ).toEqual(['HOME', 'LANG', 'PATH', 'PLAIN', 'SECRET', 'TERM', 'TMPDIR']);

    await connection.close();
  });

  it('finds what it has written when it is started anew', async () => {
    {
      await using first = await start();
      await callText(first, 'writes', { text: 'a note' });
    }

    await using second = await start();

    expect(await callText(second, 'reads')).toBe('a note');
  });

  it('begins with what it is given, and what is given other than that has other files', async () => {
    const [one, two] = [await place.snapshotOf('notes', 'one'), await place.snapshotOf('notes', 'two')];
    const read: string[] = [];

    for (const snapshot of [one, two, one]) {
      const connection = await place.connect(await place.server('stdio-server', [], { from: { snapshot } }));
      read.push(await callText(connection, 'reads'));
      await callText(connection, 'writes', { text: 'changed' });
      await connection.close();
    }

    expect(read).toEqual(['one', 'two', 'changed']);
  });

  it('tells of its changes', async () => {
    await using connection = await start();

    await callText(connection, 'changes');

    expect(place.changes).toEqual(['tools']);
  });

  it('is asked for its secrets at each start, and one that cannot be had starts nothing', async () => {
    let asked = 0;
    const server = await place.server('stdio-server', [], {
      env: {
        TOKEN: () => {
          asked += 1;
          if (asked > 1) throw new Error('the vault is locked');
          return 'first';
        },
      },
    });
    await (await place.connect(server)).close();

    await expect(place.connect(server)).rejects.toMatchObject({
      code: 'MCP_START_FAILED',
      message: expect.stringContaining('TOKEN'),
      cause: expect.objectContaining({ message: 'the vault is locked' }),
    });
  });
});

describe('MCP-2: a server that does not get ready', () => {
  it('is told with its exit code and what it said last, without secrets', async () => {
    const server = await place.server('stdio-server', ['exits'], { env: { KEY: () => 'hunter2!\nand a second line' } });

    const error = await place.connect(server).catch((thrown: unknown) => thrown as Error & { meta: unknown });

    expect(error).toMatchObject({ code: 'MCP_START_FAILED', retryable: true, meta: { server: 'raw', exitCode: 3 } });
    expect(error).toHaveProperty('message', expect.stringContaining('stderr: no configuration: '));
    expect(JSON.stringify([String(error), String((error as Error).cause)])).not.toMatch(/abcdefgh|hunter2|second line/);
  });

  it('I11: is told without any value of its environment, as deep as the error goes', async () => {
    const env = { KEY: 'a plain CANARY', HOME: '/home/CANARY', TOKEN: () => 'secret-CANARY' };
    for (const mode of ['exits', 'refuses']) {
      const server = await place.server('stdio-server', [mode], { env });

      const error: unknown = await place.connect(server).catch((thrown: unknown) => thrown);

      expect(error).toMatchObject({ code: 'MCP_START_FAILED' });
      expect(inspect(error, { depth: 10 })).not.toContain('CANARY');
      expect(inspect(error, { depth: 10 })).toContain('[redacted]');
    }
  });

  it('is not tried again where there is no such program', async () => {
    const server = await place.server('stdio-server', [], { command: '/no/such/program' });

    await expect(place.connect(server)).rejects.toMatchObject({
      code: 'MCP_START_FAILED',
      retryable: false,
      message: expect.stringContaining('`command` has to be a program inside the sandbox'),
      meta: { exitCode: 127 },
    });
  });

  it('is given up after its time, and no process is left', async () => {
    const begun = performance.now();

    await expect(start(['never-ready', 'silent'], { limits: { startMs: 600 } })).rejects.toMatchObject({
      code: 'MCP_START_TIMEOUT',
      retryable: true,
    });

    expect(performance.now() - begun).toBeLessThan(600 + 2_500);
  });

  it('rejects with the reason of a signal that fires meanwhile', async () => {
    const reason = new Error('no longer wanted');
    const controller = new AbortController();
    const starting = start(['never-ready', 'silent'], { signal: controller.signal });
    setImmediate(() => controller.abort(reason));

    await expect(starting).rejects.toBe(reason);
  });

  it('is told when it speaks no revision that is known here', async () => {
    await expect(start(['odd-version'])).rejects.toMatchObject({
      code: 'MCP_START_FAILED',
      retryable: false,
      message: expect.stringContaining('1999-01-01'),
    });
  });
});

describe('MCP-2: asking for the revision', () => {
  it('starts a server that dies of the question once more without it, and does not ask it again', async () => {
    const started: string[] = [];
    const server = await place.server('stdio-server', ['dies-of-probe'], {
      env: {
        COUNT: () => {
          started.push('start');
          return 'x';
        },
      },
    });

    await (await place.connect(server, { name: 'old' })).close();
    await (await place.connect(server, { name: 'old' })).close();

    expect(started).toHaveLength(3);
  });

  it('takes a server that never answers it for an older one', async () => {
    await using connection = await start(['silent'], { name: 'silent', limits: { startMs: 1_500 } });

    expect(connection.protocol.era).toBe('legacy');
  });
});

describe('MCP-2: a server that is ready', () => {
  it('is over when it dies in a call: the call was sent, and the end has its exit code and last words', async () => {
    await using connection = await start();
    const sending = createSending();

    await expect(callText(connection, 'exits', { says: 'out of luck' }, sending)).rejects.toThrow('Connection closed');

    expect(sending.sent).toBe(true);
    expect(await connection.ended).toMatchObject({
      code: 'MCP_UNAVAILABLE',
      message: expect.stringContaining('out of luck'),
      meta: { exitCode: 7 },
    });
  });

  it('sends nothing once it is over', async () => {
    await using connection = await start();
    await callText(connection, 'exits').catch(() => {});
    const sending = createSending();

    await expect(callText(connection, 'echo', {}, sending)).rejects.toThrow('Not connected');

    expect(sending.sent).toBe(false);
  });

  it('is heard to its last word', async () => {
    await using connection = await start();

    expect(await callText(connection, 'answers-and-exits')).toBe('last words');
    expect(await connection.ended).toMatchObject({ meta: { exitCode: 0 } });
  });

  it('is over when it closes its output, though it lives', async () => {
    await using connection = await start(['stubborn']);

    await expect(callText(connection, 'closes-output')).rejects.toThrow('Connection closed');

    expect(await connection.ended).toMatchObject({ code: 'MCP_UNAVAILABLE' });
  });

  it('may write a few lines that are no message, and is killed for more', async () => {
    await using connection = await start(['noisy'], { limits: { garbageLines: 10 } });

    expect(await callText(connection, 'garbage', { lines: 8 })).toBe('after garbage');
    expect(place.oddities).toHaveLength(10);
    await expect(callText(connection, 'garbage', { lines: 1 })).rejects.toThrow('Connection closed');
    expect(await connection.ended).toMatchObject({ code: 'MCP_PROTOCOL_ERROR' });
  });

  it('is killed for a message past the bound', async () => {
    await using connection = await start([], { limits: { messageBytes: 100_000 } });

    expect(await callText(connection, 'giant', { bytes: 99_000 })).toHaveLength(99_000);
    await expect(callText(connection, 'giant', { bytes: 100_000 })).rejects.toThrow('Connection closed');
    expect(await connection.ended).toMatchObject({ code: 'MCP_MESSAGE_TOO_LARGE' });
  });

  it('is not sent a message past the bound, and goes on', async () => {
    await using connection = await start([], { limits: { messageBytes: 10_000 } });
    const sending = createSending();

    await expect(callText(connection, 'echo', { text: 'x'.repeat(10_000) }, sending)).rejects.toMatchObject({
      code: 'MCP_MESSAGE_TOO_LARGE',
    });
    expect(sending.sent).toBe(false);
    expect(await callText(connection, 'echo', { text: 'hello' })).toBe('hello');
  });

  it('answers by the id that it was asked with, once', async () => {
    await using connection = await start();

    expect(await callText(connection, 'answers-as-text')).toBe('right');
    expect(await callText(connection, 'answers-twice')).toBe('first');
    expect(await callText(connection, 'echo', { text: 'hello' })).toBe('hello');
    expect(place.oddities).toHaveLength(2);
  });

  it('never waits for its stderr to be read', async () => {
    await using connection = await start();

    expect(await callText(connection, 'floods-stderr', { bytes: 2_000_000 })).toBe('flooded');
  });

  it('has 64 of its requests answered at once, and the others refused', async () => {
    let answer = (): void => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await using connection = await start([], {
      setup: {
        capabilities: { roots: {} },
        prepare: (client) => client.setRequestHandler('roots/list', () => answered.then(() => ({ roots: [] }))),
      },
    });

    await callText(connection, 'asks-much', { times: 500 });

    expect(await callText(connection, 'answers-seen')).toBe('436');
    answer();
    await expect.poll(() => callText(connection, 'answers-seen')).toBe('500');
  });

  it('is killed when it asks and does not read what it is answered', async () => {
    await using connection = await start();

    await expect(callText(connection, 'asks-much', { times: 50_000, reads: false })).rejects.toThrow(
      'Connection closed',
    );

    expect(await connection.ended).toMatchObject({ code: 'MCP_PROTOCOL_ERROR' });
  });

  it('does not keep a write waiting for ever that it never reads', async () => {
    const connection = await start(['deaf']);
    const large = { text: 'x'.repeat(1_000_000) };
    const [first, second] = [createSending(), createSending()];
    const calls = Promise.allSettled([
      callText(connection, 'echo', large, first),
      callText(connection, 'echo', large, second),
    ]);
    await expect.poll(() => first.sent).toBe(true);

    await connection.close();

    expect(await calls).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    expect([first.sent, second.sent]).toEqual([true, false]);
  });
});

describe('MCP-2: a call that is given up', () => {
  it('is never sent when it was still waiting to be', async () => {
    await using connection = await start(['slow-reader']);
    const controller = new AbortController();
    const [large, second] = [createSending(), createSending()];
    const first = callText(connection, 'length', { text: 'x'.repeat(1_000_000) }, large);
    await expect.poll(() => large.sent).toBe(true);
    const call = callText(connection, 'writes', { text: 'given up' }, second, controller.signal).catch(
      () => 'given up',
    );
    // By then the client has handed it to its transport.
    await new Promise(setImmediate);

    controller.abort();

    expect([await call, await first, second.sent]).toEqual(['given up', '1000000', false]);
    expect(await callText(connection, 'cancelled')).toBe('0');
  });

  it('is told to the server when it was sent, and its answer is late', async () => {
    await using connection = await start();
    const controller = new AbortController();
    const sending = createSending();
    const call = callText(connection, 'answers-when-cancelled', {}, sending, controller.signal).catch(() => 'given up');
    await expect.poll(() => sending.sent).toBe(true);

    controller.abort();

    expect(await call).toBe('given up');
    expect(await callText(connection, 'cancelled')).toBe('1');
    expect(place.oddities).toEqual([expect.stringContaining('nobody waits for')]);
  });
});

describe('I8: closing a connection', () => {
  it('ends the process, tells calls in flight, and is done once', async () => {
    // By this clock no time passes: the end of its input is enough for it, and no signal is waited for.
    const connection = await start([], { clock: fakeClock() });
    const pid = Number(await callText(connection, 'pid'));
    const call = callText(connection, 'hangs').catch((error: unknown) => error);

    await Promise.all([connection.close(), connection.close()]);

    expect(await call).toBeInstanceOf(Error);
    expect(await connection.ended).toMatchObject({ code: 'MCP_CLOSED' });
    expect(isAlive(pid)).toBe(false);
  });

  it('ends one that heeds neither the end of its input nor SIGTERM, after a second each', async () => {
    const connection = await start(['stubborn']);
    const pid = Number(await callText(connection, 'pid'));
    const begun = performance.now();

    await connection.close();

    expect(isAlive(pid)).toBe(false);
    expect(performance.now() - begun).toBeGreaterThan(1_900);
  });

  it('ends its children, though they hold its output open', async () => {
    const connection = await start();
    const child = Number(await callText(connection, 'grandchild'));

    await connection.close();

    await expect.poll(() => isAlive(child)).toBe(false);
  });
});

it('MCP-1: a server whose isolation is not given up by choice is not started without it', async () => {
  const { require: _, ...server } = await place.server('stdio-server');

  await expect(place.connect(server)).rejects.toMatchObject({
    code: 'MCP_NOT_ISOLATED',
    retryable: false,
    message: expect.stringContaining('its `require` says so'),
  });
});
