import { PrusikError, type Clock } from '@prusik/core';
import { told } from './call-failure.ts';
import type { Connection } from './connection.ts';
import { endOfSent } from './connection-end.ts';
import { unavailable } from './errors.ts';
import type { McpLimits } from './limits.ts';
import { isNoResult } from './no-result.ts';
import { wireOf } from './wire.ts';

/** A list as it came, before anything was read of it. */
export interface RawList {
  readonly items: readonly unknown[];
  /** For how long the server says that they stay as they are, in milliseconds. */
  readonly ttlMs?: number;
}

/** What is listed: the method, and the member of its result. */
export interface ListedKind {
  readonly method: 'tools/list' | 'resources/list' | 'resources/templates/list' | 'prompts/list';
  readonly member: 'tools' | 'resources' | 'resourceTemplates' | 'prompts';
}

export interface ListOptions {
  readonly server: string;
  readonly limits: Pick<McpLimits, 'pages' | 'startMs'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Of one server; whoever has more is not listed at all. */
const MOST_ITEMS = 10_000;
const MOST_CHARS = 16 * 1024 * 1024;
const MOST_CURSOR_CHARS = 8_192;
/** What the newer revision wants of every list. */
const SHOWN = { ttlMs: 0, cacheScope: 'private' };

/** What comes is read piece by piece: one wrong piece must not cost the others. */
export const ANYTHING = {
  '~standard': { version: 1, vendor: 'prusik', validate: (value: unknown): { value: unknown } => ({ value }) },
} as const;

/**
 * All pages of a list, within the time of a start for all of them.
 *
 * @throws {PrusikError} `MCP_LIST_TOO_LARGE`, `MCP_PROTOCOL_ERROR` (also for a cursor that comes twice), `MCP_UNAVAILABLE` (retryable: too slow, or gone).
 * @throws the reason of `signal`.
 */
export async function listPages(connection: Connection, kind: ListedKind, options: ListOptions): Promise<RawList> {
  const { server, limits, clock, signal } = options;
  const { method, member } = kind;
  const items: unknown[] = [];
  const cursors = new Set<string>();
  const walk = new AbortController();
  const timer = clock.after(limits.startMs, () => walk.abort());
  const stop = AbortSignal.any([signal, walk.signal]);
  let chars = 0;
  let ttlMs: number | undefined;
  try {
    for (let cursor: string | undefined; ;) {
      const page = await request(cursor);
      for (const item of page.items) {
        const json = jsonOf(item);
        chars += json?.length ?? 0;
        items.push(json === undefined ? null : item);
      }
      if (page.ttlMs !== undefined) ttlMs = Math.min(page.ttlMs, ttlMs ?? Infinity);
      if (items.length > MOST_ITEMS) throw tooLarge(server, method, `${MOST_ITEMS} of them`);
      if (chars > MOST_CHARS) throw tooLarge(server, method, `${MOST_CHARS} characters`);
      cursor = page.nextCursor;
      if (cursor === undefined) return { items, ...(ttlMs === undefined ? {} : { ttlMs }) };
      if (cursors.has(cursor)) throw wrongList(server, method, 'a cursor that it had before');
      cursors.add(cursor);
      if (cursors.size >= limits.pages) throw tooLarge(server, method, `${limits.pages} pages`);
    }
  } finally {
    timer[Symbol.dispose]();
  }

  async function request(cursor: string | undefined): Promise<Page> {
    // The client would refuse a whole list for one wrong piece.
    const heard = wireOf(connection.client).listen({ progress() {}, late() {}, shown: { ...SHOWN, [member]: [] } });
    const params = { ...(cursor === undefined ? {} : { cursor }), _meta: { progressToken: heard.token } };
    try {
      // Our own signal has the deadline: the client's is for each page.
      const requestOptions = { signal: stop, timeout: 2 * limits.startMs };
      const shown = await connection.client.request({ method, params }, ANYTHING, requestOptions);
      return readPage(server, kind, heard.result() ?? shown);
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof PrusikError) throw cause;
      if (isNoResult(cause)) throw wrongList(server, method, told(cause));
      const ended = await endOfSent(connection, cause, clock);
      if (ended !== undefined) throw ended;
      const late = walk.signal.aborted;
      const why = late
        ? `not all of ${member} within ${limits.startMs} ms`
        : `its ${member} cannot be listed: ${told(cause)}`;
      throw unavailable(server, why, { meta: { sent: true }, ...(late ? {} : { cause }) });
    } finally {
      heard[Symbol.dispose]();
    }
  }
}

interface Page {
  readonly items: readonly unknown[];
  readonly nextCursor?: string;
  readonly ttlMs?: number;
}

function readPage(server: string, { method, member }: ListedKind, result: unknown): Page {
  const page = (typeof result === 'object' && result !== null ? result : {}) as Readonly<Record<string, unknown>>;
  const { nextCursor, ttlMs } = page;
  const items = page[member];
  if (!Array.isArray(items)) throw wrongList(server, method, `no ${member}`);
  // Some servers end with an empty cursor.
  const more = nextCursor === undefined || nextCursor === null || nextCursor === '' ? undefined : nextCursor;
  if (more !== undefined && (typeof more !== 'string' || more.length > MOST_CURSOR_CHARS))
    throw wrongList(server, method, 'a cursor that is none');
  return {
    items,
    ...(more === undefined ? {} : { nextCursor: more }),
    ...(typeof ttlMs === 'number' && ttlMs >= 0 ? { ttlMs } : {}),
  };
}

/** `undefined` for what is nested too deeply to be written: whoever reads it would fail as well. */
function jsonOf(item: unknown): string | undefined {
  try {
    return JSON.stringify(item);
  } catch {
    return undefined;
  }
}

const tooLarge = (server: string, method: string, bound: string): PrusikError =>
  new PrusikError(
    'MCP_LIST_TOO_LARGE',
    `The MCP server ${server} gave more than ${bound} to ${method}, so nothing of it is taken`,
    {
      meta: { server },
    },
  );

const wrongList = (server: string, method: string, what: string): PrusikError =>
  new PrusikError('MCP_PROTOCOL_ERROR', `The MCP server ${server} gave a list to ${method} with ${what}`, {
    meta: { server },
  });
