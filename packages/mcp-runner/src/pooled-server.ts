import { PrusikError, type Clock, type Logger } from '@prusik/core';
import { backoffMs } from './backoff.ts';
import type { Connect, Connection, ConnectOptions } from './connection.ts';
import { codeOf, unavailable } from './errors.ts';
import type { McpLimits } from './limits.ts';
import type { Occupant, ServerRoom } from './server-room.ts';
import { abortable } from './wait.ts';

/** How a server is reached, and for how long it is kept. */
export interface PooledServerOptions extends Omit<ConnectOptions, 'signal'> {
  readonly name: string;
  readonly connect: Connect;
  readonly limits: Pick<McpLimits, 'idleMs'>;
  readonly clock: Clock;
  readonly log?: Logger | undefined;
  /** From 0 to 1, for the jitter. */
  readonly random: () => number;
  readonly room: ServerRoom;
  /** Called when there is no process or connection of it left. */
  readonly gone: () => void;
}

/** One server: started when it is needed, shared by all, replaced when it is dead, stopped when nobody needs it. */
export interface PooledServer {
  readonly status: 'stopped' | 'starting' | 'ready';
  /** Code of why it was last not there, until it is of use again. */
  readonly lastError: string | undefined;
  /** How long it is not started again. */
  waitMs(): number;
  /**
   * Its connection, kept until it is given back.
   *
   * @throws {PrusikError} `MCP_UNAVAILABLE` while it is not to be started again; `MCP_CLOSED`; what connecting throws.
   * @throws the reason of `signal`, unwrapped.
   */
  borrow(signal: AbortSignal): Promise<Borrowed>;
}

/** A connection in use. */
export interface Borrowed {
  readonly connection: Connection;
  /** It was of use: a server that dies after that is started again at once. */
  prove(): void;
  /** Nobody else shall have it: it ends when all have given it back. */
  retire(): void;
  giveBack(): void;
}

/** One start, and the connection that it came to. */
interface Instance extends Occupant {
  readonly ready: Promise<Connection>;
  readonly given: AbortSignal;
  connection?: Connection;
  /** Whoever waits for it or uses it. */
  users: number;
  usedAt: number;
  proved: boolean;
  retired: boolean;
  giveBack(): void;
}

export function createPooledServer(options: PooledServerOptions): PooledServer {
  const { name, connect, events, setup, limits, clock, log, random, room, gone } = options;
  let current: Instance | undefined;
  let failures = 0;
  let notBefore = 0;
  let lastError: string | undefined;

  function failed(code: string): void {
    failures += 1;
    notBefore = clock.monotonic() + backoffMs(failures, random);
    lastError = code;
    const waits = { event: 'mcp-backoff', server: name, code, failures, ms: waitMs() };
    log?.warn(waits, 'An MCP server failed, and is started again after a while');
  }

  const waitMs = (): number => Math.max(0, Math.ceil(notBefore - clock.monotonic()));

  function begin(): Instance {
    const wait = waitMs();
    if (wait > 0)
      throw unavailable(name, 'it failed, and is started again after a while', {
        retryAfterMs: wait,
        meta: { lastError: lastError ?? null },
      });
    const over = new AbortController();
    let idle: Disposable | undefined;
    let stopping: Promise<void> | undefined;

    const run = async (): Promise<Connection> => {
      const begun = clock.monotonic();
      try {
        await room.enter(instance);
        over.signal.throwIfAborted();
        const connection = await connect({ signal: over.signal, events, setup });
        if (over.signal.aborted) {
          await connection.close();
          over.signal.throwIfAborted();
        }
        instance.connection = connection;
        log?.info({ event: 'mcp-start', server: name, ms: clock.monotonic() - begun }, 'An MCP server is ready');
        void connection.ended.then(died);
        return connection;
      } catch (error) {
        const code = codeOf(error);
        // Who has to sign in first is not kept from it.
        if (!over.signal.aborted && !code.startsWith('MCP_SIGN_IN_')) failed(code);
        leave();
        throw error;
      }
    };
    const leave = (): void => {
      if (current === instance) current = undefined;
      room.leave(instance);
      gone();
    };
    const died = (error: PrusikError): void => {
      if (stopping !== undefined) return;
      const { exitCode } = error.meta;
      log?.warn(
        { event: 'mcp-died', server: name, code: error.code, ...(typeof exitCode === 'number' ? { exitCode } : {}) },
        'An MCP server has ended by itself',
      );
      // One that dies before it was of any use would be started again with each call.
      if (instance.proved) lastError = error.code;
      else failed(error.code);
      void instance.stop();
    };
    const stop = async (): Promise<void> => {
      if (current === instance) current = undefined;
      idle?.[Symbol.dispose]();
      over.abort(new PrusikError('MCP_CLOSED', `The MCP server ${JSON.stringify(name)} was stopped`));
      if (instance.connection === undefined) {
        await instance.ready.catch(() => {});
        return;
      }
      await instance.connection.close();
      log?.info({ event: 'mcp-stop', server: name }, 'An MCP server was stopped');
      leave();
    };
    const stopWhenIdle = (ms: number): void => {
      idle = clock.after(ms, () => {
        idle = undefined;
        const since = instance.idleSince();
        if (since === undefined || stopping !== undefined) return;
        const left = since + limits.idleMs - clock.monotonic();
        if (left > 0) stopWhenIdle(left);
        else void instance.stop();
      });
    };
    const instance: Instance = {
      // In its own turn: it has to be there before it can fail.
      ready: Promise.resolve().then(run),
      given: over.signal,
      users: 0,
      usedAt: 0,
      proved: false,
      retired: false,
      idleSince: () => (instance.users === 0 && stopping === undefined ? instance.usedAt : undefined),
      stop() {
        stopping ??= stop();
        return stopping;
      },
      giveBack() {
        instance.users -= 1;
        instance.usedAt = clock.monotonic();
        if (instance.users > 0 || stopping !== undefined) return;
        // A start that nobody waits for any more is given up.
        if (instance.retired || instance.connection === undefined) void instance.stop();
        else if (idle === undefined) stopWhenIdle(limits.idleMs);
      },
    };
    instance.ready.catch(() => {});
    return instance;
  }

  return {
    get status() {
      if (current === undefined) return 'stopped';
      return current.connection === undefined ? 'starting' : 'ready';
    },
    get lastError() {
      return lastError;
    },
    waitMs,
    async borrow(signal) {
      const instance = (current ??= begin());
      instance.users += 1;
      try {
        const connection =
          instance.connection ?? (await abortable(instance.ready, AbortSignal.any([signal, instance.given])));
        return {
          connection,
          prove() {
            instance.proved = true;
            failures = 0;
            lastError = undefined;
          },
          retire() {
            instance.retired = true;
            if (current === instance) current = undefined;
          },
          giveBack: instance.giveBack,
        };
      } catch (error) {
        instance.giveBack();
        throw error;
      }
    },
  };
}
