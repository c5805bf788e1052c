import { PrusikError, withoutSecrets, type Clock } from '@prusik/core';
import type { Connection } from './connection.ts';
import { unavailable } from './errors.ts';
import type { McpLimits } from './limits.ts';

/** Definitions as they came, before anything was read of them. */
export interface RawTools {
  readonly tools: readonly unknown[];
  /** For how long the server says that they stay as they are, in milliseconds. */
  readonly ttlMs?: number;
}

export interface ListToolsOptions {
  readonly server: string;
  readonly limits: Pick<McpLimits, 'pages' | 'startMs'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Of one server; whoever has more is not listed at all. */
const MOST_TOOLS = 10_000;
const MOST_CHARS = 16 * 1024 * 1024;
const MOST_CURSOR_CHARS = 8_192;

/**
 * All pages of a server's tools, within the time of a start for all of them.
 *
 * @throws {PrusikError} `MCP_LIST_TOO_LARGE`, `MCP_PROTOCOL_ERROR` (also for a cursor that comes twice), `MCP_UNAVAILABLE` (retryable: too slow, or gone).
 * @throws the reason of `signal`.
 */
export async function listTools(connection: Connection, options: ListToolsOptions): Promise<RawTools> {
  const { server, limits, clock, signal } = options;
  if (connection.capabilities.tools === undefined) return { tools: [] };
  const tools: unknown[] = [];
  const cursors = new Set<string>();
  const walk = new AbortController();
  const timer = clock.after(limits.startMs, () => walk.abort());
  const stop = AbortSignal.any([signal, walk.signal]);
  let chars = 0;
  let ttlMs: number | undefined;
  try {
    for (let cursor: string | undefined; ;) {
      const page = await request(cursor);
      tools.push(...page.tools);
      chars += JSON.stringify(page.tools).length;
      if (page.ttlMs !== undefined) ttlMs = Math.min(page.ttlMs, ttlMs ?? Infinity);
      if (tools.length > MOST_TOOLS) throw tooLarge(server, `${MOST_TOOLS} tools`);
      if (chars > MOST_CHARS) throw tooLarge(server, `${MOST_CHARS} characters`);
      cursor = page.nextCursor;
      if (cursor === undefined) return { tools, ...(ttlMs === undefined ? {} : { ttlMs }) };
      if (cursors.has(cursor)) throw protocol(server, 'a list that begins again with a cursor that it had before');
      cursors.add(cursor);
      if (cursors.size >= limits.pages) throw tooLarge(server, `${limits.pages} pages`);
    }
  } finally {
    timer[Symbol.dispose]();
  }

  async function request(cursor: string | undefined): Promise<Page> {
    const params = cursor === undefined ? {} : { cursor };
    try {
      // Our own signal has the deadline: the client's is for each page.
      const requestOptions = { signal: stop, timeout: 2 * limits.startMs };
      const result = await connection.client.request({ method: 'tools/list', params }, ANYTHING, requestOptions);
      return readPage(server, result);
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof PrusikError) throw cause;
      throw listFailed(server, walk.signal.aborted ? `no list of tools within ${limits.startMs} ms` : cause);
    }
  }
}

interface Page {
  readonly tools: readonly unknown[];
  readonly nextCursor?: string;
  readonly ttlMs?: number;
}

/** One wrong definition must not cost the others: each is read by itself. */
const ANYTHING = {
  '~standard': { version: 1, vendor: 'prusik', validate: (value: unknown): { value: unknown } => ({ value }) },
} as const;

function readPage(server: string, result: unknown): Page {
  const { tools, nextCursor, ttlMs } = (typeof result === 'object' && result !== null ? result : {}) as {
    readonly [Name in 'tools' | 'nextCursor' | 'ttlMs']?: unknown;
  };
  if (!Array.isArray(tools)) throw protocol(server, 'a list of tools that is none');
  // Some servers end with an empty cursor.
  const more = nextCursor === undefined || nextCursor === null || nextCursor === '' ? undefined : nextCursor;
  if (more !== undefined && (typeof more !== 'string' || more.length > MOST_CURSOR_CHARS))
    throw protocol(server, 'a list of tools with a cursor that is none');
  return {
    tools,
    ...(more === undefined ? {} : { nextCursor: more }),
    ...(typeof ttlMs === 'number' && ttlMs >= 0 ? { ttlMs } : {}),
  };
}

function tooLarge(server: string, bound: string): PrusikError {
  const message = `The MCP server ${server} lists more than ${bound}, so none of its tools is offered`;
  return new PrusikError('MCP_LIST_TOO_LARGE', message, { meta: { server } });
}

function protocol(server: string, what: string): PrusikError {
  return new PrusikError('MCP_PROTOCOL_ERROR', `The MCP server ${server} gave ${what}`, { meta: { server } });
}

function listFailed(server: string, why: unknown): PrusikError {
  const said =
    typeof why === 'string' ? why : withoutSecrets(String((why as Error | undefined)?.message).slice(0, 500));
  return unavailable(server, `its tools cannot be listed: ${said}`, {
    meta: { sent: true },
    ...(typeof why === 'string' ? {} : { cause: why }),
  });
}
