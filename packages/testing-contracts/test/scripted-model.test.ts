import { describe, expect, it } from 'vitest';
import { scriptedModel, type ScriptedRequest } from '../src/index.ts';
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
});
