import { inspect } from 'node:util';
import { checkMessage, reconcile, systemClock, type Message } from '@prusik/core';
import type { LanguageModelObject } from '../src/index.ts';
import { describe, expect, it } from 'vitest';
import { fakeClock } from '@prusik/testing-contracts';
import { streamModel } from './stream-model.ts';
import { hurried } from './support.ts';
import { callModel, type ModelCall } from '../src/model-call.ts';
import { modelError } from '../src/model-error.ts';
import { toModelMessages } from '../src/to-model-messages.ts';

const usage = {
  inputTokens: { total: 9, noCache: undefined, cacheRead: 4, cacheWrite: undefined },
  outputTokens: { total: 5, text: undefined, reasoning: 2 },
};

/** A provider that says exactly these chunks. */
function provider(chunks: readonly object[]): LanguageModelObject {
  return {
    specificationVersion: 'v4',
    provider: 'acme.chat',
    modelId: 'm1',
    supportedUrls: {},
    doGenerate: () => Promise.reject(new Error('not used')),
    doStream: async () => ({
      stream: new ReadableStream({
        start(controller) {
          for (const chunk of chunks) controller.enqueue(chunk as never);
          controller.close();
        },
      }),
    }),
  };
}

const call = (model: LanguageModelObject, more: Partial<ModelCall> = {}): ModelCall => ({
  model,
  instructions: '',
  prompt: () => [{ role: 'user', content: 'Go' }],
  tools: [],
  settings: {},
  clock: systemClock,
  timeoutMs: 10_000,
  stallMs: 10_000,
  signal: new AbortController().signal,
  onDelta: () => {},
  ...more,
});
const provided = (text: string): readonly object[] => [
  { type: 'text-start', id: '0' },
  { type: 'text-delta', id: '0', delta: text },
  stop,
];
const stop = { type: 'finish', finishReason: { unified: 'stop', raw: 'end_turn' }, usage };

