import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  filesOf,
  isPrusikError,
  loadFiles,
  PrusikError,
  putFiles,
  putMessageFiles,
  type FilePart,
  type Message,
  type MessagePart,
} from '../src/index.ts';

/** Blobs in memory, read in small pieces. */
function blobs() {
  const kept = new Map<string, Buffer>();
  return {
    kept,
    reads: [] as string[],
    async put(body: Uint8Array | AsyncIterable<Uint8Array>) {
      const pieces: Uint8Array[] = [];
      if (body instanceof Uint8Array) pieces.push(body);
      else for await (const piece of body) pieces.push(piece);
      const bytes = Buffer.concat(pieces);
      const hash = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      kept.set(hash, bytes);
      return { hash };
    },
    async *read(this: void, hash: string): AsyncGenerator<Uint8Array> {
      const bytes = kept.get(hash);
      if (bytes === undefined) throw new PrusikError('BLOB_UNKNOWN', 'no such blob');
      for (let from = 0; from < bytes.length; from += 1_000) yield bytes.subarray(from, from + 1_000);
    },
  };
}

const file = (data: FilePart['data'], more: Partial<FilePart> = {}): FilePart => ({
  type: 'file',
  mediaType: 'image/png',
  data,
  ...more,
});
const base64 = (bytes: number, value = 7): string => Buffer.alloc(bytes, value).toString('base64');
const holding = (...content: MessagePart[]): Message => ({ v: 1, id: 'm', role: 'user', kind: 'user', content });

describe('SES-12: files of messages', () => {
  it('become blobs, those of results and of reasoning too; what names its bytes stays as it is', async () => {
    const { put, kept, read } = blobs();
    const provider = { provider: 'acme', data: { acme: 1 } };
    const parts: MessagePart[] = [
      { type: 'text', text: 'hi' },
      file({ base64: base64(1_000_000) }, { name: 'a.png', provider }),
      file({ url: 'https://x.example/a.png' }),
      file({ url: `data:image/gif;base64,${base64(10, 1)}` }, { mediaType: '' }),
      { type: 'reasoning-file', mediaType: 'image/png', data: { base64: base64(10, 2) } },
      {
        type: 'tool-result',
        callId: 'c',
        tool: 't',
        output: { type: 'content', parts: [{ type: 'text', text: 'p' }, file({ base64: base64(10, 3) })] },
      },
    ];

    const [stored] = await putMessageFiles([holding(...parts)], put);

    expect(stored?.content[1]).toEqual({ ...parts[1], data: { blob: expect.stringMatching(/^sha256:/) } });
    expect(stored?.content[2]).toBe(parts[2]);
    expect(stored?.content[3]).toMatchObject({ mediaType: 'image/gif', data: { blob: expect.any(String) } });
    expect(JSON.stringify(stored)).not.toMatch(/base64/);
    expect([...kept.values()].map(({ length }) => length).toSorted((a, b) => a - b)).toEqual([10, 10, 10, 1_000_000]);
    const loaded = await loadFiles(stored === undefined ? [] : [stored], read);
    expect(
      filesOf(stored as Message).flatMap(({ data }) => ('blob' in data ? [loaded.get(data.blob)?.length] : [])),
    ).toEqual([1_000_000, 10, 10, 10]);
  });

  it('come back as the same list where there is nothing to put', async () => {
    const parts = [file({ url: 'https://x.example' }), file({ url: 'data:text/plain,hi' })];

    expect(await putFiles(parts, () => Promise.reject(new Error('not asked')))).toBe(parts);
  });

  it.each(['no base64!', 'aGk=aGk=', `${base64(300_000)}\n`])('refuse what is not base64: %.20s', async (bad) => {
    await expect(putFiles([file({ base64: bad })], blobs().put)).rejects.toSatisfy((error) =>
      isPrusikError(error, 'FILE_INVALID'),
    );
  });

  it('are read once, and not at all when they are there already', async () => {
    const { put, read } = blobs();
    const [one, same, other] = (await putFiles(
      [file({ base64: base64(5) }), file({ base64: base64(5) }), file({ base64: base64(6) })],
      put,
    )) as FilePart[];
    const asked: string[] = [];
    const reading = (hash: string) => {
      asked.push(hash);
      return read(hash);
    };

    const first = await loadFiles([holding(one as FilePart, same as FilePart)], reading);
    const second = await loadFiles([holding(one as FilePart, other as FilePart)], reading, { have: first });

    expect(asked).toEqual([...first.keys(), ...[...second.keys()].slice(1)]);
    expect(second.size).toBe(2);
  });

  it('are bounded together, those that are there already too, and no more is read than that', async () => {
    const { put, read } = blobs();
    const files = await putFiles([file({ base64: base64(600, 1) }), file({ base64: base64(50_000, 2) })], put);
    const messages = [holding(...files)];
    let pieces = 0;
    async function* counted(hash: string) {
      for await (const piece of read(hash)) {
        pieces += 1;
        yield piece;
      }
    }

    await expect(loadFiles(messages, counted, { maxBytes: 3_000 })).rejects.toMatchObject({
      code: 'PROMPT_FILES_TOO_LARGE',
      meta: { maxBytes: 3_000 },
    });
    expect(pieces).toBeLessThan(6);
    const have = await loadFiles(messages, read);
    await expect(loadFiles(messages, read, { have, maxBytes: 3_000 })).rejects.toMatchObject({
      code: 'PROMPT_FILES_TOO_LARGE',
    });
  });

  it('that are gone are told by a code', async () => {
    const missing = holding(file({ blob: `sha256:${'0'.repeat(64)}` }));

    await expect(loadFiles([missing], blobs().read)).rejects.toMatchObject({ code: 'FILE_MISSING' });
  });
});
