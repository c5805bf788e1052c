import { expect, it } from 'vitest';
import { createOutputCollector } from '../src/output-collector.ts';

function collect(limit: number, bytes: Uint8Array, chunkLength: number) {
  const collector = createOutputCollector(limit);
  for (let at = 0; at < bytes.length; at += chunkLength) collector.add(bytes.subarray(at, at + chunkLength));
  return collector.result();
}

it('SBX-5: output up to the limit is kept whole, however it is cut into chunks', () => {
  const bytes = Buffer.from('0123456789');

  for (const chunkLength of [1, 3, 10])
    for (const limit of [10, 11, 1_000]) expect(collect(limit, bytes, chunkLength)).toEqual({ bytes, omitted: 0 });
});

it('SBX-5: of longer output the first and the last half are kept, with a count of the rest', () => {
  const bytes = Buffer.from('0123456789'.repeat(100));

  for (const chunkLength of [1, 7, 64, 1_000]) {
    const { bytes: kept, omitted } = collect(20, bytes, chunkLength);

    expect(kept.toString()).toBe('0123456789\n[... 980 bytes omitted ...]\n0123456789');
    expect(omitted).toBe(980);
  }
});

it('SBX-5: it cuts between characters of one to four bytes, and leaves bytes that are no text alone', () => {
  for (const character of ['a', 'ä', '€', '𝄞'])
    for (let limit = 8; limit < 24; limit++) {
      const { bytes, omitted } = collect(limit, Buffer.from(character.repeat(100)), 5);

      const [head = '', tail = ''] = bytes.toString().split(/\n.*\n/);
      expect(`${head}${tail}`).toBe(
        character.repeat((100 * Buffer.byteLength(character) - omitted) / Buffer.byteLength(character)),
      );
      expect(Buffer.byteLength(head + tail)).toBeGreaterThan(limit - 8);
    }
  expect(
    collect(8, Buffer.alloc(100, 0x80), 100)
      .bytes.subarray(0, 4)
      .every((byte) => byte === 0x80),
  ).toBe(true);
});

it('SBX-5: a limit of one byte keeps one, and one of two keeps two', () => {
  expect(collect(1, Buffer.from('abcdef'), 2).bytes.toString()).toBe('a\n[... 5 bytes omitted ...]\n');
  expect(collect(2, Buffer.from('abcdef'), 4).bytes.toString()).toBe('a\n[... 4 bytes omitted ...]\nf');
});

it('SBX-5: an endless stream is kept in bounded memory', () => {
  const collector = createOutputCollector(1_000);
  const chunk = Buffer.alloc(64 * 1024, 'x');

  for (let n = 0; n < 1_000; n++) collector.add(chunk);

  expect(collector.total).toBe(64 * 1024 * 1_000);
  expect(collector.result().bytes.length).toBeLessThan(1_100);
});