describe('AGT-1: one model call', () => {
  it('puts the reply together in the order of its blocks, with what the provider attached, and takes it back', async () => {
    const said: string[] = [];
    const page = { type: 'source', sourceType: 'url', id: 'x', url: 'https://example.com', title: 'X' };
    const model = provider([
      { type: 'stream-start', warnings: [] },
      { type: 'reasoning-start', id: '0' },
      { type: 'reasoning-delta', id: '0', delta: 'Think' },
      { type: 'text-start', id: '0' },
      { type: 'text-delta', id: '0', delta: 'Hel' },
      { type: 'reasoning-delta', id: '0', delta: 'ing' },
      { type: 'reasoning-end', id: '0', providerMetadata: { acme: { signature: 's1' } } },
      { type: 'text-delta', id: '0', delta: 'lo' },
      { type: 'text-end', id: '0', citations: [{ source: page, startIndex: 0, endIndex: 5, citedText: 'Hello' }] },
      page,
      { type: 'source', sourceType: 'document', id: 'y', title: 'Y', mediaType: 'application/pdf', filename: 'y.pdf' },
      { type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'aGk=' } },
      { type: 'tool-input-start', id: 'p', toolName: 'search', providerExecuted: true },
      { type: 'tool-input-delta', id: 'p', delta: '{}' },
      { type: 'tool-input-end', id: 'p' },
      { type: 'file', mediaType: 'image/png', data: { type: 'data', data: new Uint8Array([104, 105]) } },
      { type: 'file', mediaType: 'image/png', data: { type: 'url', url: new URL('http://127.0.0.1:9/a.png') } },
      { type: 'reasoning-file', mediaType: 'image/png', data: { type: 'data', data: 'aGk=' } },
      { type: 'custom', kind: 'acme.note', providerMetadata: { acme: { id: 1 } } },
      { type: 'tool-call', toolCallId: 'p', toolName: 'search', input: '{}', providerExecuted: true, dynamic: true },
      { type: 'tool-result', toolCallId: 'p', toolName: 'search', result: { hits: 0 }, preliminary: true },
      { type: 'tool-result', toolCallId: 'p', toolName: 'search', result: { hits: 1 } },
      { type: 'tool-call', toolCallId: 'q', toolName: 'search', input: '{}', providerExecuted: true, dynamic: true },
      { type: 'tool-result', toolCallId: 'q', toolName: 'search', result: { errorCode: 'busy' }, isError: true },
      stop,
    ]);

    const reply = await callModel(
      call(model, { onDelta: (text, { id, kind, tool }) => said.push([id, kind, tool, text].join(' ')) }),
    );

    const own = { provider: 'acme', data: {} };
    expect(reply.error).toBeUndefined();
    expect(reply.parts).toEqual([
      { type: 'reasoning', text: 'Thinking', provider: { provider: 'acme', data: { acme: { signature: 's1' } } } },
      {
        type: 'text',
        text: 'Hello',
        citations: [{ source: { id: 'x', url: 'https://example.com', title: 'X' }, start: 0, end: 5, quote: 'Hello' }],
      },
      { type: 'source', id: 'x', url: 'https://example.com', title: 'X' },
      { type: 'source', id: 'y', title: 'Y', mediaType: 'application/pdf', name: 'y.pdf' },
      { type: 'file', mediaType: 'image/png', data: { base64: 'aGk=' } },
      { type: 'file', mediaType: 'image/png', data: { base64: 'aGk=' } },
      { type: 'file', mediaType: 'image/png', data: { url: 'http://127.0.0.1:9/a.png' } },
      { type: 'reasoning-file', mediaType: 'image/png', data: { base64: 'aGk=' }, provider: own },
      { type: 'custom', kind: 'acme.note', provider: { provider: 'acme', data: { acme: { id: 1 } } } },
      { type: 'tool-call', callId: 'p', tool: 'search', input: {}, providerExecuted: true, provider: own },
      { type: 'tool-result', callId: 'p', tool: 'search', output: { type: 'json', value: { hits: 1 } }, provider: own },
      { type: 'tool-call', callId: 'q', tool: 'search', input: {}, providerExecuted: true, provider: own },
      {
        type: 'tool-result',
        callId: 'q',
        tool: 'search',
        output: { type: 'error', code: 'TOOL_FAILED', text: '{"errorCode":"busy"}', value: { errorCode: 'busy' } },
        provider: own,
      },
    ]);
    expect(reply.finish).toBe('stop');
    expect(said).toEqual([
      '#0 reasoning  Think',
      '#1 text  Hel',
      '#0 reasoning  ing',
      '#1 text  lo',
      'p tool-input search {}',
    ]);
    expect(reply.usage).toEqual({ inputTokens: 9, cachedInputTokens: 4, outputTokens: 5, reasoningTokens: 2 });
    const stored: Message = { v: 1, id: 'a', role: 'assistant', kind: 'assistant', content: reply.parts };
    expect(checkMessage(stored)).toBeUndefined();
    expect(reconcile([stored])).toEqual([stored]);
    expect(toModelMessages([stored], 'acme')[0]?.content[0]).toMatchObject({
      providerOptions: { acme: { signature: 's1' } },
    });
  });

  it('SES-12: keeps blocks apart that come one after the other under one id, each with its own signature', async () => {
    const said: string[] = [];
    const thought = (text: string, signature: string) => [
      { type: 'reasoning-start', id: 'reasoning-0' },
      { type: 'reasoning-delta', id: 'reasoning-0', delta: text },
      { type: 'reasoning-end', id: 'reasoning-0', providerMetadata: { acme: { signature } } },
    ];
    const spoken = (text: string) => [
      { type: 'text-start', id: 'txt-0' },
      { type: 'text-delta', id: 'txt-0', delta: text },
    ];
    // The second text begins where the first has no end.
    const chunks = [thought('A', 's1'), spoken('One.'), thought('B', 's2'), spoken('Two.')].flat();

    const reply = await callModel(
      call(provider([...chunks, stop]), { onDelta: (text, { id }) => said.push(`${id} ${text}`) }),
    );

    const signed = (signature: string) => ({ provider: 'acme', data: { acme: { signature } } });
    expect(reply.parts).toEqual([
      { type: 'reasoning', text: 'A', provider: signed('s1') },
      { type: 'text', text: 'One.' },
      { type: 'reasoning', text: 'B', provider: signed('s2') },
      { type: 'text', text: 'Two.' },
    ]);
    expect(said).toEqual(['#0 A', '#1 One.', '#2 B', '#3 Two.']);
  });

  it('SES-12: fetches no address, of a prompt nor of a reply: they go to the provider and into the record as they are', async () => {
    const url = 'http://127.0.0.1:9/never.png';
    let prompt: unknown;
    const model = provider([{ type: 'file', mediaType: 'image/png', data: { type: 'url', url: new URL(url) } }, stop]);
    const watched = {
      ...(model as object),
      doStream: (asked: never) => (
        (prompt = asked),
        (model as { doStream: (asked: never) => unknown }).doStream(asked)
      ),
    } as LanguageModelObject;
    const content = [{ type: 'file' as const, mediaType: 'image/png', data: { url } }];

    const reply = await callModel(
      call(watched, {
        prompt: (whose) => toModelMessages([{ v: 1, id: 'u', role: 'user', kind: 'user', content }], whose),
      }),
    );

    expect(prompt).toMatchObject({ prompt: [{ content: [{ data: { type: 'url', url: new URL(url) } }] }] });
    expect(reply.parts).toEqual([{ type: 'file', mediaType: 'image/png', data: { url } }]);
  });

  it('SES-12: fetches what a prompt and a reply name where the registry is given a way to, and hands on what that leaves', async () => {
    const url = new URL('https://files.example/a.png');
    const left = new URL('https://files.example/b.png');
    let prompt: unknown;
    const model = {
      ...provider([{ type: 'file', mediaType: 'image/png', data: { type: 'url', url } }, stop]),
      supportedUrls: { 'image/*': [/^https:\/\/files\.example\/b/] },
    };
    const watched = {
      ...model,
      doStream: (asked: never) => (
        (prompt = asked),
        (model as { doStream: (asked: never) => unknown }).doStream(asked)
      ),
    } as LanguageModelObject;
    const file = (at: URL) => ({
      type: 'file' as const,
      mediaType: 'image/png',
      data: { type: 'url' as const, url: at },
    });
    const asked: unknown[] = [];

    const reply = await callModel(
      call(watched, {
        prompt: () => [
          { role: 'user', content: [file(url), file(left)] },
          {
            role: 'tool',
            content: [
              {
                type: 'tool-result',
                toolCallId: 'c',
                toolName: 'look',
                output: { type: 'content', value: [file(url)] },
              },
            ],
          },
        ],
        async download(files) {
          asked.push(files.map((one) => [one.url.href, one.isUrlSupportedByModel]));
          return files.map((one) =>
            one.isUrlSupportedByModel ? null : { data: new Uint8Array([1]), mediaType: 'image/png' },
          );
        },
      }),
    );

    const loaded = { type: 'file', data: { type: 'data', data: new Uint8Array([1]) } };
    expect(prompt).toMatchObject({
      prompt: [{ content: [loaded, file(left)] }, { content: [{ output: { value: [loaded] } }] }],
    });
    expect(reply.parts).toEqual([{ type: 'file', mediaType: 'image/png', data: { base64: 'AQ==' } }]);
    expect(asked).toEqual([
      [
        [url.href, false],
        [left.href, true],
        [url.href, false],
      ],
      [[url.href, false]],
    ]);
  });

  it('says clearly that nobody can be asked about a call that the provider executes', async () => {
    const model = provider([
      { type: 'tool-call', toolCallId: 'p', toolName: 'mail', input: '{}', providerExecuted: true, dynamic: true },
      { type: 'tool-approval-request', approvalId: 'q', toolCallId: 'p' },
      stop,
    ]);

    expect(await callModel(call(model))).toMatchObject({
      finish: 'failed',
      error: { code: 'PROVIDER_APPROVAL_UNSUPPORTED' },
    });
  });

  it('AGT-10: keeps what was said when it is told to stop, and does not wait for a model that ignores its signal', async () => {
    const abort = new AbortController();
    const model = provider([]);
    const deaf: LanguageModelObject = {
      ...model,
      doStream: async () => ({
        stream: new ReadableStream({
          start(controller) {
            controller.enqueue({ type: 'text-start', id: '0' });
            controller.enqueue({ type: 'text-delta', id: '0', delta: 'Half' });
          },
        }),
      }),
    } as LanguageModelObject;

    const reply = await callModel(
      call(deaf, { signal: abort.signal, onDelta: () => abort.abort(new Error('enough')) }),
    );

    expect(reply).toMatchObject({ finish: 'failed', parts: [{ type: 'text', text: 'Half' }] });
  });
});

