import type { JSONRPCMessage } from '@modelcontextprotocol/client';

type Id = string | number;

/** What a message is, as far as a transport has to know. */
export type RpcMessage =
  | { readonly kind: 'request'; readonly id: Id; readonly method: string; readonly message: JSONRPCMessage }
  | { readonly kind: 'notification'; readonly method: string; readonly message: JSONRPCMessage }
  /** Of an error without an id: the server could not read what it was sent. */
  | { readonly kind: 'answer'; readonly id: Id | null; readonly message: JSONRPCMessage };

/** A line of JSON-RPC 2.0, or undefined for what is none. What stands in it is left to whoever knows its method. */
export function readMessage(line: string): RpcMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isObject(value) || value['jsonrpc'] !== '2.0') return undefined;
  const { id, method, params, result, error } = value;
  // Its shape was looked at as far as the client's own check of a message goes.
  const message = value as unknown as JSONRPCMessage;
  if (typeof method === 'string') {
    if (params !== undefined && !isObject(params)) return undefined;
    if (id === undefined) return { kind: 'notification', method, message };
    return isId(id) ? { kind: 'request', id, method, message } : undefined;
  }
  if (isObject(result)) return isId(id) && error === undefined ? { kind: 'answer', id, message } : undefined;
  if (!isObject(error) || !Number.isSafeInteger(error['code']) || typeof error['message'] !== 'string')
    return undefined;
  if (id === undefined || id === null) return { kind: 'answer', id: null, message };
  return isId(id) ? { kind: 'answer', id, message } : undefined;
}

const isId = (value: unknown): value is Id => typeof value === 'string' || Number.isSafeInteger(value);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
