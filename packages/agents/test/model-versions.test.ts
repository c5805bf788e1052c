import { systemClock } from '@prusik/core';
import { APICallError } from 'ai';
import { describe, expect, it } from 'vitest';
import { callModel, type ModelCall, type RawModelEvent } from '../src/model-call.ts';
import type { LanguageModelObject } from '../src/index.ts';
import { finish, streamModel, text } from './stream-model.ts';

describe.each(['v4', 'v3'])('AGT-7: a model of specification %s', (version) => {
  const call = (model: LanguageModelObject, more: Partial<ModelCall> = {}) =>
    callModel({
      model: Object.assign(model, { specificationVersion: version as 'v4' }),
      instructions: 'Be brief.',
      prompt: () => [{ role: 'user', content: 'Go' }],
      tools: [{ type: 'function', name: 'look', description: 'Looks.', inputSchema: { type: 'object' } }],
      settings: {},
      clock: systemClock,
      timeoutMs: 10_000,
      stallMs: 10_000,
      signal: new AbortController().signal,
      onDelta: () => {},
      ...more,
    });

  it('asks once, with all that was set, and puts the reply together', async () => {
    const said: string[] = [];
    const model = streamModel('acme.chat:m1', [
      [
        { type: 'stream-start', warnings: [{ type: 'unsupported', feature: 'topK' }] },
        { type: 'response-metadata', id: 'resp-1', modelId: 'm1-2026' },
        { type: 'reasoning-start', id: 'r' },
        { type: 'reasoning-delta', id: 'r', delta: 'Hm' },
        { type: 'reasoning-end', id: 'r', providerMetadata: { acme: { signature: 's' } } },
        ...text('Hello'),
        { type: 'tool-call', toolCallId: 'c1', toolName: 'look', input: '{"q":1}' },
        { type: 'tool-call', toolCallId: 'c2', toolName: 'look', input: '{"q":' },
        { type: 'tool-call', toolCallId: 'c3', toolName: 'gone', input: '{}' },
        finish('tool-calls', 7, 3),
      ],
    ]);

    const reply = await call(model, {
      settings: {
        temperature: 0.5,
        maxOutputTokens: 9,
        headers: { 'x-team': 'a' },
        toolChoice: 'required',
        providerOptions: { acme: { fast: true } },
      },
      output: { type: 'object' },
      onDelta: (delta) => said.push(delta),
    });

    expect(model.asked).toHaveLength(1);
    expect(model.asked[0]?.options).toMatchObject({
      prompt: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: [{ type: 'text', text: 'Go' }] },
      ],
      temperature: 0.5,
      maxOutputTokens: 9,
      headers: expect.objectContaining({ 'x-team': 'a' }),
      toolChoice: { type: 'required' },
      providerOptions: { acme: { fast: true } },
      responseFormat: { type: 'json', schema: { type: 'object' } },
      tools: [{ type: 'function', name: 'look' }],
    });
    expect(reply).toMatchObject({
      finish: 'tool-calls',
      parts: [
        { type: 'reasoning', text: 'Hm', provider: { provider: 'acme', data: { acme: { signature: 's' } } } },
        { type: 'text', text: 'Hello' },
        { type: 'tool-call', callId: 'c1', tool: 'look', input: { q: 1 } },
        { type: 'tool-call', callId: 'c2', input: '{"q":' },
        { type: 'tool-call', callId: 'c3', tool: 'gone' },
      ],
      usage: { inputTokens: 7, outputTokens: 3 },
      response: { id: 'resp-1', modelId: 'm1-2026' },
      warnings: [{ type: 'unsupported', feature: 'topK' }],
    });
    expect([...reply.malformed]).toContain(3);
    expect(said).toEqual(['Hm', 'Hello']);
  });

  it('AGT-8: retries nothing, and gives what the provider failed with before its reply', async () => {
    const model = streamModel('acme:m1', [
      new APICallError({
        message: 'busy',
        url: 'http://127.0.0.1',
        requestBodyValues: {},
        statusCode: 429,
        responseHeaders: { 'retry-after': '3', 'retry-after-ms': '3000' },
      }),
    ]);

    const reply = await call(model);

    expect(model.asked).toHaveLength(1);
    expect(reply).toMatchObject({
      finish: 'failed',
      parts: [],
      error: { code: 'MODEL_CALL_FAILED', retryable: true, meta: { class: 'rate-limit', retryAfterMs: 3_000 } },
    });
  });

  it('AGT-5: keeps what was said before an error in the stream, before a connection that broke, and before an end without a word', async () => {
    const begun = [
      { type: 'text-start', id: '0' },
      { type: 'text-delta', id: '0', delta: 'Half' },
    ];
    const ends = [
      { type: 'error', error: new Error('overloaded') },
      { fail: Object.assign(new Error('reset'), { code: 'ECONNRESET' }) },
      { end: true },
    ];

    const replies = await Promise.all(ends.map((end) => call(streamModel('acme:m1', [[...begun, end]]))));

    expect(replies).toMatchObject([
      { finish: 'failed', parts: [{ text: 'Half' }], error: { code: 'MODEL_CALL_FAILED' } },
      { finish: 'failed', parts: [{ text: 'Half' }], error: { meta: { class: 'unavailable' }, retryable: true } },
      { finish: 'failed', parts: [{ text: 'Half' }], error: { retryable: true } },
    ]);
  });

  it('AGT-10: closes the connection of a provider that ignores its signal, and keeps what it said', async () => {
    const stop = new AbortController();
    const model = streamModel('acme:m1', [
      [
        { type: 'text-start', id: '0' },
        { type: 'text-delta', id: '0', delta: 'Half' },
      ],
    ]);

    const reply = await call(model, { signal: stop.signal, onDelta: () => setImmediate(() => stop.abort()) });
    await new Promise(setImmediate);

    expect(reply).toMatchObject({ finish: 'failed', parts: [{ text: 'Half' }], error: { code: 'MODEL_CALL_STOPPED' } });
    expect(model.asked[0]?.cancelled).toBeDefined();
  });

  it('AGT-15: taps the raw events of the provider where they are asked for, and only there; a tap that throws changes nothing', async () => {
    const chunks = [{ type: 'raw', rawValue: { n: 1 } }, ...text('Hi'), finish()];
    const heard: RawModelEvent[] = [];

    const untapped = streamModel('acme:m1', [chunks]);
    await call(untapped);
    const tapped = streamModel('acme:m1', [chunks]);
    const reply = await call(tapped, {
      onRaw(event) {
        heard.push(event);
        throw new Error('a tap that leaks');
      },
    });

    expect(untapped.asked[0]?.options.includeRawChunks ?? false).toBe(false);
    expect(tapped.asked[0]?.options.includeRawChunks).toBe(true);
    expect(heard).toEqual([{ model: 'acme/m1', value: { n: 1 } }]);
    expect(reply.parts).toEqual([{ type: 'text', text: 'Hi' }]);
  });
});
