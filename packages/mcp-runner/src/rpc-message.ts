import type { JSONRPCMessage } from '@modelcontextprotocol/client';
import { NO_RESULT } from './no-result.ts';
import { isObject } from './plain.ts';

type Id = string | number;

/** What a message is, as far as a transport has to know. */
export type RpcMessage =
  | { readonly kind: 'request'; readonly id: Id; readonly method: string; readonly message: JSONRPCMessage }
  | { readonly kind: 'notification'; readonly method: string; readonly message: JSONRPCMessage }
  /** Of an error without an id: the server could not read what it was sent. */
  | { readonly kind: 'answer'; readonly id: Id | null; readonly message: JSONRPCMessage };

/** A line of JSON-RPC 2.0, or undefined for what is none. What stands in it is left to whoever knows its method; an answer that is none is an error. */
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
  const isResult = isObject(result) && error === undefined;
  const isError = isObject(error) && Number.isSafeInteger(error['code']) && typeof error['message'] === 'string';
  // Whoever asked is told at once that there will be no other.
  if (isId(id))
    return {
      kind: 'answer',
      id,
      message: isResult || (isError && result === undefined) ? message : { jsonrpc: '2.0', id, error: NO_RESULT },
    };
  return isError && (id === undefined || id === null) ? { kind: 'answer', id: null, message } : undefined;
}

const isId = (value: unknown): value is Id => typeof value === 'string' || Number.isSafeInteger(value);
