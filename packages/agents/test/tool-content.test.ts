import { PrusikError, type ToolContentPart } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { toolContent } from '../src/index.ts';
import { contentOutput, isToolContent } from '../src/tool-content.ts';

const cap = { maxOutputBytes: 1_000, maxOutputLines: 10 };

async function output(parts: readonly ToolContentPart[], full?: string) {
  const put: string[] = [];
  const putBlob = async (body: Uint8Array | AsyncIterable<Uint8Array>) => {
    if (full !== undefined) throw new PrusikError(full, 'no room');
    const pieces: Uint8Array[] = [];
    if (body instanceof Uint8Array) pieces.push(body);
    else for await (const piece of body) pieces.push(piece);
    put.push(Buffer.concat(pieces).toString());
    return { hash: `sha256:${String(put.length).padStart(64, '0')}`, size: 0, storedAt: 0 };
  };
  async function* readBlob(hash: string) {
    if (hash !== blob(1).blob) throw new PrusikError(hash === blob(2).blob ? 'STORE_CORRUPT' : 'BLOB_UNKNOWN', 'gone');
    yield Buffer.from('kept');
  }
  return { output: await contentOutput(toolContent(...parts), cap, { putBlob, readBlob }), put };
}

const file = { type: 'file', mediaType: 'image/png' } as const;
const blob = (n: number) => ({ blob: `sha256:${String(n).padStart(64, '0')}` });

describe('AGT-14: a result of texts and files', () => {
  it('keeps their order, and puts bytes into blobs however they come', async () => {
    const { output: kept, put } = await output([
      'The page:',
      { ...file, data: Buffer.from('one'), name: 'a.png' },
      { ...file, data: { base64: Buffer.from('two').toString('base64') } },
      { ...file, data: { url: 'https://x.example/a.png' } },
      { type: 'text', text: 'That was all.' },
    ]);

    expect(kept).toEqual({
      type: 'content',
      parts: [
        { type: 'text', text: 'The page:' },
        { ...file, name: 'a.png', data: blob(1) },
        { ...file, data: blob(2) },
        { ...file, data: { url: 'https://x.example/a.png' } },
        { type: 'text', text: 'That was all.' },
      ],
    });
    expect(put).toEqual(['one', 'two']);
  });

  it('AGT-4: holds all texts together to the cap of the tool', async () => {
    const { output: kept } = await output(['x'.repeat(900), 'y'.repeat(900), 'z'.repeat(900)]);

    const texts = kept.type === 'content' ? kept.parts.map((part) => ('text' in part ? part.text : '')) : [];
    expect(texts[0]).toBe('x'.repeat(900));
    expect(texts[1]).toMatch(/^y+\n\[… \d+ bytes left out …\]\ny+$/);
    expect(texts.join('').length).toBeLessThan(1_100);
  });

  it('AGT-4: holds any number of texts to the cap, the empty ones too', async () => {
    for (const text of ['', 'x', 'x'.repeat(40)]) {
      const { output: kept } = await output(Array.from({ length: 10_000 }, () => text));

      expect(JSON.stringify(kept).length).toBeLessThan(3_000);
      expect(JSON.stringify(kept)).toMatch(/… \d+ more texts left out/);
    }
  });

  it('is none where JSON cannot hold it', async () => {
    const odd = { type: 'text', text: 'x', provider: { provider: 'p', data: { n: 1n } } } as unknown as ToolContentPart;

    await expect(output([odd])).rejects.toThrow(TypeError);
  });

  it.each(['BLOB_TOO_LARGE', 'STORE_FULL'])(
    'tells the model of a file that the store did not take: %s',
    async (code) => {
      const { output: kept } = await output(['Done.', { ...file, data: Buffer.from('large'), name: 'a.png' }], code);

      expect(kept).toMatchObject({ parts: [{ text: 'Done.' }, { text: `[The file a.png was left out: ${code}]` }] });
    },
  );

  it('names a blob that is there, and leaves out one that is not, which no commit takes', async () => {
    const { output: kept, put } = await output([1, 2, 3].map((n) => ({ ...file, data: blob(n), name: `${n}.png` })));

    expect(kept).toMatchObject({
      parts: [
        { ...file, data: blob(1) },
        { text: '[The file 2.png was left out: FILE_MISSING]' },
        { text: '[The file 3.png was left out: FILE_MISSING]' },
      ],
    });
    expect(put).toEqual([]);
  });

  it.each<[string, object]>([
    ['of no kind', { data: {} }],
    ['of two kinds', { data: { url: 'https://x.example', base64: 'AA==' } }],
    ['of a hash that is none', { data: { blob: 'x' } }],
    ['of bytes that are none', { data: { base64: 5 } }],
    ['of a reference that is none', { data: { reference: 5 } }],
    ['of something of a provider that is none', { data: { base64: 'AA==' }, provider: 'x' }],
  ])('leaves out a file %s, which no message holds, and keeps what is beside it', async (_, more) => {
    const { output: kept } = await output(['Done.', { ...file, ...more } as unknown as ToolContentPart]);

    expect(kept).toMatchObject({
      parts: [{ text: 'Done.' }, { text: '[The file image/png was left out: FILE_INVALID]' }],
    });
  });

  it('AGT-4: holds a document that is text to the cap, with the texts', async () => {
    const document = { type: 'file', mediaType: 'text/plain', data: { text: 'x'.repeat(900) } } as const;

    const { output: kept } = await output([document, document, 'y', document]);

    expect(kept).toMatchObject({ parts: [document, { type: 'file' }, { text: '[… 2 more texts left out …]' }] });
    expect(JSON.stringify(kept).length).toBeLessThan(1_400);
  });

  it.each([[null], [{ type: 'file', mediaType: 'image/png' }], [{ type: 'video' }], [{ type: 'text' }]])(
    'refuses %j where it is made',
    (part) => {
      expect(() => toolContent(part as never)).toThrow(TypeError);
    },
  );

  it('is told from what a tool returns otherwise', () => {
    expect([toolContent(), { parts: [] }, null, 'text', undefined].map(isToolContent)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