describe('AGT-11: a choice of tools that the provider does not heed', () => {
  const calls = { type: 'tool-call', toolCallId: 'c', toolName: 'look', input: '{}' };

  it.each<[ModelCall['settings']['toolChoice'], readonly object[], boolean]>([
    ['none', [calls, stop], true],
    ['none', [stop], false],
    ['required', [stop], true],
    ['required', [calls, stop], false],
    ['required', [{ ...stop, finishReason: { unified: 'length', raw: 'length' } }], false],
    [{ type: 'tool', toolName: 'read' }, [calls, stop], true],
    [{ type: 'tool', toolName: 'look' }, [calls, stop], false],
    ['auto', [calls, stop], false],
  ])('%j, answered with %j, fails the call: %s', async (toolChoice, chunks, fails) => {
    const reply = await callModel(call(provider(chunks), { settings: { toolChoice } as never }));

    expect(reply.error?.code).toBe(fails ? 'MODEL_CALL_FAILED' : undefined);
  });
});

describe('AGT-5: a reply that has ended', () => {
  it('is whole also where its provider never closes the stream, which is closed then', async () => {
    const clock = fakeClock();
    const cancelled = Promise.withResolvers<void>();
    const open = {
      ...provider([]),
      doStream: async () => ({
        stream: new ReadableStream({
          start(controller) {
            for (const chunk of [
              { type: 'text-start', id: '0' },
              { type: 'text-delta', id: '0', delta: 'Done.' },
            ])
              controller.enqueue(chunk);
            controller.enqueue({ type: 'text-end', id: '0' });
            controller.enqueue(stop);
          },
          cancel: () => cancelled.resolve(),
        }),
      }),
    } as LanguageModelObject;

    const reply = await hurried(clock, callModel(call(open, { clock })));

    expect(reply).toMatchObject({ finish: 'stop', parts: [{ type: 'text', text: 'Done.' }] });
    await cancelled.promise;
  });

  const done = [
    { type: 'text-start', id: '0' },
    { type: 'text-delta', id: '0', delta: 'Done.' },
    { type: 'text-end', id: '0' },
    stop,
  ];

  it.each<[string, readonly object[], Partial<ModelCall>]>([
    ['a connection that breaks', [{ fail: new Error('reset') }], {}],
    ['an error', [{ type: 'error', error: 'late' }], {}],
    ['a silence that is longer than a call may stall', [], { stallMs: 500 }],
    ['a call that is longer than it may be', [], { timeoutMs: 500 }],
  ])('AGT-8: is whole, whatever comes behind it: %s', async (_, behind, more) => {
    const clock = fakeClock();
    const model = streamModel('acme:m1', [[...done.slice(0, -1), { ...stop, stays: true }, ...behind]]);

    const reply = await hurried(clock, callModel(call(model, { clock, ...more })));

    expect(reply).toMatchObject({
      finish: 'stop',
      parts: [{ type: 'text', text: 'Done.' }],
      usage: { outputTokens: 5 },
    });
    expect(reply.error).toBeUndefined();
  });

  it('AGT-8: is whole where the provider says nothing of what it used, which is unknown then', async () => {
    const { usage: _, ...silent } = stop;

    const reply = await callModel(call(provider([...done.slice(0, -1), silent])));

    expect(reply).toMatchObject({ finish: 'stop', parts: [{ type: 'text', text: 'Done.' }], usage: {} });
  });

  it.each<[string, object]>([
    ['no reason', { type: 'finish', usage }],
    ['a reason that is none', { type: 'finish', usage, finishReason: 'stop' }],
  ])('with an end that has %s, is one that was interrupted', async (_, end) => {
    const reply = await callModel(call(provider([...done.slice(0, -1), end])));

    expect(reply).toMatchObject({ finish: 'failed', error: { code: 'MODEL_INTERRUPTED', retryable: true } });
  });
});

