import { describe, expect, it } from 'vitest';
import { scriptedModel, type ModelChunk, type ScriptedRequest } from '../src/index.ts';
import type { Clock } from '@prusik/core';

const request = (more: Partial<ScriptedRequest> = {}): ScriptedRequest => ({
  prompt: [{ role: 'user', content: 'hello' }],
  ...more,
});

function handClock(): Clock & { readonly waiting: number; advance(): void } {
  const wakes = new Set<() => void>();
  return {
    now: () => 0,
    monotonic: () => 0,
    after(_, wake) {
      wakes.add(wake);
      return { [Symbol.dispose]: () => void wakes.delete(wake) };
    },
    get waiting() {
      return wakes.size;
    },
    advance() {
      for (const wake of wakes) wake();
      wakes.clear();
    },
  };
}

async function streamed(model: ReturnType<typeof scriptedModel>, more: Partial<ScriptedRequest> = {}) {
  const { stream } = await model.doStream(request(more));
  const chunks: { readonly type: string }[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

describe('TST-4: scriptedModel', () => {
  it('refuses a part that is none when it is made, or when a function made it', async () => {
    const odd = { toolCalls: [{ name: 'look' }] };

    expect(() => scriptedModel(['Hello', odd as never])).toThrow(/no part with the members toolCalls/);
    await expect(streamed(scriptedModel([() => odd as never]))).rejects.toThrow(TypeError);
    expect(() => scriptedModel([{ reject: new Error('busy') }, { finish: 'none' }])).not.toThrow();
  });

  it('streams the chunks of a reply as one block, then its calls, then its end with usage as known', async () => {
    const model = scriptedModel([
      ['Hel', 'lo', { call: 'look', input: { q: 1 } }, { inputTokens: 3, outputTokens: 2 }],
    ]);

    const chunks = await streamed(model);

    expect(chunks.map(({ type }) => type)).toEqual([
      'stream-start',
      'text-start',
      'text-delta',
      'text-delta',
      'text-end',
      'tool-call',
      'finish',
    ]);
    expect(chunks[5]).toEqual({ type: 'tool-call', toolCallId: 'call_1', toolName: 'look', input: '{"q":1}' });
    expect(chunks[6]).toMatchObject({
      finishReason: { unified: 'tool-calls' },
      usage: { inputTokens: { total: 3 }, outputTokens: { total: 2 } },
    });
  });

  it('leaves usage unknown where the script says nothing of it', async () => {
    expect((await streamed(scriptedModel(['hi']))).at(-1)).toMatchObject({
      finishReason: { unified: 'stop' },
      usage: { inputTokens: { total: undefined }, outputTokens: { total: undefined } },
    });
  });

  it('gives a reply as a whole too', async () => {
    const model = scriptedModel([[{ reasoning: 'hm' }, 'Hel', 'lo', { call: 'look', callId: 'x' }]]);

    expect((await model.doGenerate(request())).content).toEqual([
      { type: 'reasoning', text: 'hm' },
      { type: 'text', text: 'Hello' },
      { type: 'tool-call', toolCallId: 'x', toolName: 'look', input: '{}' },
    ]);
  });

  it('shows a reply that is a function what was asked, and keeps every request', async () => {
    const model = scriptedModel([({ prompt }) => `${prompt.length} messages`]);

    expect(await streamed(model)).toContainEqual({ type: 'text-delta', id: '0', delta: '1 messages' });
    expect(model.requests).toEqual([request()]);
  });

  it('fails clearly when it is asked for more than its script has, at once and at the end', async () => {
    const model = scriptedModel(['only']);
    await streamed(model);

    await expect(streamed(model)).rejects.toMatchObject({ code: 'SCRIPT_EXHAUSTED', retryable: false });
    expect(() => model.assertFinished()).toThrow(expect.objectContaining({ code: 'SCRIPT_EXHAUSTED' }));
  });

  it('says when replies are left over, and nothing when all were played', async () => {
    const model = scriptedModel(['one', 'two']);
    await streamed(model);
    expect(() => model.assertFinished()).toThrow(expect.objectContaining({ code: 'SCRIPT_LEFT_OVER' }));

    await streamed(model);

    expect(model.assertFinished()).toBeUndefined();
  });

  it('rejects before the stream, reports an error within it, or breaks off without an end', async () => {
    const refused = new Error('429');
    const broken = new Error('overloaded');
    const model = scriptedModel([{ reject: refused }, ['par', { error: broken }], ['par', { finish: 'none' }]]);

    await expect(streamed(model)).rejects.toBe(refused);
    expect(await streamed(model)).toContainEqual({ type: 'error', error: broken });
    expect((await streamed(model)).map(({ type }) => type)).toEqual(['stream-start', 'text-start', 'text-delta']);
  });

  it('stalls on the clock it is given, and stops with the reason of an abort', async () => {
    const clock = handClock();
    const model = scriptedModel([['a', { stallMs: 1_000 }, 'b'], [{ stallMs: 1_000 }]], { clock });
    let done = false;
    const first = streamed(model).then(() => (done = true));
    await new Promise(setImmediate);
    expect(done).toBe(false);
    clock.advance();
    await first;

    const stop = new AbortController();
    const second = streamed(model, { abortSignal: stop.signal });
    await new Promise(setImmediate);
    stop.abort('enough');

    await expect(second).rejects.toBe('enough');
    expect(clock.waiting).toBe(0);
  });

  it('plays what providers attach, with the end of its block', async () => {
    const signed = { acme: { signature: 's' } };
    const model = scriptedModel([
      [{ reasoning: 'h' }, { reasoning: 'm', providerMetadata: signed }, { text: 'So', providerMetadata: signed }, '.'],
    ]);

    expect((await streamed(model)).slice(1, -1)).toEqual([
      { type: 'reasoning-start', id: '0' },
      { type: 'reasoning-delta', id: '0', delta: 'h' },
      { type: 'reasoning-delta', id: '0', delta: 'm' },
      { type: 'reasoning-end', id: '0', providerMetadata: signed },
      { type: 'text-start', id: '2' },
      { type: 'text-delta', id: '2', delta: 'So' },
      { type: 'text-end', id: '2', providerMetadata: signed },
      { type: 'text-start', id: '3' },
      { type: 'text-delta', id: '3', delta: '.' },
      { type: 'text-end', id: '3' },
    ]);
  });

  it('plays an input while it is written, half of one too, and calls that the provider executes', async () => {
    const half = [
      { type: 'tool-input-start', id: 'c', toolName: 'look' },
      { type: 'tool-input-delta', id: 'c', delta: '{"q' },
    ] as const;
    const model = scriptedModel([
      { call: 'look', input: { q: 1 }, inputDeltas: ['{"q"', ':1}'] },
      [...half, { drop: new Error('the line is dead') }],
      [
        { call: 'find', callId: 'p', providerExecuted: true, dynamic: true },
        { result: [1], of: 'p', tool: 'find', preliminary: true },
        { result: 'no', of: 'p', tool: 'find', isError: true },
      ],
    ]);

    expect((await streamed(model)).map(({ type }) => type)).toEqual([
      'stream-start',
      'tool-input-start',
      'tool-input-delta',
      'tool-input-delta',
      'tool-input-end',
      'tool-call',
      'finish',
    ]);
    const got: unknown[] = [];
    const broken = async (): Promise<void> => {
      const { stream } = await model.doStream(request());
      for await (const chunk of stream) got.push(chunk);
    };
    await expect(broken()).rejects.toThrow('the line is dead');
    expect(got.slice(1)).toEqual(half);
    expect((await streamed(model)).slice(1)).toMatchObject([
      { type: 'tool-call', toolCallId: 'p', providerExecuted: true, dynamic: true },
      { type: 'tool-result', toolCallId: 'p', toolName: 'find', result: [1], preliminary: true },
      { type: 'tool-result', result: 'no', isError: true },
      // It asks nothing of us.
      { type: 'finish', finishReason: { unified: 'stop' } },
    ]);
  });

  it('plays chunks as they are: files, sources, warnings, metadata, an end of their own', async () => {
    const chunks: ModelChunk[] = [
      { type: 'stream-start', warnings: [{ type: 'other', message: 'no seeds here' }] },
      { type: 'response-metadata', id: 'r-1', modelId: 'm-2' },
      { type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'aGk=' } },
      { type: 'source', sourceType: 'url', id: 's', url: 'https://x.example' },
      {
        type: 'finish',
        finishReason: { unified: 'stop', raw: 'end_turn' },
        usage: {
          inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
          outputTokens: { total: 2, text: 1, reasoning: 1 },
        },
      },
    ];

    expect(await streamed(scriptedModel([chunks]))).toEqual(chunks);
    expect(await scriptedModel([chunks]).doGenerate(request())).toEqual({
      content: chunks.slice(2, 4),
      finishReason: { unified: 'stop', raw: 'end_turn' },
      usage: (chunks[4] as { usage: unknown }).usage,
      warnings: [{ type: 'other', message: 'no seeds here' }],
      response: { id: 'r-1', modelId: 'm-2' },
    });
  });

  it('tells all of what was used, and leaves unknown what the script does not say', async () => {
    const used = { inputTokens: 9, outputTokens: 5, cacheReadTokens: 4, reasoningTokens: 2 };

    expect((await streamed(scriptedModel([['hi', { finish: 'length', ...used }]]))).at(-1)).toMatchObject({
      finishReason: { unified: 'length' },
      usage: {
        inputTokens: { total: 9, cacheRead: 4, cacheWrite: undefined },
        outputTokens: { total: 5, reasoning: 2, text: undefined },
      },
    });
  });

  it('waits for what the test holds, and not past an abort', async () => {
    const gate = Promise.withResolvers<void>();
    const model = scriptedModel([
      ['a', { until: gate.promise }, 'b'],
      ['a', { until: new Promise(() => {}) }],
    ]);
    const { stream } = await model.doStream(request());
    const reader = stream.getReader();
    const seen: unknown[] = [];
    for (let n = 0; n < 3; n += 1) seen.push((await reader.read()).value);
    gate.resolve();
    seen.push((await reader.read()).value);
    expect(seen).toMatchObject([{}, {}, { delta: 'a' }, { delta: 'b' }]);

    const stop = new AbortController();
    const waiting = streamed(model, { abortSignal: stop.signal });
    stop.abort('enough');
    await expect(waiting).rejects.toBe('enough');
    await expect(streamed(scriptedModel(['a']), { abortSignal: stop.signal })).rejects.toBe('enough');
  });
});
