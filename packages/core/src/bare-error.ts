import { isErrorCode } from './error-code.ts';
import { isPrusikError } from './errors.ts';
import { withoutSecrets } from './secrets.ts';

const MESSAGE_CHARS = 2_000;
const FRAMES_CHARS = 8_000;
const DEPTH = 5;
const QUERY = /(\b[a-z][a-z0-9+.-]{0,31}:\/\/[^\s?#"'<>]{0,2048})[?#][^\s"'<>]*/gi;

/** The text without what stands behind the path of an address. */
export const withoutQueries = (text: string): string => text.replace(QUERY, '$1');

/**
 * Somebody else's error as a cause that may be looked at: its name, its message without secrets and queries of addresses, its stack, a status and a code, and its own causes so.
 * Clients of HTTP hang whole requests and answers on theirs, with headers and bodies, and whoever prints an error prints those. An error of ours is itself.
 */
export function bareError(thrown: unknown, redact: (text: string) => string = withoutSecrets): Error {
  return bareOf(thrown, (text) => redact(withoutQueries(text.slice(0, MESSAGE_CHARS))), DEPTH);
}

function bareOf(thrown: unknown, safe: (text: string) => string, depth: number): Error {
  if (isPrusikError(thrown)) return thrown;
  try {
    if (!(thrown instanceof Error))
      return new Error(typeof thrown === 'object' ? 'An object was thrown' : safe(String(thrown)));
    const { name, message, stack = '', cause } = thrown;
    const inner = cause instanceof Error && depth > 1 ? { cause: bareOf(cause, safe, depth - 1) } : undefined;
    const bare = new Error(safe(message), inner);
    const called = /^\w{1,64}$/.test(name) ? name : 'Error';
    const frames = stack.indexOf('\n    at ');
    // The first lines of a stack are the message.
    const where = frames === -1 ? '' : stack.slice(frames, frames + FRAMES_CHARS);
    Object.defineProperties(bare, {
      name: { value: called, configurable: true, writable: true },
      stack: { value: `${called}: ${bare.message}${where}`, configurable: true, writable: true },
    });
    return Object.assign(bare, factsOf(thrown));
  } catch {
    return new Error('A value that cannot be printed was thrown');
  }
}

/** Numbers, and words of a program. */
function factsOf(error: object): Readonly<Record<string, number | string>> {
  const { statusCode, status, code } = error as Readonly<Record<string, unknown>>;
  return {
    ...(typeof statusCode === 'number' ? { statusCode } : {}),
    ...(typeof status === 'number' ? { status } : {}),
    ...(typeof code === 'number' || isErrorCode(code) ? { code } : {}),
  };
}
