import type { Client } from '@modelcontextprotocol/client';
import { disposable, hashJson, type CallAnswer, type CallNeed, type Clock, type JsonObject } from '@prusik/core';
import type { ClientSetup } from './connection.ts';
import { readAsk, type AskOptions, type ServerAsk } from './needs.ts';
import type { OpenAsk } from './open-call.ts';

/** What a server asks while one of its calls is open, as revisions before 2026-07-28 do. */
export interface Asked {
  readonly need: CallNeed;
  /** Of what was asked: the same question again has the same. */
  readonly hash: string;
  /** What the server is told of an answer; `undefined`: that it is refused. */
  result(answer: CallAnswer): JsonObject | undefined;
}

/** A call that a server may ask for something. */
export interface Caller {
  /** Whose call it is. */
  readonly asker: string | undefined;
  /** Answers from before, by hash. */
  readonly known: ReadonlyMap<string, CallAnswer>;
  /** False where nothing more may be asked. */
  ask(ask: OpenAsk<Asked>): boolean;
}

/** What a server may ask, and whom. */
export interface ServerAsks {
  readonly setup: ClientSetup;
  /** What is on offer over one connection. */
  offer(client: Client): AskOptions;
  /** The call may be asked until it is disposed. */
  listen(client: Client, caller: Caller): Disposable;
}

const UNAVAILABLE: CallAnswer = { status: 'unavailable' };

export interface ServerAsksOptions extends Omit<AskOptions, 'directory'> {
  /** Of a server elsewhere there is none: it has no use for a path of this machine. */
  readonly roots: boolean;
  readonly oddity: (text: string) => void;
  readonly clock: Clock;
  /** How long it may take until it is sure whose question it is, in milliseconds. */
  readonly doubtMs: number;
}

export function createServerAsks(options: ServerAsksOptions): ServerAsks {
  const callers = new WeakMap<Client, Set<Caller>>();
  const directories = new WeakMap<Client, string>();
  const ends = new Set<() => void>();
  const { oddity, sampling, roots, clock, doubtMs } = options;
  const offer = (client: Client): AskOptions => ({ ...options, directory: directories.get(client) });

  async function answer(client: Client, ask: ServerAsk): Promise<JsonObject> {
    const read = readAsk(ask, offer(client));
    if (!('need' in read)) {
      if (read.oddity !== undefined) oddity(read.oddity);
      return orRefused(read.result);
    }
    const caller = await callerOf(client);
    if (caller === undefined) return orRefused(read.result(UNAVAILABLE));
    const hash = hashJson([ask.method, ask.params]);
    const known = caller.known.get(hash);
    if (known !== undefined) return orRefused(read.result(known));
    return new Promise((resolve, reject) => {
      const asked = { ...read, hash };
      const settle = (result: JsonObject | undefined): void =>
        result === undefined ? reject(refusal()) : resolve(result);
      if (!caller.ask({ asked, answer: settle })) settle(read.result(UNAVAILABLE));
    });
  }

  /**
   * A request of a server does not say for which call it is. It is for one that was open when it came, and that waits for the answer: where the others end, those
   * that are left say whose it is. Where they do not, nobody is asked: the answer of one person would reach the call of another.
   */
  async function callerOf(client: Client): Promise<Caller | undefined> {
    const open = callers.get(client) ?? new Set();
    const suspects = [...open];
    if (suspects.length === 0) {
      oddity('The server asked something outside of any call');
      return undefined;
    }
    const until = clock.monotonic() + doubtMs;
    for (;;) {
      const left = suspects.filter((one) => open.has(one));
      const last = left.at(-1);
      if (left.every(({ asker }) => asker === last?.asker)) return last;
      if (clock.monotonic() >= until) {
        oddity('The server asked something while it executed calls of several runs, so nobody was asked');
        return undefined;
      }
      await nextEnd(until - clock.monotonic());
    }
  }

  async function nextEnd(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    ends.add(resolve);
    const timer = clock.after(ms, resolve);
    await promise;
    ends.delete(resolve);
    timer[Symbol.dispose]();
  }

  return {
    offer,
    setup: {
      capabilities: {
        elicitation: { form: { applyDefaults: true }, url: {} },
        ...(sampling === undefined ? {} : { sampling: {} }),
        ...(roots ? { roots: {} } : {}),
      },
      prepare(client, directory) {
        if (directory !== undefined) directories.set(client, directory);
        const serve =
          (method: string) =>
          async ({ params }: { readonly params?: unknown }): Promise<never> =>
            // What it returns is checked by the client itself before it is sent.
            (await answer(client, { method, params: (params ?? {}) as JsonObject })) as never;
        client.setRequestHandler('elicitation/create', serve('elicitation/create'));
        if (sampling !== undefined) client.setRequestHandler('sampling/createMessage', serve('sampling/createMessage'));
        if (roots) client.setRequestHandler('roots/list', serve('roots/list'));
      },
    },
    listen(client, caller) {
      const open = callers.get(client) ?? new Set();
      callers.set(client, open.add(caller));
      return disposable(() => {
        open.delete(caller);
        for (const end of ends) end();
      });
    },
  };
}

function orRefused(result: JsonObject | undefined): JsonObject {
  if (result === undefined) throw refusal();
  return result;
}

/** The client sends the code of whatever is thrown; the protocol has -1 for a person's no. */
const refusal = (): Error => Object.assign(new Error('This is refused'), { code: -1 });
