import type { Client, JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import type { JsonObject } from '@prusik/core';
import { isObject } from './plain.ts';

/** One request under way. */
export interface Heard extends Disposable {
  /** For `_meta.progressToken`. */
  readonly token: string;
  /** The answer, as the server gave it. */
  result(): JsonObject | undefined;
}

/** Whoever has made a request. */
export interface WireListener {
  progress(params: JsonObject): void;
  /** An answer came after it was given up. */
  late(text: string): void;
  /** What the client is handed in place of a result. */
  readonly shown: JsonObject;
}

/** What passes between a client and its server, as far as calls and lists have to do with it. */
export interface Wire {
  /** Listens for the answer and the progress of a request that carries the token. */
  listen(listener: WireListener): Heard;
}

interface Request {
  readonly listener: WireListener;
  id: string | number | undefined;
  result: JsonObject | undefined;
}

/** Ids of calls that were given up, whose answers may still come. */
const MOST_GONE = 1_000;

const wires = new WeakMap<Client, Wire>();

/**
 * The wire of a client that is connected. Answers of calls and lists go past the client's own check of results: it refuses a whole result for one block or tool that it does not
 * know, and takes a copy of every byte. Progress goes past it as well: a flood costs a look at a map, and what comes with the answer is no error.
 */
export function wireOf(client: Client): Wire {
  const known = wires.get(client);
  if (known !== undefined) return known;
  const wire = tap(client.transport);
  wires.set(client, wire);
  return wire;
}

function tap(transport: Transport | undefined): Wire {
  const byToken = new Map<string, Request>();
  const byId = new Map<string | number, Request>();
  const gone = new Map<string | number, WireListener['late']>();
  let count = 0;

  if (transport !== undefined) {
    const { onmessage } = transport;
    const send = transport.send.bind(transport);
    transport.send = (message, options) => {
      const request = byToken.get(tokenOf(message) ?? '');
      if (request !== undefined && 'id' in message && message.id !== undefined) {
        request.id = message.id;
        byId.set(message.id, request);
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
      if (isObject(params)) byToken.get(String(params['progressToken']))?.listener.progress(params);
      return undefined;
    }
    const { id } = message;
    if (id === undefined) return message;
    const late = gone.get(id);
    if (late !== undefined) {
      gone.delete(id);
      late('An answer came to a call that was given up');
      return undefined;
    }
    const request = byId.get(id);
    const result: unknown = 'result' in message ? message.result : undefined;
    if (request === undefined || !isObject(result)) return message;
    request.result = result;
    return { ...message, result: shell(result, request.listener.shown) };
  }

  return {
    listen(listener) {
      count += 1;
      const token = `wire-${count}`;
      const request: Request = { listener, id: undefined, result: undefined };
      byToken.set(token, request);
      return {
        token,
        result: () => request.result,
        [Symbol.dispose]() {
          byToken.delete(token);
          const { id } = request;
          if (id === undefined || !byId.delete(id) || request.result !== undefined) return;
          gone.set(id, listener.late);
          const [oldest] = gone.keys();
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
function shell(result: JsonObject, shown: JsonObject): JsonObject {
  const { resultType } = result;
  if (resultType === 'input_required') return result;
  return { ...(resultType === undefined ? {} : { resultType }), ...shown };
}
