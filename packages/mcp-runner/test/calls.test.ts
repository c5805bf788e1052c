import type { PrusikError, JsonObject } from '@prusik/core';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { watcher } from './calls-over.ts';
import { rawServer, type Rpc } from './raw-server.ts';

const text = (words: string): JsonObject => ({ content: [{ type: 'text', text: words }] });
const complete = (result: JsonObject, era: 'legacy' | 'modern'): JsonObject =>
  era === 'modern' ? { resultType: 'complete', ...result } : result;
const paramsOf = ({ params }: Rpc): JsonObject => params as JsonObject;
const tokenOf = (request: Rpc): unknown => (paramsOf(request)['_meta'] as JsonObject)['progressToken'];

describe.each(['legacy', 'modern'] as const)('a call over the %s protocol', (era) => {
  it('MCP-2: sends the name and the input once, and gives the texts back', async () => {
    const server = await rawServer({ era });
    const result = server.call();
    const request = await server.next('tools/call');
    server.answer(request, complete(text('at the top'), era));

    expect(await result).toEqual({ type: 'outcome', parts: ['at the top'] });
    expect(paramsOf(request)).toMatchObject({ name: 'climb', arguments: { route: 'north' } });
    expect(server.received).toHaveLength(1);
  });

  it('MCP-2: a block that the protocol does not have costs nothing of the rest', async () => {
    const server = await rawServer({ era });
    const result = server.call();
    const content = [{ type: 'hologram', beam: 1 }, { type: 'text' }, { type: 'text', text: 'still here' }];
    server.answer(await server.next('tools/call'), complete({ content }, era));

    expect(await result).toEqual({
      type: 'outcome',
      parts: [
        '[a part that is not known: {"type":"hologram","beam":1}]',
        '[a part that is not known: {"type":"text"}]',
        'still here',
      ],
    });
  });

  it('MCP-2: a server that dies in a call leaves it in doubt, whatever is known of the death', async () => {
    const server = await rawServer({ era });
    const result = server.call();
    await server.next('tools/call');
    await server.die();

    await expect(result).rejects.toMatchObject({
      code: 'MCP_CALL_LOST',
      meta: { server: 'raw', tool: 'climb', inDoubt: true, reason: 'MCP_UNAVAILABLE' },
    });
  });

  it('MCP-2: what was not written did not happen, and may be called again', async () => {
    const unsendable = new Error('the pipe is closed');
    const server = await rawServer({ era, unsendable });

    await expect(server.call()).rejects.toMatchObject({
      code: 'MCP_UNAVAILABLE',
      retryable: true,
      meta: { sent: false },
    });
  });

  it('MCP-2: an error of the server is the end of the call, with its code and without credentials', async () => {
    const server = await rawServer({ era });
    const result = server.call();
    const { id } = await server.next('tools/call');
    server.say({ id: id ?? 0, error: { code: -32_602, message: 'no such route; token=abcdef0123456789' } });

    const error: PrusikError = await result.then(
      () => Promise.reject(new Error('it did not reject')),
      (thrown: unknown) => thrown as PrusikError,
    );
    expect(error).toMatchObject({ code: 'MCP_SERVER_ERROR', meta: { rpcCode: -32_602 } });
    expect(error.meta).not.toHaveProperty('inDoubt');
    expect(error.message).toContain('no such route');
    expect(error.message).not.toContain('abcdef0123456789');
  });

  it('MCP-2: a server that is silent for callMs loses its call, which is then in doubt, and is told so; its late answer is ignored', async () => {
    const clock = fakeClock();
    const server = await rawServer({ era, clock, limits: { callMs: 1_000 } });
    const result = server.call();
    const request = await server.next('tools/call');
    clock.advance(1_000);

    await expect(result).rejects.toMatchObject({ code: 'MCP_CALL_TIMEOUT', meta: { limit: 'callMs', inDoubt: true } });
    const cancelled = await server.next('notifications/cancelled');
    expect(paramsOf(cancelled)['requestId']).toBe(request.id);
    server.answer(request, complete(text('too late'), era));
    const again = server.call();
    server.answer(await server.next('tools/call'), complete(text('in time'), era));
    expect(await again).toEqual({ type: 'outcome', parts: ['in time'] });
    expect(server.oddities).toEqual(['An answer came to a call that was given up']);
  });

  it('MCP-5: progress is a sign of life and is told, but gives no more time than totalMs', async () => {
    const clock = fakeClock();
    const server = await rawServer({ era, clock, limits: { callMs: 1_000, totalMs: 3_000 } });
    const watching = watcher();
    const result = server.call({}, watching);
    const rejected = result.catch((error: unknown) => error);
    const progressToken = tokenOf(await server.next('tools/call'));
    for (let step = 1; step <= 5; step += 1) {
      clock.advance(600);
      server.say({
        method: 'notifications/progress',
        params: { progressToken, progress: step, total: 9, message: `pitch ${step}` },
      });
    }
    expect(await rejected).toMatchObject({ code: 'MCP_CALL_TIMEOUT', meta: { limit: 'totalMs', inDoubt: true } });

    expect(watching.progressed.slice(0, 4)).toEqual(['1/9 pitch 1', '2/9 pitch 2', '3/9 pitch 3', '4/9 pitch 4']);
  });

  it('MCP-2, I9: a flood of progress is told ten times a second, and tokens of nobody are passed over', async () => {
    const clock = fakeClock();
    const server = await rawServer({ era, clock });
    const watching = watcher();
    const result = server.call({}, watching);
    const request = await server.next('tools/call');
    const progressToken = tokenOf(request);
    for (let n = 0; n < 10_000; n += 1) {
      if (n % 1_000 === 0) clock.advance(50);
      server.say({ method: 'notifications/progress', params: { progressToken, progress: n } });
      server.say({ method: 'notifications/progress', params: { progressToken: 77, progress: n } });
    }
    server.answer(request, complete(text('done'), era));

    expect(await result).toEqual({ type: 'outcome', parts: ['done'] });
    expect(watching.progressed).toHaveLength(5);
    expect(server.oddities).toEqual([]);
  });

  it('MCP-5: whoever aborts a call gets the reason as it is, and the server is told', async () => {
    const server = await rawServer({ era });
    const controller = new AbortController();
    const result = server.call({}, watcher({ signal: controller.signal }));
    const request = await server.next('tools/call');
    const reason = new Error('enough');
    controller.abort(reason);

    await expect(result).rejects.toBe(reason);
    expect(paramsOf(await server.next('notifications/cancelled'))['requestId']).toBe(request.id);
  });

  it('MCP-5: the trace goes with the call, and nothing else of what the context gives', async () => {
    const server = await rawServer({ era, traceContext: () => ({ traceparent: '00-ab-cd-01', cookie: 'no' }) });
    const result = server.call();
    const request = await server.next('tools/call');
    server.answer(request, complete(text('ok'), era));
    await result;

    expect(paramsOf(request)['_meta']).toMatchObject({ traceparent: '00-ab-cd-01' });
    expect(paramsOf(request)['_meta']).not.toHaveProperty('cookie');
  });
});

