import { PrusikError } from '@prusik/core';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { backoffMs } from '../src/backoff.ts';
import type { Connect, Connection } from '../src/connection.ts';
import { unavailable } from '../src/errors.ts';
import { createPool, type PoolOptions } from '../src/pool.ts';

const key = { server: 'files', instance: '' };
const never = new AbortController().signal;
const scope = { signal: never };

/** A server that can be told how to start and when to die; what the pool does about it is what is looked at. */
interface Server {
  readonly connect: Connect;
  readonly started: number;
  readonly stopped: string[];
  /** Connections that are open, oldest first. */
  readonly open: { readonly name: string; die(): void }[];
  /** How the next starts go; then they succeed. */
  readonly starts: ((signal: AbortSignal) => Promise<void>)[];
  heardAt: number;
}

function server(): Server {
  let started = 0;
  const self: Server = {
    stopped: [],
    open: [],
    starts: [],
    heardAt: 0,
    get started() {
      return started;
    },
    async connect({ signal }) {
      started += 1;
      const name = `#${started}`;
      await self.starts.shift()?.(signal);
      let end: (error: PrusikError) => void = () => {};
      const ended = new Promise<PrusikError>((resolve) => {
        end = resolve;
      });
      const gone = (error: PrusikError): void => {
        const at = self.open.findIndex((other) => other.name === name);
        if (at === -1) return;
        self.open.splice(at, 1);
        self.stopped.push(name);
        end(error);
      };
      self.open.push({ name, die: () => gone(unavailable('files', 'it died')) });
      return {
        server: { name, version: '1' },
        ended,
        heardAt: () => self.heardAt,
        close: async () => gone(new PrusikError('MCP_CLOSED', 'closed')),
      } as unknown as Connection;
    },
  };
  return self;
}

function pooled(
  options: Partial<PoolOptions> & { readonly limits?: { readonly calls?: number; readonly idleMs?: number } } = {},
) {
  const one = server();
  const clock = fakeClock();
  const pool = createPool({
    open: () => ({
      connect: one.connect,
      limits: { calls: 2, idleMs: 1_000, ...options.limits },
      events: { listChanged() {}, oddity() {} },
      setup: { capabilities: {}, prepare() {} },
    }),
    clock,
    random: () => 1,
    ...options,
  });
  return { pool, server: one, clock };
}

const name = async (connection: Connection): Promise<string> => connection.server?.name ?? '';
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const failing =
  (code = 'MCP_START_FAILED') =>
  () =>
    Promise.reject(new PrusikError(code, 'no'));

/** A use that lasts until it is told how it ends. */
function longUse(pool: ReturnType<typeof createPool>, of = key) {
  let end: { resolve(): void; reject(error: Error): void } | undefined;
  const use = pool.use(
    of,
    scope,
    (connection) =>
      new Promise<string>((resolve, reject) => {
        end = { resolve: () => void name(connection).then(resolve), reject };
      }),
  );
  use.catch(() => {});
  return {
    use,
    resolve: () => end?.resolve(),
    reject: (error: Error) => end?.reject(error),
    begun: () => end !== undefined,
  };
}

describe('MCP-1: a pool of connections', () => {
  it('starts a server when it is used first, once for all who wait, and uses it again', async () => {
    const { pool, server: files } = pooled();
    expect(files.started).toBe(0);

    expect(await Promise.all([pool.use(key, scope, name), pool.use(key, scope, name)])).toEqual(['#1', '#1']);
    expect(await pool.use(key, scope, name)).toBe('#1');
    expect(files.started).toBe(1);
  });

  it('has one for each server and instance', async () => {
    const { pool } = pooled();

    const used = ['', 'a', 'b', 'a'].map((instance) => pool.use({ server: 'files', instance }, scope, name));

    expect(await Promise.all(used)).toEqual(['#1', '#2', '#3', '#2']);
  });

  it('starts another one at the next use when one has died', async () => {
    const { pool, server: files } = pooled();
    await pool.use(key, scope, name);

    files.open[0]?.die();
    await settled();

    expect(files.started).toBe(1);
    expect(await pool.use(key, scope, name)).toBe('#2');
  });

  it('gives up a start that nobody waits for any more, and only then', async () => {
    const { pool, server: files } = pooled();
    const given: AbortSignal[] = [];
    files.starts.push((signal) => {
      given.push(signal);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    });
    const [first, second] = [new AbortController(), new AbortController()];
    const uses = [first, second].map(({ signal }) => pool.use(key, { signal }, name).catch((error: unknown) => error));
    await settled();

    first.abort('one');
    await settled();
    expect(given[0]?.aborted).toBe(false);
    second.abort('two');

    expect(await Promise.all(uses)).toEqual(['one', 'two']);
    expect(given[0]?.aborted).toBe(true);
    expect(await pool.use(key, scope, name)).toBe('#2');
  });
});

