import { systemClock, type Clock, type JsonObject } from '@prusik/core';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../src/limits.ts';
import type { RawList } from '../src/list-pages.ts';
import { listTools } from '../src/list-tools.ts';
import { scriptedServer, type Answer } from './scripted-server.ts';

interface Listing {
  readonly pages?: number;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

async function list(answer: Answer, listing: Listing = {}): Promise<RawList & { readonly requests: number }> {
  const { pages = DEFAULT_LIMITS.pages, clock = systemClock, signal = new AbortController().signal } = listing;
  await using server = await scriptedServer({ 'tools/list': answer });
  const limits = { ...DEFAULT_LIMITS, pages };
  const listed = await listTools(server.connection, { server: 'fs', limits, clock, signal });
  return { ...listed, requests: server.asked.length };
}

const page = (cursor: unknown): number => (typeof cursor === 'string' ? Number(cursor) : 0);
const tools = (count: number, from = 0): JsonObject[] =>
  Array.from({ length: count }, (_, n) => ({ name: `t${from + n}`, inputSchema: { type: 'object' } }));

describe('MCP-3: the tools of a server', () => {
  it('MCP-3: are those of all pages, in their order, with what is wrong among them', async () => {
    const listed = await list(({ cursor }) => {
      const at = page(cursor);
      return {
        tools: at === 1 ? [null, { name: 1 }] : tools(1, at),
        ttlMs: 1_000 - at,
        ...(at < 2 ? { nextCursor: `${at + 1}` } : {}),
      };
    });

    expect(listed).toEqual({ items: [...tools(1), null, { name: 1 }, ...tools(1, 2)], ttlMs: 998, requests: 3 });
  });

  it('MCP-3: end with a cursor that is empty', async () => {
    expect((await list(() => ({ tools: tools(1), nextCursor: '' }))).requests).toBe(1);
  });

  it.each<[string, Answer, string]>([
    ['pages without end', ({ cursor }) => ({ tools: [], nextCursor: `${page(cursor) + 1}` }), 'MCP_LIST_TOO_LARGE'],
    ['the same page for ever', () => ({ tools: [], nextCursor: 'x' }), 'MCP_PROTOCOL_ERROR'],
    [
      'pages in a circle',
      ({ cursor }) => ({ tools: [], nextCursor: `${(page(cursor) + 1) % 3}x` }),
      'MCP_PROTOCOL_ERROR',
    ],
    [
      'too many tools',
      ({ cursor }) => ({ tools: tools(5_001), nextCursor: `${page(cursor) + 1}` }),
      'MCP_LIST_TOO_LARGE',
    ],
    [
      'tools that are too large',
      ({ cursor }) => ({ tools: [{ name: 'x'.repeat(5_000_000) }], nextCursor: `${page(cursor) + 1}` }),
      'MCP_LIST_TOO_LARGE',
    ],
    ['no list', () => ({ tools: 'x' }), 'MCP_PROTOCOL_ERROR'],
    ['a cursor that is none', () => ({ tools: [], nextCursor: 1 }), 'MCP_PROTOCOL_ERROR'],
    ['a cursor without end', () => ({ tools: [], nextCursor: 'x'.repeat(10_000) }), 'MCP_PROTOCOL_ERROR'],
  ])('MCP-3: %s are refused with a code', async (_, answer, code) => {
    await expect(list(answer)).rejects.toMatchObject({ code, meta: { server: 'fs' } });
  });

  it('MCP-3: may take as many pages as are allowed, and no more', async () => {
    const upTo =
      (last: number): Answer =>
      ({ cursor }) => {
        const at = page(cursor);
        return { tools: tools(1, at), ...(at < last ? { nextCursor: `${at + 1}` } : {}) };
      };

    expect((await list(upTo(2), { pages: 3 })).items).toHaveLength(3);
    await expect(list(upTo(3), { pages: 3 })).rejects.toMatchObject({ code: 'MCP_LIST_TOO_LARGE' });
  });

  it('I9: are waited for no longer than a start may take, over all pages', async () => {
    const clock = fakeClock();
    const listed = list(
      ({ cursor }) => {
        queueMicrotask(() => clock.advance(DEFAULT_LIMITS.startMs / 2));
        return page(cursor) === 2 ? undefined : { tools: [], nextCursor: `${page(cursor) + 1}` };
      },
      { clock },
    );

    await expect(listed).rejects.toMatchObject({ code: 'MCP_UNAVAILABLE', retryable: true });
  });

  it('MCP-3: are given up with the reason of whoever asked', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const listed = list(
      () => {
        controller.abort(reason);
        return undefined;
      },
      { signal: controller.signal },
    );

    await expect(listed).rejects.toBe(reason);
  });

  it('MCP-3: of a server that is gone are none, and may be asked for again', async () => {
    await using server = await scriptedServer({ 'tools/list': () => ({ tools: [] }) });
    await server.connection.close();
    const options = { server: 'fs', limits: DEFAULT_LIMITS, clock: systemClock, signal: new AbortController().signal };

    await expect(listTools(server.connection, options)).rejects.toMatchObject({
      code: 'MCP_UNAVAILABLE',
      retryable: true,
    });
  });
});