describe('AGT-13: a model that is none of a provider', () => {
  it('has its time also where its stream always has its next chunk, and nothing else waits for it', async () => {
    let asked = 0;
    const endless = {
      ...provider([]),
      doStream: async () => ({
        stream: new ReadableStream({
          pull(controller) {
            asked += 1;
            // Without this an unbounded loop would hang the test in place of failing it.
            if (asked > 2_000_000) return controller.close();
            controller.enqueue({ type: 'raw', rawValue: asked });
          },
        }),
      }),
    } as LanguageModelObject;

    const reply = await callModel(call(endless, { timeoutMs: 50 }));

    expect(reply.error?.code).toBe('MODEL_TIMEOUT');
  });

  it.each<[string, unknown]>([
    ['warnings that are no list', [{ type: 'stream-start', warnings: null }, ...provided('Done.')]],
    ['warnings that cannot be recorded', [{ type: 'stream-start', warnings: [1n] }, ...provided('Done.')]],
  ])('answers all the same with %s', async (_, chunks) => {
    const reply = await callModel(call(provider(chunks as readonly object[])));

    expect(reply).toMatchObject({ finish: 'stop', warnings: [] });
  });

  it('never rejects: a stream of its own whose cancel throws', async () => {
    const stream = {
      getReader: () => ({
        read: () => new Promise(() => {}),
        cancel() {
          throw new Error('no');
        },
      }),
    };
    const model = { ...provider([]), doStream: async () => ({ stream }) } as unknown as LanguageModelObject;

    const reply = await callModel(call(model, { stallMs: 20 }));

    expect(reply.error?.code).toBe('MODEL_STALLED');
  });
});