describe('MCP-2: a server that fails', () => {
  it('is tried again only after a while that doubles, and at once when it has worked', async () => {
    const { pool, server: files, clock } = pooled();
    files.starts.push(failing(), failing());

    await expect(pool.use(key, scope, name)).rejects.toMatchObject({ code: 'MCP_START_FAILED' });
    await expect(pool.use(key, scope, name)).rejects.toMatchObject({
      code: 'MCP_UNAVAILABLE',
      retryable: true,
      meta: { retryAfterMs: 250, lastError: 'MCP_START_FAILED' },
    });
    clock.advance(250);
    await expect(pool.use(key, scope, name)).rejects.toMatchObject({ code: 'MCP_START_FAILED' });
    await expect(pool.use(key, scope, name)).rejects.toMatchObject({ meta: { retryAfterMs: 500 } });
    expect(pool.states()).toMatchObject([{ status: 'stopped', lastError: 'MCP_START_FAILED', retryAfterMs: 500 }]);
    clock.advance(500);
    expect(await pool.use(key, scope, name)).toBe('#3');

    files.open[0]?.die();
    await settled();
    expect(await pool.use(key, scope, name)).toBe('#4');
  });

  it('is told to all who waited for its start, and counts once', async () => {
    const { pool, server: files } = pooled();
    files.starts.push(failing());

    const uses = await Promise.allSettled([pool.use(key, scope, name), pool.use(key, scope, name)]);

    expect(uses).toMatchObject([{ reason: { code: 'MCP_START_FAILED' } }, { reason: { code: 'MCP_START_FAILED' } }]);
    await expect(pool.use(key, scope, name)).rejects.toMatchObject({ meta: { retryAfterMs: 250 } });
  });

  it('waits too when it dies before it was of any use', async () => {
    const { pool, server: files } = pooled();
    const use = longUse(pool);
    await settled();

    files.open[0]?.die();
    await settled();
    use.reject(new PrusikError('MCP_CALL_LOST', 'lost'));

    await expect(use.use).rejects.toMatchObject({ code: 'MCP_CALL_LOST' });
    await expect(pool.use(key, scope, name)).rejects.toMatchObject({
      code: 'MCP_UNAVAILABLE',
      meta: { retryAfterMs: 250 },
    });
  });

  it('is not held back by somebody who has to sign in first', async () => {
    const { pool, server: files } = pooled();
    files.starts.push(failing('MCP_SIGN_IN_REQUIRED'));

    await expect(pool.use(key, scope, name)).rejects.toMatchObject({ code: 'MCP_SIGN_IN_REQUIRED' });

    expect(await pool.use(key, scope, name)).toBe('#2');
  });

  it('is left alone for a while after failures in a row, and then asked by one', async () => {
    const { pool, clock } = pooled();
    const lost = () => Promise.reject(new PrusikError('MCP_CALL_LOST', 'lost'));
    for (let failure = 0; failure < 5; failure++)
      await expect(pool.use(key, scope, lost)).rejects.toMatchObject({ code: 'MCP_CALL_LOST' });

    await expect(pool.use(key, scope, name)).rejects.toMatchObject({
      code: 'MCP_UNAVAILABLE',
      meta: { retryAfterMs: 30_000 },
    });
    clock.advance(30_000);

    expect(await pool.use(key, scope, name)).toMatch(/^#/);
    expect(await pool.use(key, scope, name)).toMatch(/^#/);
  });

  it('is not to blame for errors that it answered', async () => {
    const { pool } = pooled();
    const answered = () => Promise.reject(new PrusikError('MCP_SERVER_ERROR', 'no such file'));
    for (let time = 0; time < 6; time++)
      await expect(pool.use(key, scope, answered)).rejects.toMatchObject({ code: 'MCP_SERVER_ERROR' });

    expect(await pool.use(key, scope, name)).toBe('#1');
  });

  it('is not to blame for messages that were too large to be sent', async () => {
    const { pool } = pooled();
    const tooLarge = () => Promise.reject(new PrusikError('MCP_MESSAGE_TOO_LARGE', 'no', { meta: { sent: false } }));
    for (let time = 0; time < 6; time++)
      await expect(pool.use(key, scope, tooLarge)).rejects.toMatchObject({ code: 'MCP_MESSAGE_TOO_LARGE' });

    expect(await pool.use(key, scope, name)).toBe('#1');
  });

  it('is not to blame for calls that were given up', async () => {
    const { pool } = pooled();
    for (let time = 0; time < 6; time++) {
      const controller = new AbortController();
      const use = pool.use(key, { signal: controller.signal }, () => {
        controller.abort();
        return Promise.reject(new PrusikError('MCP_CALL_LOST', 'lost'));
      });
      await expect(use).rejects.toMatchObject({ code: 'MCP_CALL_LOST' });
    }

    expect(await pool.use(key, scope, name)).toBe('#1');
  });
});

describe('MCP-2: a request', () => {
  it('of which nothing was sent is made once more, on a new connection', async () => {
    const { pool } = pooled();
    const asked: string[] = [];

    const answer = await pool.use(key, scope, async (connection) => {
      asked.push(await name(connection));
      if (asked.length === 1) throw unavailable('files', 'not connected');
      return 'done';
    });

    expect([answer, asked]).toEqual(['done', ['#1', '#2']]);
  });

  it('of which nothing was sent twice is told so, and is not made a third time', async () => {
    const { pool } = pooled();
    let times = 0;

    const use = pool.use(key, scope, () => {
      times += 1;
      return Promise.reject(unavailable('files', 'not connected'));
    });

    await expect(use).rejects.toMatchObject({ code: 'MCP_UNAVAILABLE', meta: { sent: false } });
    expect(times).toBe(2);
  });

  it('that may have been sent is never made again', async () => {
    const { pool } = pooled();
    let times = 0;

    const use = pool.use(key, scope, () => {
      times += 1;
      return Promise.reject(new PrusikError('MCP_CALL_LOST', 'lost', { meta: { sent: true } }));
    });

    await expect(use).rejects.toMatchObject({ code: 'MCP_CALL_LOST' });
    expect(times).toBe(1);
  });

  it('that came to its deadline without a word of the server ends the connection, once others are done with it', async () => {
    const { pool, server: files, clock } = pooled();
    const [stuck, other] = [longUse(pool), longUse(pool)];
    await settled();
    clock.advance(10);

    stuck.reject(new PrusikError('MCP_CALL_TIMEOUT', 'too long'));
    await expect(stuck.use).rejects.toMatchObject({ code: 'MCP_CALL_TIMEOUT' });

    expect(await pool.use(key, scope, name)).toBe('#2');
    expect(files.stopped).toEqual([]);
    other.resolve();
    expect(await other.use).toBe('#1');
    await settled();
    expect(files.stopped).toEqual(['#1']);
  });

  it('that came to its deadline while the server did other things leaves the connection', async () => {
    const { pool, server: files } = pooled();
    const stuck = longUse(pool);
    await settled();
    files.heardAt = 5;

    stuck.reject(new PrusikError('MCP_CALL_TIMEOUT', 'too long'));
    await expect(stuck.use).rejects.toMatchObject({ code: 'MCP_CALL_TIMEOUT' });

    expect(await pool.use(key, scope, name)).toBe('#1');
  });
});

describe('I9: calls at once', () => {
  it('are as many as the limit; others wait in order, and hand their place on', async () => {
    const { pool } = pooled({ limits: { calls: 2 } });
    const uses = Array.from({ length: 4 }, () => longUse(pool));
    await settled();
    expect(uses.map((use) => use.begun())).toEqual([true, true, false, false]);
    expect(pool.states()).toMatchObject([{ status: 'ready', calls: 2, waiting: 2 }]);

    uses[1]?.resolve();
    await settled();

    expect(uses.map((use) => use.begun())).toEqual([true, true, true, false]);
    for (const use of uses) use.resolve();
    await settled();
    uses[3]?.resolve();
    expect(await Promise.all(uses.map(({ use }) => use))).toEqual(['#1', '#1', '#1', '#1']);
    expect(pool.states()).toEqual([{ ...key, status: 'ready', calls: 0, waiting: 0 }]);
  });

  it('wait no longer than their signal, and leave the queue', async () => {
    const { pool } = pooled({ limits: { calls: 1 } });
    const first = longUse(pool);
    await settled();
    const controller = new AbortController();
    const second = pool.use(key, { signal: controller.signal }, name).catch((error: unknown) => error);
    const third = pool.use(key, scope, name);
    await settled();

    controller.abort('enough');
    first.resolve();

    expect(await second).toBe('enough');
    expect(await third).toBe('#1');
  });

  it('are refused when too many wait', async () => {
    const { pool } = pooled({ limits: { calls: 1 } });
    const first = longUse(pool);
    await settled();
    const waiting = Array.from({ length: 256 }, () => pool.use(key, scope, name));

    await expect(pool.use(key, scope, name)).rejects.toMatchObject({
      code: 'MCP_UNAVAILABLE',
      meta: { retryAfterMs: 1_000 },
    });

    first.resolve();
    expect(await Promise.all(waiting)).toHaveLength(256);
  });
});

describe('I9: servers at once', () => {
  const of = (instance: string) => ({ server: 'files', instance });

  it('are as many as the bound: one that is idle makes room, the longest idle first', async () => {
    const { pool, server: files, clock } = pooled({ servers: 2 });
    for (const instance of ['a', 'b', 'a']) {
      await pool.use(of(instance), scope, name);
      clock.advance(1);
    }

    expect(await pool.use(of('c'), scope, name)).toBe('#3');

    expect(files.stopped).toEqual(['#2']);
  });

  it('are refused beyond it while all are in use', async () => {
    const { pool } = pooled({ servers: 1 });
    const use = longUse(pool, of('a'));
    await settled();

    await expect(pool.use(of('b'), scope, name)).rejects.toMatchObject({
      code: 'MCP_TOO_MANY_SERVERS',
      retryable: true,
    });

    use.resolve();
    await use.use;
    expect(pool.states()).toMatchObject([{ instance: 'a' }, { instance: 'b' }]);
  });

  it('are forgotten when they have stopped, however many there were', async () => {
    const { pool, clock } = pooled();
    for (let user = 0; user < 100; user++) await pool.use(of(String(user)), scope, name).catch(() => {});

    clock.advance(1_000);
    await settled();

    expect(pool.states()).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe('I8: a server that nobody uses', () => {
  it('is stopped after its time, counted from the last use', async () => {
    const { pool, server: files, clock } = pooled({ limits: { idleMs: 1_000 } });
    await pool.use(key, scope, name);
    clock.advance(900);
    await pool.use(key, scope, name);

    clock.advance(900);
    await settled();
    expect(files.stopped).toEqual([]);
    clock.advance(100);
    await settled();

    expect(files.stopped).toEqual(['#1']);
    expect(clock.pending).toBe(0);
  });

  it('is not stopped while a call is under way, however long', async () => {
    const { pool, server: files, clock } = pooled({ limits: { idleMs: 1_000 } });
    const use = longUse(pool);
    await settled();

    clock.advance(100_000);
    await settled();
    expect(files.stopped).toEqual([]);
    use.resolve();
    await use.use;
    clock.advance(1_000);
    await settled();

    expect(files.stopped).toEqual(['#1']);
  });
});

describe('I8: disposing the pool', () => {
  it.each([0, 1, 2, 3, 5, 8, 13])('leaves nothing of a use that began at most %i turns before it', async (turns) => {
    const { pool, server: one } = pooled();
    const used = pool.use(key, scope, name).catch((error: unknown) => error);
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();

    await pool[Symbol.asyncDispose]();

    await used;
    await settled();
    expect(one.open).toEqual([]);
  });

  it('ends all connections, the youngest first, tells who waits, refuses new uses and leaves no timer', async () => {
    const { pool, server: files, clock } = pooled({ limits: { calls: 1 } });
    for (const instance of ['a', 'b', 'c']) await pool.use({ server: 'files', instance }, scope, name);
    const under = longUse(pool, { server: 'files', instance: 'a' });
    await settled();
    const waiting = pool.use({ server: 'files', instance: 'a' }, scope, name);
    files.starts.push(
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    );
    const starting = pool.use({ server: 'files', instance: 'd' }, scope, name);
    const told = Promise.allSettled([waiting, starting]);
    await settled();

    await Promise.all([pool[Symbol.asyncDispose](), pool[Symbol.asyncDispose]()]);

    expect(files.stopped).toEqual(['#3', '#2', '#1']);
    // Before the use that they wait for is over.
    expect(await told).toMatchObject([{ reason: { code: 'MCP_CLOSED' } }, { reason: { code: 'MCP_CLOSED' } }]);
    under.reject(new Error('its connection was closed'));
    await expect(pool.use(key, scope, name)).rejects.toMatchObject({ code: 'MCP_CLOSED' });
    expect(clock.pending).toBe(0);
  });

  it('ends a connection that was made in spite of it', async () => {
    const { pool, server: files } = pooled();
    let ready = (): void => {};
    files.starts.push(
      () =>
        new Promise((resolve) => {
          ready = resolve;
        }),
    );
    const use = pool.use(key, scope, name).catch((error: unknown) => error);
    await settled();

    const disposal = pool[Symbol.asyncDispose]();
    ready();
    await disposal;

    expect(await use).toMatchObject({ code: 'MCP_CLOSED' });
    expect(files.stopped).toEqual(['#1']);
  });
});

it('MCP-2: the wait before a start doubles up to half a minute, and is at least half of that by chance', () => {
  expect([0, 1, 2, 3, 8, 1_000].map((failures) => backoffMs(failures, () => 1))).toEqual([
    0, 250, 500, 1_000, 30_000, 30_000,
  ]);
  expect([1, 2, 8].map((failures) => backoffMs(failures, () => 0))).toEqual([125, 250, 15_000]);
});
