import { PrusikError, type FilePart, type Message, type Store } from '@prusik/core';
import { scriptedModel, type ScriptedRequest } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool, toolContent } from '../src/index.ts';
import { keyOf, newEngine, newStore, threadOf } from './support.ts';

const bytes = Buffer.alloc(3 * 1_048_576, 7);
const image = (data: FilePart['data']): FilePart => ({ type: 'file', mediaType: 'image/png', data });
const named = { blob: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) };

/** Sizes of the files that a model was shown, in order; -1 for what is not bytes. */
function shown(request: ScriptedRequest | undefined): readonly number[] {
  const sizes: number[] = [];
  const look = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(look);
    if (typeof value !== 'object' || value === null) return;
    const { type, data, ...more } = value as { type?: unknown; data?: { data?: { length: number } } };
    if (type === 'file' || type === 'reasoning-file') sizes.push(data?.data?.length ?? -1);
    else Object.values(more).forEach(look);
  };
  look(request?.prompt);
  return sizes;
}

async function sweepAll(store: Store): Promise<number> {
  let blobs = 0;
  for (let after: string | undefined = 'row-0'; after !== undefined;) {
    const swept = await store.sweepBlobs({ after, graceMs: 0 });
    blobs += swept.blobs;
    after = swept.next;
  }
  return blobs;
}

/** A tool and a model that take a picture, look at it, and draw another one. */
function painter() {
  const model = scriptedModel([
    { call: 'take', callId: 'c1' },
    [
      'I draw.',
      { type: 'file', mediaType: 'image/png', data: { type: 'data', data: Buffer.from('drawn').toString('base64') } },
      { call: 'take', callId: 'c2' },
    ],
    'Done.',
  ]);
  const take = defineTool({
    name: 'take',
    description: 'Takes a picture',
    input: z.object({}),
    effect: 'repeatable',
    execute: () => toolContent('Here:', { ...image({ text: '' }), data: Buffer.from('taken') }),
  });
  return { model, agent: defineAgent({ name: 'painter', instructions: '', model, tools: [take] }) };
}