describe('AGT-8: which failures may pass', () => {
  const model = provider([]);

  it.each<[object, string]>([
    [{ type: 'overloaded_error', message: 'Overloaded' }, 'overloaded'],
    [{ message: 'Overloaded' }, 'overloaded'],
    [{ type: 'error', error: { type: 'server_error', code: null, message: 'The server had an error' } }, 'unavailable'],
    [{ response: { error: { code: 'rate_limit_exceeded', message: 'Slow down' } } }, 'rate-limit'],
    [{ status: 529, message: 'Busy' }, 'overloaded'],
    [{ type: 'invalid_request_error', message: 'prompt is too long: 9 tokens' }, 'context-overflow'],
    [{ type: 'invalid_request_error', message: 'no such field' }, 'invalid'],
  ])('what a stream reports as a plain object, %j, is of the class %s', async (error, kind) => {
    const reply = await callModel(call(provider([{ type: 'error', error }])));

    expect(reply).toMatchObject({ finish: 'failed', error: { code: 'MODEL_CALL_FAILED', meta: { class: kind } } });
  });

  it.each<[string, unknown, boolean]>([
    ['what the provider calls retryable', Object.assign(new Error('x'), { isRetryable: true }), true],
    ['what the provider calls final', Object.assign(new Error('x'), { isRetryable: false, code: 'ECONNRESET' }), false],
    ['a broken connection', Object.assign(new Error('x'), { code: 'ECONNRESET' }), true],
    [
      'a fetch that failed',
      new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'EPROTO' }) }),
      true,
    ],
    [
      'a connection that broke under something else',
      new Error('x', { cause: Object.assign(new Error('y'), { code: 'UND_ERR_SOCKET' }) }),
      true,
    ],
    ['a defect of a model', new TypeError('x is not a function'), false],
    ['a string', 'no', false],
    ['nothing', undefined, false],
  ])('%s', (_, thrown, retryable) => {
    expect(modelError(thrown, model, 0)).toMatchObject({ code: 'MODEL_CALL_FAILED', retryable });
  });

  const NOW = Date.UTC(2026, 0, 1);
  it.each<[number, Record<string, string> | undefined, number | undefined]>([
    [429, { 'retry-after': '30' }, 30_000],
    [429, { 'retry-after': '30', 'retry-after-ms': '1500' }, 1_500],
    [503, { 'retry-after': new Date(NOW + 90_000).toUTCString() }, 90_000],
    [503, { 'retry-after': new Date(NOW - 90_000).toUTCString() }, 0],
    [529, { 'retry-after': 'soon' }, 0],
    [529, undefined, 0],
    [500, { 'retry-after': '30' }, undefined],
  ])(
    'DUR-13: HTTP %i with %j is a refusal that may be asked again after %s ms',
    (statusCode, responseHeaders, after) => {
      const thrown = Object.assign(new Error('x'), { statusCode, responseHeaders, isRetryable: true });

      expect(modelError(thrown, model, NOW).meta['retryAfterMs']).toBe(after);
    },
  );

  it.each<[object, number | undefined]>([
    [{ type: 'overloaded_error', message: 'Overloaded' }, 0],
    [{ error: { message: 'Slow down', code: 'rate_limit_exceeded' } }, 0],
    [{ error: { message: 'Slow down', code: '429' } }, 0],
    [{ type: 'server_error', message: 'It broke' }, undefined],
    [{ error: { message: 'It broke', code: '500' } }, undefined],
  ])('DUR-13: %j, as a stream reports it, may be asked again after %s ms', async (error, after) => {
    const reply = await callModel(call(provider([{ type: 'error', error }])));

    expect(reply.error?.meta['retryAfterMs']).toBe(after);
  });

  it('I11: what a call failed with has neither the request nor the answer of the provider on it', async () => {
    const thrown = Object.assign(new Error('POST https://api/v1?key=CANARY1234 failed, Bearer CANARY12345678'), {
      name: 'AI_APICallError',
      url: 'https://api/v1?key=CANARY',
      requestBodyValues: { messages: [{ content: [{ text: 'CANARY' }] }] },
      responseHeaders: { 'set-cookie': 'CANARY', 'retry-after': '3' },
      responseBody: '{"error":"CANARY overloaded"}',
      statusCode: 529,
      isRetryable: true,
    });
    const streamed = await callModel(
      call(provider([{ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded', user: 'CANARY' } }])),
    );

    const error = modelError(thrown, model, NOW);

    for (const one of [error, streamed.error]) expect(inspect(one, { depth: 10 })).not.toContain('CANARY');
    expect(error).toMatchObject({
      message: 'acme.chat/m1 failed with HTTP 529: POST https://api/v1 failed, Bearer [redacted]',
      meta: { class: 'overloaded', statusCode: 529, retryAfterMs: 3_000 },
      cause: { name: 'AI_APICallError', statusCode: 529 },
    });
    expect(streamed.error).toMatchObject({ meta: { class: 'overloaded' } });
  });

  it('DUR-13: what the provider calls final is not waited for, whatever its status', () => {
    const thrown = Object.assign(new Error('out of credit'), { statusCode: 429, isRetryable: false });

    expect(modelError(thrown, model, NOW).meta).not.toHaveProperty('retryAfterMs');
  });
});
