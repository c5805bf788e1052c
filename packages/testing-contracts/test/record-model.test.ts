import { describe, expect, it } from 'vitest';
import {
  recordModel,
  replayModel,
  scriptedModel,
  type ModelChunk,
  type ModelRecording,
  type ScriptedPart,
} from '../src/index.ts';

const usage = {
  inputTokens: { total: 3, noCache: undefined, cacheRead: 1, cacheWrite: undefined },
  outputTokens: { total: 2, text: undefined, reasoning: undefined },
};
const busy = Object.assign(new Error('busy, says api_key=abcdefgh'), {
  name: 'AI_APICallError',
  statusCode: 429,
  isRetryable: true,
  responseHeaders: { 'retry-after': '3', authorization: 'Bearer abcdefghijkl' },
});

const everything: ScriptedPart[] = [
  { type: 'response-metadata', id: 'r', modelId: 'm', timestamp: new Date(0) },
  { reasoning: 'hm', providerMetadata: { acme: { signature: 's' } } },
  'Hel',
  'lo',
  { call: 'look', input: { q: 1 }, inputDeltas: ['{"q":', '1}'] },
  { type: 'file', mediaType: 'image/png', data: { type: 'data', data: Buffer.from('hi') } },
  { type: 'file', mediaType: 'image/png', data: { type: 'url', url: new URL('https://x.example/a') } },
  { type: 'error', error: busy },
  { type: 'finish', finishReason: { unified: 'tool-calls', raw: undefined }, usage },
];

interface Said {
  readonly chunks: readonly ModelChunk[];
  readonly thrown?: unknown;
}

async function say(
  model: { doStream(options: never): PromiseLike<{ stream: ReadableStream<never> }> },
  request: object = {},
): Promise<Said> {
  const chunks: ModelChunk[] = [];
  try {
    const { stream } = await model.doStream({ prompt: [], ...request } as never);
    for await (const chunk of stream) chunks.push(chunk);
    return { chunks };
  } catch (thrown) {
    return { chunks, thrown };
  }
}

/** By way of a file. */
const throughJson = (recording: ModelRecording): ModelRecording =>
  JSON.parse(JSON.stringify(recording)) as ModelRecording;

describe('TST-4: a recorded model', () => {
  it('says again what it said, chunk by chunk, with its failures', async () => {
    const scripts: ScriptedPart[][] = [
      everything,
      [{ reject: busy }],
      ['half', { drop: Object.assign(new Error('gone'), { code: 'ECONNRESET' }) }],
      ['no end', { finish: 'none' }],
    ];
    const real = scriptedModel(scripts, { provider: 'acme', modelId: 'm1' });
    const { model, recording } = recordModel(real);
    const first: Said[] = [];
    for (const _ of scripts) first.push(await say(model));

    const replay = replayModel(throughJson(recording()));

    const again: Said[] = [];
    for (const _ of scripts) again.push(await say(replay));
    expect(first.map(({ chunks }) => chunks.length)).toEqual([18, 0, 3, 3]);
    for (const [n, { chunks, thrown }] of again.entries()) {
      const expected = first[n]?.chunks.map((chunk) =>
        chunk.type === 'file' && chunk.data.type === 'data'
          ? { ...chunk, data: { type: 'data', data: 'aGk=' } }
          : chunk,
      );
      expect(chunks.filter(({ type }) => type !== 'error')).toEqual(expected?.filter(({ type }) => type !== 'error'));
      expect((thrown as Error | undefined)?.name).toBe((first[n]?.thrown as Error | undefined)?.name);
    }
    expect(again[1]?.thrown).toMatchObject({
      statusCode: 429,
      isRetryable: true,
      responseHeaders: { 'retry-after': '3' },
    });
    expect(again[2]?.thrown).toMatchObject({ message: 'gone', code: 'ECONNRESET' });
    expect(replay).toMatchObject({ provider: 'acme', modelId: 'm1' });
    replay.assertFinished();
  });

  it('is not disturbed: chunks are the same objects, come one by one, and a reader that leaves ends the call', async () => {
    const chunk: ModelChunk = { type: 'text-delta', id: '0', delta: 'x' };
    let cancelled: unknown;
    const source = {
      provider: 'p',
      modelId: 'm',
      field: 1,
      doStream: async (asked: object) => {
        expect(asked).toEqual({});
        return {
          stream: new ReadableStream<never>({
            start: (controller) => controller.enqueue(chunk as never),
            cancel: (reason) => void (cancelled = reason),
          }),
        };
      },
      method() {
        return this.field;
      },
    };
    const { model, recording } = recordModel(source);
    const { stream } = await model.doStream({});
    const reader = stream.getReader();

    expect((await reader.read()).value).toBe(chunk);
    expect(model.method()).toBe(1);
    await reader.cancel('enough');

    expect(cancelled).toBe('enough');
    expect(recording().replies).toMatchObject([{ chunks: [{ delta: 'x' }] }]);
  });

  it('I11: holds no headers, no bytes of the prompt, no raw events and nothing that looks like a credential', async () => {
    const real = scriptedModel([['The token: sk-abcdefgh12345', { type: 'raw', rawValue: { secret: 'raw-secret' } }]]);
    const { model, recording } = recordModel(real, { redact: (text) => text.replaceAll('Ada', '[name]') });
    await say(model, {
      headers: { authorization: 'Bearer header-secret' },
      abortSignal: new AbortController().signal,
      temperature: 0,
      providerOptions: { acme: { apiKey: 'api_key=option-secret' } },
      prompt: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'I am Ada, password: hunter2hunter2' },
            { type: 'file', data: { type: 'data', data: Buffer.from('picture') } },
          ],
        },
      ],
    });

    const text = JSON.stringify(recording());
    expect(text).not.toMatch(/header-secret|option-secret|raw-secret|hunter2|abcdefgh12345|Ada|picture|cGljdHVyZQ/);
    expect(recording().replies[0]?.request).toMatchObject({
      prompt: [
        {
          content: [
            { text: 'I am [name], password: [redacted]' },
            { data: { data: { bytes: 7, sha256: expect.any(String) } } },
          ],
        },
      ],
      settings: { temperature: 0 },
    });
  });

  it('I9: has a bound, past which nothing more is kept and the model goes on', async () => {
    const { model, recording } = recordModel(scriptedModel([Array.from({ length: 100 }, () => 'x'.repeat(100))]), {
      maxBytes: 2_000,
    });

    expect((await say(model)).chunks.length).toBe(104);
    expect(recording).toThrow(expect.objectContaining({ code: 'RECORDING_TOO_LARGE' }));
  });

  it.each([null, {}, { v: 2, replies: [] }])('refuses to play %j', (recording) => {
    expect(() => replayModel(recording as never)).toThrow(TypeError);
  });
});