it('MCP-5, TEL-2: the trace of the run goes with the call in place of whatever the program gives, and no baggage', async () => {
  const server = await rawServer({ traceContext: () => ({ traceparent: '00-ab-cd-01', baggage: 'user=ann' }) });
  const trace = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', tracestate: 'us=1' };
  const result = server.call({}, watcher({ trace: { ...trace, baggage: 'user=bob' } as never }));
  const request = await server.next('tools/call');
  server.answer(request, text('ok'));
  await result;

  const { progressToken: _, ...meta } = paramsOf(request)['_meta'] as JsonObject;
  expect(meta).toEqual(trace);
});

it('MCP-5: a trace that cannot be told, or is none, costs no call', async () => {
  const contexts: (() => Readonly<Record<string, string>>)[] = [
    () => ({ traceparent: 'x'.repeat(9_000), baggage: 7 as never }),
    () => {
      throw new Error('no tracer');
    },
  ];
  const metas: unknown[] = [];
  for (const traceContext of contexts) {
    const server = await rawServer({ traceContext });
    const result = server.call();
    const request = await server.next('tools/call');
    server.answer(request, text('ok'));
    await result;
    metas.push(Object.keys(paramsOf(request)['_meta'] as JsonObject));
  }

  expect(metas).toEqual([['progressToken'], ['progressToken']]);
});

it('MCP-2: an answer that is no result ends the call, which is not in doubt', async () => {
  const server = await rawServer({ era: 'modern' });
  const result = server.call();
  const { id } = await server.next('tools/call');
  server.say({ id: id ?? 0, result: { resultType: 'later', content: [] } });

  const error: unknown = await result.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'MCP_PROTOCOL_ERROR' });
  expect(error).not.toHaveProperty('meta.inDoubt');
});