describe('SES-12: files of a conversation', () => {
  it('are blobs in the record, wherever they came from, and bytes for the model; they live as long as the conversation', async () => {
    const store = newStore();
    const { agent, model } = painter();
    const input = [{ type: 'text' as const, text: 'Look' }, image({ base64: bytes.toString('base64') })];

    expect(await newEngine([agent], { store }).run('painter', input, { id: 'r' })).toMatchObject({ output: 'Done.' });

    const [user, , result, reply] = await threadOf(store, 'r');
    expect(user?.content[1]).toEqual(image(named as never));
    expect(result?.content[0]).toMatchObject({ output: { parts: [{ text: 'Here:' }, { data: named }] } });
    expect(reply?.content[1]).toEqual(image(named as never));
    expect((await store.run(keyOf('r')))?.input).toEqual([input[0], image(named as never)]);
    expect(model.requests.map(shown)).toEqual([[bytes.length], [bytes.length, 5], [bytes.length, 5, 5, 5]]);
    expect(await sweepAll(store)).toBe(0);
  });

  it('are read once a drive, and again by whoever drives on', async () => {
    const inner = newStore();
    const read: string[] = [];
    const store: Store = { ...inner, readBlob: (tenant, hash) => (read.push(hash), inner.readBlob(tenant, hash)) };
    const { agent } = painter();

    await newEngine([agent], { store }).run('painter', [image({ base64: 'aGk=' })]);

    // The input, and what was taken, which is the same picture twice; what was drawn comes later.
    expect(read.length).toBe(new Set(read).size);
    expect(read.length).toBe(3);
  });

  it('are refused before anything is stored when they are no files', async () => {
    const store = newStore();
    const engine = newEngine([painter().agent], { store });

    await expect(engine.start('painter', [image({ base64: 'not base64' })], { id: 'a' })).rejects.toMatchObject({
      code: 'FILE_INVALID',
    });
    await expect(
      engine.start('painter', [image({ blob: `sha256:${'0'.repeat(64)}` })], { id: 'b' }),
    ).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    for (const wrong of [image({} as never), image({ url: 'over there' }), { type: 'reasoning', text: 'x' }])
      await expect(engine.start('painter', [wrong], { id: 'c' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    for (const id of ['a', 'b', 'c']) expect(await store.run(keyOf(id))).toBeUndefined();
  });

  it.each<[string, string, (inner: Store) => AsyncIterable<Uint8Array>]>([
    ['are gone', 'FILE_MISSING', () => ReadableStream.from(failing(new PrusikError('BLOB_UNKNOWN', 'no such blob')))],
    ['are damaged', 'STORE_CORRUPT', () => ReadableStream.from(failing(new PrusikError('STORE_CORRUPT', 'damaged')))],
    ['are more than a prompt may hold', 'PROMPT_FILES_TOO_LARGE', () => ReadableStream.from(many())],
  ])('that %s fail the run with %s, and the model is not called', async (_, code, readBlob) => {
    const inner = newStore();
    const { agent, model } = painter();
    const engine = newEngine([agent], { store: { ...inner, readBlob: () => readBlob(inner) } });

    expect(await engine.run('painter', [image({ base64: 'aGk=' })])).toMatchObject({
      status: 'failed',
      error: { code },
    });
    expect(model.requests).toEqual([]);
  });

  it('that a store has no room for are left out of a reply, which says so and is kept', async () => {
    const inner = newStore();
    let puts = 0;
    const full: Store = {
      ...inner,
      putBlob: (...args) =>
        (puts += 1) > 1 ? Promise.reject(new PrusikError('STORE_FULL', 'full')) : inner.putBlob(...args),
    };
    const drawn = { type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'aGk=' } } as const;
    const model = scriptedModel([['Two pictures.', drawn, { ...drawn, data: { type: 'data', data: 'b25l' } }]]);
    const agent = defineAgent({ name: 'a', instructions: '', model });

    expect(await newEngine([agent], { store: full }).run('a', 'Draw', { id: 'r' })).toMatchObject({
      status: 'completed',
    });
    expect((await threadOf(inner, 'r'))[1]?.content).toEqual([
      { type: 'text', text: 'Two pictures.' },
      image(named as never),
      { type: 'text', text: '[The file image/png was left out: STORE_FULL]' },
    ]);
  });

  it('may be part of what an agent with an input of its own shows', async () => {
    const model = scriptedModel(['A cat.']);
    const agent = defineAgent({
      name: 'looker',
      instructions: '',
      model,
      input: z.object({ photo: z.string() }),
      prompt: ({ photo }) => [{ type: 'text', text: 'What is it?' }, image({ blob: photo })],
    });
    const store = newStore();
    const { hash } = await store.putBlob('default', Buffer.from('a cat'));

    expect(await newEngine([agent], { store }).run('looker', { photo: hash })).toMatchObject({ output: 'A cat.' });
    expect(shown(model.requests[0])).toEqual([5]);
    expect(await sweepAll(store)).toBe(0);
  });
});

describe('SES-5: a thread that another program damaged', () => {
  it.each<[string, unknown]>([
    ['no content', { v: 1, id: 'm', role: 'user', kind: 'user' }],
    ['a role that nobody knows', { v: 1, id: 'm', role: 'robot', kind: 'user', content: [] }],
    ['a part that nobody knows', { v: 1, id: 'm', role: 'user', kind: 'user', content: [{ type: 'hologram' }] }],
  ])('with %s fails the run with a code, once, and the model is not called', async (_, message) => {
    const inner = newStore();
    const store: Store = { ...inner, messages: async () => [{ n: 1, message: message as Message }] };
    const model = scriptedModel([]);
    const agent = defineAgent({ name: 'a', instructions: '', model });

    expect(await newEngine([agent], { store }).run('a', 'Go')).toMatchObject({
      status: 'failed',
      error: { code: 'MESSAGE_INVALID' },
    });
    expect(model.requests).toEqual([]);
  });
});

// oxlint-disable-next-line require-yield -- it fails before it has anything to give
async function* failing(error: Error): AsyncGenerator<Uint8Array> {
  throw error;
}

async function* many(): AsyncGenerator<Uint8Array> {
  const piece = Buffer.alloc(1_048_576);
  for (let n = 0; n < 65; n += 1) yield piece;
}
