import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrusikError, secretSet, type ToolSource } from '@prusik/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createRecorder,
  scriptedModel,
  toolCallScope,
  type ModelChunk,
  type RecordedModel,
  type Recorder,
  type RecorderOptions,
  type ScriptedPart,
} from '../../src/index.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recorder-'));
  file = join(folder, 'recording.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type More = Partial<RecorderOptions>;
const recording = (more: More = {}): Recorder => createRecorder({ file, mode: 'record', env: {}, ...more });
const replaying = (more: More = {}): Recorder => createRecorder({ file, env: {}, ...more });
const end = (recorder: Recorder): Promise<void> => recorder[Symbol.asyncDispose]();
const text = (): string => readFileSync(file, 'utf8');

const nobody = (): never => {
  throw new Error('Nobody is to be asked');
};
/** Stands behind what is played. */
const silent: RecordedModel = { ...scriptedModel([]), doStream: nobody, doGenerate: nobody };

const user = (said: string): object => ({ role: 'user', content: [{ type: 'text', text: said }] });
const assistant = (said: string): object => ({ role: 'assistant', content: [{ type: 'text', text: said }] });
const asks = (...said: readonly string[]): object => ({ prompt: said.map(user) });

interface Said {
  readonly chunks: readonly ModelChunk[];
  readonly thrown?: unknown;
}

async function say(model: RecordedModel, request: object): Promise<Said> {
  const chunks: ModelChunk[] = [];
  try {
    const { stream } = await model.doStream(request as never);
    for await (const chunk of stream) chunks.push(chunk as ModelChunk);
    return { chunks };
  } catch (thrown) {
    return { chunks, thrown };
  }
}

const spoken = ({ chunks }: Said): string =>
  chunks.map((chunk) => (chunk.type === 'text-delta' ? chunk.delta : '')).join('');

/** Records these requests, each with its reply. */
async function record(
  calls: readonly (readonly [request: object, ...reply: readonly ScriptedPart[]])[],
  more: More = {},
): Promise<readonly Said[]> {
  const recorder = recording(more);
  const model = recorder.model('m', scriptedModel(calls.map(([, ...reply]) => reply)));
  const said: Said[] = [];
  for (const [request] of calls) said.push(await say(model, request));
  await end(recorder);
  return said;
}

const usage = {
  inputTokens: { total: 3, noCache: undefined, cacheRead: 1, cacheWrite: undefined },
  outputTokens: { total: 2, text: undefined, reasoning: undefined },
};
const busy = Object.assign(new Error('busy, says api_key=abcdefgh'), {
  name: 'AI_APICallError',
  statusCode: 429,
  isRetryable: true,
  responseHeaders: { 'retry-after': '3', authorization: 'Bearer abcdefghijkl' },
  responseBody: '{"error":{"type":"rate_limit"}}',
  [Symbol.for('vercel.ai.error.AI_APICallError')]: true,
});

describe('REC-3: what a model said', () => {
  it('is said again, chunk by chunk, with its files, its failures, and streams that broke or had no end', async () => {
    const network = new TypeError('fetch failed', { cause: Object.assign(new Error('gone'), { code: 'ECONNRESET' }) });
    const scripts: ScriptedPart[][] = [
      [
        { type: 'response-metadata', id: 'r', modelId: 'm', timestamp: new Date(0) },
        { reasoning: 'hm', providerMetadata: { acme: { signature: 's' } } },
        'Hel',
        'lo',
        { call: 'look', input: { q: 1 }, inputDeltas: ['{"q":', '1}'] },
        { type: 'file', mediaType: 'image/png', data: { type: 'data', data: new Uint8Array(Buffer.from('hi')) } },
        { type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'aGk=' } },
        { type: 'file', mediaType: 'image/png', data: { type: 'url', url: new URL('https://x.example/a') } },
        { type: 'error', error: busy },
        { type: 'finish', finishReason: { unified: 'tool-calls', raw: undefined }, usage },
      ],
      [{ reject: busy }],
      ['half', { drop: network }],
      ['no end', { finish: 'none' }],
      [{ reject: new PrusikError('MINE', 'mine', { retryable: true, meta: { n: 1 } }) }],
      [{ reject: 'a text' }],
    ];
    const first = await record(scripts.map((script, n) => [asks(String(n)), ...script]));

    const recorder = replaying();
    const model = recorder.model('m', silent);
    const again: Said[] = [];
    // Found by what is asked, in whatever order.
    for (let n = scripts.length - 1; n >= 0; n -= 1) again.unshift(await say(model, asks(String(n))));

    expect(first.map(({ chunks }) => chunks.length)).toEqual([19, 0, 3, 3, 0, 0]);
    const quiet = ({ chunks }: Said): readonly ModelChunk[] => chunks.filter(({ type }) => type !== 'error');
    for (const [n, said] of first.entries()) expect(quiet(again[n] as Said)).toEqual(quiet(said));
    expect(again[0]?.chunks.find(({ type }) => type === 'error')).toMatchObject({ error: { statusCode: 429 } });
    expect(again[1]?.thrown).toMatchObject({
      name: 'AI_APICallError',
      statusCode: 429,
      isRetryable: true,
      responseBody: '{"error":{"type":"rate_limit"}}',
      responseHeaders: { 'retry-after': '3' },
      [Symbol.for('vercel.ai.error.AI_APICallError')]: true,
    });
    expect(again[2]?.thrown).toBeInstanceOf(TypeError);
    expect(again[2]?.thrown).toMatchObject({ message: 'fetch failed', cause: { code: 'ECONNRESET' } });
    expect(again[4]?.thrown).toMatchObject({ name: 'PrusikError', code: 'MINE', retryable: true, meta: { n: 1 } });
    expect(again[5]?.thrown).toBe('a text');
    await end(recorder);
  });

  it('comes to whoever asked it, when several ask one model at once; who asks the same is answered in turn', async () => {
    const names = ['a', 'b', 'c', 'a'];
    const recorder = recording();
    const real = recorder.model('m', scriptedModel(names.map((name, n) => [`${name}${n}`])));
    await Promise.all(names.map((name) => say(real, asks(name))));
    await end(recorder);

    const replay = replaying();
    const model = replay.model('m', silent);
    const said = await Promise.all(['c', 'a', 'b', 'a'].map(async (name) => spoken(await say(model, asks(name)))));

    expect(said).toEqual(['c2', 'a0', 'b1', 'a3']);
    await end(replay);
  });

  it('was left: it waits there until it is told to stop, or left again', async () => {
    const stop = new AbortController();
    const recorder = recording();
    const model = recorder.model(
      'm',
      scriptedModel([['one', { stallMs: 1e9 }, 'two'], ['half', 'more'], [{ stallMs: 1e9 }]]),
    );
    const told = say(model, { ...asks('stop'), abortSignal: stop.signal });
    setImmediate(() => stop.abort(new Error('enough')));
    expect(spoken(await told)).toBe('one');
    const { stream } = await model.doStream(asks('leave') as never);
    const reader = stream.getReader();
    await reader.read();
    await reader.cancel('seen');
    // Nobody ever reads it.
    await model.doStream(asks('never') as never);
    await end(recorder);

    const replay = replaying();
    const again = replay.model('m', silent);
    const stopAgain = new AbortController();
    const stopped = say(again, { ...asks('stop'), abortSignal: stopAgain.signal });
    setImmediate(() => stopAgain.abort(new Error('enough again')));
    const { chunks, thrown } = await stopped;
    expect([spoken({ chunks }), (thrown as Error).message]).toEqual(['one', 'enough again']);
    const left = (await again.doStream(asks('leave') as never)).stream.getReader();
    expect((await left.read()).value).toMatchObject({ type: 'stream-start' });
    await left.cancel();
    const never = say(again, { ...asks('never'), abortSignal: AbortSignal.abort(new Error('late')) });
    expect((await never).thrown).toMatchObject({ message: 'late' });
    await end(replay);
  });

  it('is told whole, too', async () => {
    const recorder = recording();
    const whole = await recorder
      .model('m', scriptedModel([['Hi', { inputTokens: 1, outputTokens: 2 }]]))
      .doGenerate(asks('hi') as never);
    await end(recorder);

    const replay = replaying();
    const again = await replay.model('m', silent).doGenerate(asks('hi') as never);

    expect(again).toEqual(whole);
    await end(replay);
  });

  it('is not disturbed while it is recorded: chunks are the same objects, come one by one, and a reader that leaves ends the call', async () => {
    const chunk: ModelChunk = { type: 'text-delta', id: '0', delta: 'x' };
    let cancelled: unknown;
    const source = Object.freeze({
      ...silent,
      field: 1,
      doStream: async (asked: object) => {
        expect(asked).toEqual({});
        return {
          stream: new ReadableStream<unknown>({
            start: (controller) => controller.enqueue(chunk),
            cancel: (reason) => void (cancelled = reason),
          }),
        };
      },
      method() {
        return this.field;
      },
    });
    const recorder = recording();
    const model = recorder.model('m', source);
    const reader = (await model.doStream({})).stream.getReader();

    expect((await reader.read()).value).toBe(chunk);
    expect(model.method()).toBe(1);
    expect('supportedUrls' in model).toBe(true);
    await reader.cancel('enough');

    expect(cancelled).toBe('enough');
    await end(recorder);
  });
});

