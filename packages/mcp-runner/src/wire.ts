import type { Client, JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import type { JsonObject } from '@prusik/core';
import { isObject } from './plain.ts';

/** One request `tools/call` under way. */
export interface Heard extends Disposable {
  /** For `_meta.progressToken`. */
  readonly token: string;
  /** The answer, as the server gave it; the client was handed an empty one in its place. */
  result(): JsonObject | undefined;
}

/** What passes between a client and its server, as far as calls have to do with it. */
export interface Wire {
  /** Listens for the answer and the progress of a request that carries the token. */
  listen(progress: (params: JsonObject) => void): Heard;
}

interface Listener {
  readonly progress: (params: JsonObject) => void;
  id: string | number | undefined;
  result: JsonObject | undefined;
}

/** Ids of calls that were given up, whose answers may still come. */
const MOST_GONE = 1_000;

const wires = new WeakMap<Client, Wire>();

/**
 * The wire of a client that is connected. Answers of calls go past the client's own check of results: it refuses a whole result for one block that it does not
 * know, and takes a copy of every byte. Progress goes past it as well: a flood costs a look at a map, and what comes with the answer is no error.
 */
export function wireOf(client: Client, late: (text: string) => void): Wire {
  const known = wires.get(client);
  if (known !== undefined) return known;
  const wire = tap(client.transport, late);
  wires.set(client, wire);
  return wire;
}

function tap(transport: Transport | undefined, late: (text: string) => void): Wire {
  const byToken = new Map<string, Listener>();
  const byId = new Map<string | number, Listener>();
  const gone = new Set<string | number>();
  let count = 0;

  if (transport !== undefined) {
    const { onmessage } = transport;
    const send = transport.send.bind(transport);
    transport.send = (message, options) => {
      const listener = byToken.get(tokenOf(message) ?? '');
      if (listener !== undefined && 'id' in message && message.id !== undefined) {
        listener.id = message.id;
        byId.set(message.id, listener);
      }
      return send(message, options);
    };
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport has no listeners
    transport.onmessage = (message, extra) => {
      const passed = heard(message);
      if (passed !== undefined) onmessage?.(passed, extra);
    };
  }

  function heard<T extends JSONRPCMessage>(message: T): T | undefined {
    if ('method' in message) {
      if (message.method !== 'notifications/progress') return message;
      const params: unknown = message.params;
      if (isObject(params)) byToken.get(String(params['progressToken']))?.progress(params);
      return undefined;
    }
    const { id } = message;
    if (id === undefined) return message;
    if (gone.delete(id)) {
      late('An answer came to a call that was given up');
      return undefined;
    }
    const listener = byId.get(id);
    const result: unknown = 'result' in message ? message.result : undefined;
    if (listener === undefined || !isObject(result)) return message;
    listener.result = result;
    return { ...message, result: shell(result) };
  }

  return {
    listen(progress) {
      count += 1;
      const token = `call-${count}`;
      const listener: Listener = { progress, id: undefined, result: undefined };
      byToken.set(token, listener);
      return {
        token,
        result: () => listener.result,
        [Symbol.dispose]() {
          byToken.delete(token);
          const { id } = listener;
          if (id === undefined || !byId.delete(id) || listener.result !== undefined) return;
          gone.add(id);
          const [oldest] = gone;
          if (gone.size > MOST_GONE && oldest !== undefined) gone.delete(oldest);
        },
      };
    },
  };
}

function tokenOf(message: JSONRPCMessage): string | undefined {
  const params: unknown = 'params' in message ? message.params : undefined;
  const meta = isObject(params) ? params['_meta'] : undefined;
  const token = isObject(meta) ? meta['progressToken'] : undefined;
  return typeof token === 'string' ? token : undefined;
}

/** What the client needs to know that the call is over, or is not. */
function shell(result: JsonObject): JsonObject {
  const { resultType } = result;
  if (resultType === 'input_required') return result;
  return { ...(resultType === undefined ? {} : { resultType }), content: [] };
}