describe('REC-3: a request that was not recorded', () => {
  const changed = async (model: RecordedModel, request: object): Promise<PrusikError> =>
    (await say(model, request)).thrown as PrusikError;

  it('fails with what is another, and is not worth another attempt', async () => {
    const system = ['You are brief.', 'You are kind.', 'You are here.'].join('\n');
    const asked = (instructions: string, ...tools: readonly string[]) => ({
      prompt: [{ role: 'system', content: instructions }, user('Hi')],
      tools: tools.map((name) => ({ type: 'function', name, inputSchema: {} })),
      temperature: 0,
    });
    await record([
      [asks('Something else'), 'no'],
      [asked(system, 'look', 'old'), 'yes'],
    ]);

    const error = await changed(replaying().model('m', silent), asked(system.replace('kind', 'rude'), 'new', 'look'));

    expect(error).toMatchObject({
      code: 'REPLAY_CHANGED',
      retryable: false,
      meta: { of: 'model', name: 'm', recorded: 2, left: 2, nearest: 2 },
    });
    expect(error.message).toContain('Next to it is call 2');
    expect(error.message).toContain(
      ['prompt[0].content', '  You are brief.', '- You are kind.', '+ You are rude.', '  You are here.'].join('\n'),
    );
    expect(error.message).toMatch(/^tools\.old\n- \{"type":"function","name":"old"/m);
    expect(error.message).toMatch(/^tools\.new\n\+ \{"type":"function","name":"new"/m);
    expect(error.message).not.toMatch(/tools\.look|temperature|Something else/);
  });

  it('has a diff of 4 KiB at most, of whatever size it is, and shows where a long line changes', async () => {
    const long = (middle: string): string => `${'é'.repeat(3_000)}${middle}${'ü'.repeat(3_000)}`;
    await record([[{ prompt: Array.from({ length: 100 }, (_, n) => user(long(`before ${n}`))) }, 'x']]);

    const error = await changed(replaying().model('m', silent), {
      prompt: Array.from({ length: 100 }, (_, n) => user(long(`after ${n}`))),
    });

    expect(error.message).toContain('before 0');
    expect(error.message).toContain('after 0');
    expect(error.message).toContain('[… cut …]');
    expect(error.message).not.toContain('\uFFFD');
    expect(Buffer.byteLength(error.message)).toBeLessThan(4_096 + 400);
  });

  it('is told apart by each thing that is asked, and asked once more than it was recorded it is told so', async () => {
    const base = { prompt: [user('Hi'), assistant('Hello'), user('How?')], temperature: 0 };
    const others: readonly (readonly [object, string])[] = [
      [{ ...base, temperature: 1 }, 'temperature'],
      [{ ...base, topK: 1 }, 'topK'],
      [{ ...base, tools: [{ name: 't' }] }, 'tools'],
      [{ ...base, prompt: base.prompt.slice(0, 2) }, 'prompt[2]'],
      [{ ...base, prompt: [...base.prompt, user('More')] }, 'prompt[3]'],
      [{ ...base, prompt: [base.prompt[0], base.prompt[2], base.prompt[1]] }, 'prompt[1].role'],
      [{ ...base, responseFormat: { type: 'json' } }, 'responseFormat'],
    ];
    await record([[base, 'x']]);

    for (const [request, path] of others) {
      const { code, message } = await changed(replaying().model('m', silent), request);
      expect([code, message.split('\n')[1]]).toEqual(['REPLAY_CHANGED', path]);
    }
    const { message } = await changed(replaying().model('m', { ...silent, modelId: 'other' }), base);
    expect(message).toContain('model\n- scripted/scripted\n+ scripted/other');
    const same = replaying().model('m', silent);
    expect((await say(same, base)).thrown).toBeUndefined();
    expect((await changed(same, base)).message).toContain('once more than was recorded');
    expect((await changed(replaying().model('nobody', silent), base)).message).toContain('The model nobody is not in');
  });

  it('is compared with a recorded one of about its length, however many there are', async () => {
    const until = (turn: number): readonly object[] => Array.from({ length: turn }, (_, n) => user(`turn ${n}`));
    await record(Array.from({ length: 250 }, (_, n) => [{ prompt: until(n + 1) }, 'x'] as const));

    const error = await changed(replaying().model('m', silent), { prompt: [...until(239), user('other')] });

    expect(error.meta).toMatchObject({ recorded: 250, nearest: 240 });
    expect(error.message).toContain('prompt[239].content[0].text\n- turn 239\n+ other');
  });

  it('is compared with what was not played yet, and is the same with bytes in another form', async () => {
    const shows = (data: unknown, said: string): object => ({
      prompt: [{ role: 'user', content: [{ type: 'file', mediaType: 'a/b', data }] }, user(said)],
    });
    await record([
      [shows(new Uint8Array([1, 2, 3]), 'one'), 'x'],
      [shows(new Uint8Array([1, 2, 3]), 'two'), 'y'],
    ]);
    const model = replaying().model('m', silent);

    expect(spoken(await say(model, shows('AQID', 'one')))).toBe('x');
    const error = await changed(model, shows('AQID', 'other'));

    expect(error).toMatchObject({ meta: { left: 1, nearest: 2 } });
    expect(error.message).toContain('prompt[1].content[0].text\n- two\n+ other');
  });

  it('cannot be hidden: whoever asks another one instead, or goes on, hears the same, and so does who disposes', async () => {
    await record([
      [asks('a'), 'x'],
      [asks('b'), 'y'],
    ]);
    const recorder = replaying();
    const model = recorder.model('m', silent);

    const first = await changed(model, asks('other'));

    expect(await changed(model, asks('b'))).toBe(first);
    await expect(recorder.tool({ name: 't', execute: nobody }).execute()).rejects.toBe(first);
    await expect(end(recorder)).rejects.toBe(first);
    await expect(end(recorder)).rejects.toBe(first);
  });

  it('is missed where nobody asks it: what is not played is told when all is over', async () => {
    await record([
      [asks('a'), 'x'],
      [asks('b'), 'y'],
    ]);
    const recorder = replaying();
    await say(recorder.model('m', silent), asks('b'));

    await expect(end(recorder)).rejects.toMatchObject({
      code: 'RECORDING_UNUSED',
      message: expect.stringContaining('call 1 (model m)'),
      meta: { unused: 1, recorded: 2 },
    });
  });
});

describe('REC-3, I11: a recording', () => {
  const planted = /planted|c2VjcmV0|hunter2|abcdefgh12345|Ada Lovelace/;

  it('holds no headers, no bytes of prompts, no options of providers, no raw events, no secrets; and plays what it holds', async () => {
    const secrets = secretSet();
    secrets.remember('known-planted-value');
    const request = (more: object = {}) => ({
      headers: { authorization: 'Bearer planted-header', 'x-user': 'planted-plain' },
      providerOptions: { acme: { apiKey: 'planted-option', effort: 'high' }, other: { user: 'planted-user' } },
      prompt: [
        { role: 'system', content: 'Be known-planted-value.', providerOptions: { acme: { cache: 'planted-cache' } } },
        {
          role: 'user',
          content: [
            {
              type: 'text',
              text: 'I am Ada Lovelace, password: hunter2hunter2',
              providerOptions: { x: { y: 'planted' } },
            },
            { type: 'file', mediaType: 'text/plain', data: { type: 'data', data: Buffer.from('secret') } },
            { type: 'file', mediaType: 'text/plain', data: 'c2VjcmV0' },
          ],
        },
        {
          role: 'tool',
          content: [
            {
              type: 'tool-result',
              output: {
                type: 'content',
                value: [{ type: 'text', text: 'x', providerOptions: { a: { b: 'planted' } } }],
              },
            },
          ],
        },
      ],
      tools: [{ name: 't', providerOptions: { a: { b: 'planted' } } }],
      ...more,
    });
    const cleaning: More = {
      secrets: [secrets],
      redact: (said) => said.replaceAll('Ada Lovelace', '[name]'),
      providerOptions: ['acme.effort'],
    };
    await record(
      [
        [
          request(),
          'The token: sk-abc',
          'defgh12345!',
          { call: 'open', input: { token: 'planted' }, inputDeltas: ['{"tok', 'en":"planted"}'] },
          { type: 'raw', rawValue: 'planted-raw' },
          { type: 'response-metadata', id: 'r', headers: { 'set-cookie': 'planted' } } as never,
        ],
      ],
      cleaning,
    );

    expect(text()).not.toMatch(planted);
    expect(text()).toContain('"providerOptions": { "acme": { "effort": "high" } }');
    expect(text()).toContain('Be [redacted].');
    const recorder = replaying(cleaning);
    const said = await say(
      recorder.model('m', silent),
      request({ headers: { authorization: 'another', 'x-user': 'another' } }),
    );
    expect(spoken(said)).toBe('The token: [redacted]');
    expect(said.chunks.find(({ type }) => type === 'tool-call')).toMatchObject({ input: '{"token":"[redacted]"}' });
    await end(recorder);

    const { thrown } = await say(
      replaying(cleaning).model('m', silent),
      request({ providerOptions: { acme: { effort: 'low' } } }),
    );
    expect(thrown).toMatchObject({ message: expect.stringContaining('providerOptions.acme.effort\n- high\n+ low') });
    expect((thrown as Error).message).not.toMatch(planted);
  });

  it('matches what was redacted in an answer when it comes back in the next request', async () => {
    const answers = [
      'api_key=abcdefgh12345',
      'Bearer abcdefgh12345',
      'password: "hunter2hunter2"',
      'https://me:hunter2@x.example/?key=abcdefgh12345',
      'Cookie: a=abcdefgh12345; b=2',
      'Ada Lovelace',
    ];
    const cleaning: More = { redact: (said) => said.replaceAll('Ada Lovelace', '[name]') };
    await record(
      answers.flatMap((answer) => [
        [asks(answer.slice(0, 6)), answer] as const,
        [{ prompt: [user(answer.slice(0, 6)), assistant(answer)] }, 'on'] as const,
      ]),
      cleaning,
    );

    const recorder = replaying(cleaning);
    const model = recorder.model('m', silent);
    for (const answer of answers) {
      const heard = spoken(await say(model, asks(answer.slice(0, 6))));
      expect(heard).not.toBe(answer);
      expect(spoken(await say(model, { prompt: [user(answer.slice(0, 6)), assistant(heard)] }))).toBe('on');
    }
    await end(recorder);
  });

  it('keeps blocks apart that come one after the other under one id, also where a secret went from one of them', async () => {
    const block = (...deltas: readonly string[]): readonly ModelChunk[] => [
      { type: 'text-start', id: '0' },
      ...deltas.map((delta): ModelChunk => ({ type: 'text-delta', id: '0', delta })),
      { type: 'text-end', id: '0' },
    ];
    const chunks = [...block('The key: sk-abcdef', '0123456789'), ...block('of', ' Ann')];
    const model: RecordedModel = { ...silent, doStream: async () => ({ stream: ReadableStream.from(chunks) }) };
    const recorder = recording();
    await say(recorder.model('m', model), asks('Which?'));
    await end(recorder);

    const played = replaying();
    expect((await say(played.model('m', silent), asks('Which?'))).chunks).toEqual([
      ...block('The key: [redacted]'),
      ...block('of', ' Ann'),
    ]);
    await end(played);
  });

  it('is compared without what differs from run to run, which a program names', async () => {
    const normalise = (said: string): string =>
      said.replace(/\/tmp\/\w+/g, '/tmp/DIR').replace(/\d{4}-\d\d-\d\d/g, 'DAY');
    await record([[asks('It is 2026-01-01, in /tmp/abc'), 'See /tmp/abc']], { normalise });

    const recorder = replaying({ normalise });
    expect(spoken(await say(recorder.model('m', silent), asks('It is 2027-02-02, in /tmp/xyz')))).toBe('See /tmp/abc');
    await end(recorder);
    expect(text()).toContain('It is DAY, in /tmp/DIR');
  });

  it('holds a long conversation once, and stands in lines of which a diff can be read', async () => {
    const turns = 30;
    const word = (n: number): string => `turn ${n} ${'x'.repeat(2_000)}`;
    const until = (n: number): object => ({
      prompt: Array.from({ length: 2 * n + 1 }, (_, at) => (at % 2 === 0 ? user : assistant)(word(at))),
      tools: [{ name: 'look', description: 'y'.repeat(2_000) }],
    });
    await record(Array.from({ length: turns }, (_, n) => [until(n), word(2 * n + 1)] as const));

    const size = Buffer.byteLength(text());
    // Each message once, and each reply.
    expect(size).toBeLessThan(turns * 3 * 2_600);
    expect(text().match(/turn 0 x/g)).toHaveLength(1);
    expect(text().match(/y{2000}/g)).toHaveLength(1);
    expect(new Set(text().match(/"settings": "s[0-9a-f]{20}"/g)).size).toBe(1);
    expect(text().split('\n').length).toBeGreaterThan(turns * 5);
    const before = text();
    await record(Array.from({ length: turns }, (_, n) => [until(n), word(2 * n + 1)] as const));
    expect(text()).toBe(before);

    const recorder = replaying();
    const model = recorder.model('m', silent);
    for (let n = 0; n < turns; n += 1) expect(spoken(await say(model, until(n)))).toBe(word(2 * n + 1));
    await end(recorder);
  });

  it('I9: has a bound, past which nothing is kept, the model goes on, and the file stays as it was', async () => {
    await record([[asks('a'), 'before']]);
    const before = text();
    const recorder = recording({ maxBytes: 2_000 });
    const pieces = Array.from({ length: 100 }, () => 'x'.repeat(100));
    const model = recorder.model('m', scriptedModel([pieces, ['on']]));

    expect((await say(model, asks('a'))).chunks.length).toBe(104);
    expect(spoken(await say(model, asks('b')))).toBe('on');
    await expect(end(recorder)).rejects.toMatchObject({ code: 'RECORDING_TOO_LARGE', meta: { maxBytes: 2_000 } });
    expect(text()).toBe(before);
    expect(() => replaying({ maxBytes: 10 })).toThrow(expect.objectContaining({ code: 'RECORDING_TOO_LARGE' }));
  });

  it('takes what is hostile as it is, or says that it cannot, and never disturbs the call', async () => {
    const hostile = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":2},"$":"bytes","sha256":"x"}',
    ) as object;
    const circular: Record<string, unknown> = {};
    circular['a'] = circular;
    circular['b'] = circular;
    const reply = { type: 'custom', kind: 'a.b', providerMetadata: { acme: hostile } } as never;
    await record([[{ prompt: [{ role: '__proto__', content: hostile }], hostile }, reply]]);

    const recorder = replaying();
    const { chunks } = await say(recorder.model('m', silent), {
      prompt: [{ role: '__proto__', content: hostile }],
      hostile,
    });
    expect(JSON.stringify(chunks[1])).toBe(JSON.stringify(reply));
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    await end(recorder);

    const before = text();
    for (const request of [
      circular,
      { prompt: circular },
      Object.defineProperty({}, 'a', { enumerable: true, get: nobody }),
    ]) {
      const broken = recording();
      expect(spoken(await say(broken.model('m', scriptedModel([['on']])), request))).toBe('on');
      await expect(end(broken)).rejects.toThrow(/more than \d+ bytes|Nobody is to be asked/);
      expect(text()).toBe(before);
    }
  });
});

describe('REC-3: the file of a recording', () => {
  it('is written by who says so, and never where CI is set', async () => {
    expect(() => replaying()).toThrow(expect.objectContaining({ code: 'RECORDING_MISSING' }));
    for (const more of [
      { mode: 'record', env: { CI: 'true' } },
      { mode: undefined, env: { CI: '1', PRUSIK_RECORD: '1' } },
    ] as const)
      expect(() => createRecorder({ file, ...(more.mode ? { mode: more.mode } : {}), env: more.env })).toThrow(
        expect.objectContaining({ code: 'RECORDING_REFUSED' }),
      );
    expect(createRecorder({ file, env: { PRUSIK_RECORD: '1', CI: 'false' } }).mode).toBe('record');
    await record([[asks('a'), 'x']]);
    expect(createRecorder({ file, env: {} }).mode).toBe('replay');
    expect(createRecorder({ file, env: { CI: 'true' } }).mode).toBe('replay');
    expect(createRecorder({ file, mode: 'replay', env: { PRUSIK_RECORD: '1' } }).mode).toBe('replay');
    expect(createRecorder({ file, env: { PRUSIK_RECORD: '1' } }).mode).toBe('record');
  });

  it('is not looked at where the recorder is off: everything is as it is given', async () => {
    const recorder = createRecorder({ file, mode: 'off', env: { CI: 'true' } });
    const tool = { name: 't', execute: nobody };

    expect(recorder.model('m', silent)).toBe(silent);
    expect(recorder.tool(tool)).toBe(tool);
    await end(recorder);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{"v":2'],
    ['an older version', '{"v":1,"replies":[]}'],
    ['a newer one', '{"v":3,"calls":[],"shared":{},"prompts":{},"files":{}}'],
    ['something else', '{"name":"package"}'],
    ['a list', '[]'],
    ['no calls', '{"v":2,"shared":{},"prompts":{},"files":{}}'],
    [
      'a call of nothing',
      '{"v":2,"calls":[{"of":"ear","name":"m","reply":{"value":1}}],"shared":{},"prompts":{},"files":{}}',
    ],
    [
      'a call without a reply',
      '{"v":2,"calls":[{"of":"tool","name":"t","input":{},"reply":{}}],"shared":{},"prompts":{},"files":{}}',
    ],
    [
      'a prompt that is not there',
      '{"v":2,"calls":[{"of":"model","name":"m","settings":"s","prompt":"p","reply":{"chunks":[]}}],"shared":{"s":{}},"prompts":{},"files":{}}',
    ],
    [
      'settings that are not there',
      '{"v":2,"calls":[{"of":"model","name":"m","settings":"toString","prompt":"p","reply":{"chunks":[]}}],"shared":{},"prompts":{"p":{"messages":[]}},"files":{}}',
    ],
    [
      'a prompt that goes on from itself',
      '{"v":2,"calls":[],"shared":{},"prompts":{"p":{"after":"p","messages":[]}},"files":{}}',
    ],
    ['a file that is none', '{"v":2,"calls":[],"shared":{},"prompts":{},"files":{"a":1}}'],
  ])('is refused where it holds %s', (_, content) => {
    writeFileSync(file, content);

    expect(() => replaying()).toThrow(expect.objectContaining({ code: 'RECORDING_INVALID', retryable: false }));
    expect(text()).toBe(content);
  });

  it('with an answer that cannot be is refused where that is played', async () => {
    for (const value of ['{"$":"bytes","sha256":"gone"}', '{"$":"what"}', '{"$":"url","href":"no address"}']) {
      writeFileSync(
        file,
        `{"v":2,"calls":[{"of":"tool","name":"t","input":{"input":1},"reply":{"value":${value}}}],"shared":{},"prompts":{},"files":{}}`,
      );
      const tool = replaying().tool({
        name: 't',
        execute: (input: number) => Promise.reject(new Error(`Asked ${input}`)),
      });
      await expect(tool.execute(1)).rejects.toMatchObject({ code: 'RECORDING_INVALID' });
    }
  });

  it('stays with who wrote it first, of two that record it at once', async () => {
    const [one, two] = [recording(), recording()];
    await say(one.model('m', scriptedModel([['1']])), asks('a'));
    await say(two.model('m', scriptedModel([['2']])), asks('b'));
    await end(two);
    const first = text();

    await expect(end(one)).rejects.toMatchObject({ code: 'RECORDING_CONFLICT' });

    expect(text()).toBe(first);
    expect(readdirSync(folder)).toEqual(['recording.json']);
    // Two that play it have a copy each.
    const players = [replaying(), replaying()];
    for (const player of players) expect(spoken(await say(player.model('m', silent), asks('b')))).toBe('2');
    await Promise.all(players.map(end));
  });

  it('that cannot be read or written is told, and nothing is left beside it', async () => {
    expect(() => createRecorder({ file: folder, env: {} })).toThrow(
      expect.objectContaining({ code: 'RECORDING_UNAVAILABLE' }),
    );
    writeFileSync(join(folder, 'no-folder'), '');
    const recorder = createRecorder({ file: join(folder, 'sub', 'a.json'), mode: 'record', env: {} });
    writeFileSync(join(folder, 'sub'), '');

    await expect(end(recorder)).rejects.toMatchObject({ code: 'RECORDING_UNAVAILABLE' });
    expect(readdirSync(folder)).toEqual(['no-folder', 'sub']);
  });

  it('wrong options are mistakes', () => {
    expect(() => createRecorder({ file: '' })).toThrow(TypeError);
    expect(() => recording({ maxBytes: 0 })).toThrow(TypeError);
    expect(() => recording({ mode: 'all' as never })).toThrow(TypeError);
    expect(() => recording({ normalize: 1 } as never)).toThrow(/normalise/);
  });
});

describe('REC-3: tools and their sources', () => {
  it('give again what they gave, by their input, with marks and files and failures, and do nothing', async () => {
    const brand = Symbol.for('@prusik/agents tool content');
    let done = 0;
    const tool = {
      name: 'act',
      description: 'kept',
      execute: async (input: { readonly n: number }, scope: { readonly answers?: object }) => {
        done += 1;
        if (input.n === 0) throw new PrusikError('BUSY', 'busy', { retryable: true, meta: { inDoubt: true } });
        if (input.n === 1) return undefined;
        if (scope.answers !== undefined) return { answered: scope.answers };
        const bytes = new Uint8Array([1, 2, 3]);
        return Object.defineProperty({ parts: ['text', { type: 'file', mediaType: 'a/b', data: bytes }] }, brand, {
          value: true,
        });
      },
    };
    const recorder = recording();
    const recorded = recorder.tool(tool);
    await recorded.execute({ n: 2 }, {});
    await recorded.execute({ n: 2 }, { answers: { seat: 1 } });
    await recorded.execute({ n: 1 }, {});
    await expect(recorded.execute({ n: 0 }, {})).rejects.toMatchObject({ code: 'BUSY' });
    await end(recorder);

    const replay = replaying();
    const played = replay.tool(tool);
    expect(played).toMatchObject({ name: 'act', description: 'kept' });
    await expect(played.execute({ n: 0 }, {})).rejects.toMatchObject({
      code: 'BUSY',
      retryable: true,
      meta: { inDoubt: true },
    });
    expect(await played.execute({ n: 1 }, {})).toBeNull();
    expect(await played.execute({ n: 2 }, { answers: { seat: 1 } })).toEqual({ answered: { seat: 1 } });
    const content = (await played.execute({ n: 2 }, {})) as object;
    expect(brand in content).toBe(true);
    expect(content).toEqual({ parts: ['text', { type: 'file', mediaType: 'a/b', data: new Uint8Array([1, 2, 3]) }] });
    expect(done).toBe(4);
    await end(replay);
    await expect(replaying().tool(tool).execute({ n: 3 }, {})).rejects.toMatchObject({
      code: 'REPLAY_CHANGED',
      message: expect.stringContaining('input.n\n- 2\n+ 3'),
    });
  });

  it('a source lists and calls as it did; its list is kept once', async () => {
    let calls = 0;
    const source: ToolSource = {
      name: 'far',
      async list() {
        calls += 1;
        const more = { effect: 'once', approval: 'never', timeoutMs: 1, maxOutputBytes: 1 } as const;
        return {
          tools: [{ name: 'far_a', description: 'z'.repeat(500), inputSchema: {}, hash: 'h', ...more }],
          withheld: [],
        };
      },
      async call({ input }) {
        calls += 1;
        return { type: 'outcome', parts: ['said'], value: input };
      },
    };
    const through = async (one: ToolSource): Promise<unknown[]> => {
      const { run, signal } = toolCallScope();
      const call = { name: 'far_a', hash: 'h', callId: 'c', input: { n: 1 } };
      return [await one.list({ run, signal }), await one.list({ run, signal }), await one.call(call, toolCallScope())];
    };
    const recorder = recording();
    const first = await through(recorder.source(source));
    await end(recorder);

    const replay = replaying();
    expect(await through(replay.source(source))).toEqual(first);
    expect(calls).toBe(3);
    expect(text().match(/z{500}/g)).toHaveLength(1);
    await end(replay);
  });
});
