import { existsSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { writeAll } from '../src/write-all.ts';
import { emptyFolder } from './database.ts';

function unread() {
  let made = 0;
  async function* lines(): AsyncGenerator<string, void> {
    for (; made < 1_000; made += 1) yield `${'x'.repeat(1_023)}\n`;
  }
  const stream = new PassThrough({ highWaterMark: 4_096 });
  return { lines: lines(), stream, stdout: stream as unknown as NodeJS.WriteStream, made: () => made };
}

const turns = async (): Promise<void> => {
  for (let n = 0; n < 100; n += 1) await new Promise(setImmediate);
};

it('I9: no more of an export is made than its reader takes, and it comes whole', async () => {
  const { lines, stream, stdout, made } = unread();
  const writing = writeAll(lines, undefined, { stdout, signal: new AbortController().signal });

  await turns();
  expect(made()).toBeLessThan(20);

  const read = text(stream);
  expect(await writing).toBe(1_024_000);
  stream.end();
  expect(await read).toHaveLength(1_024_000);
});

it('REC-1: an export whose reader takes nothing ends when the person wants out', async () => {
  const { lines, stdout } = unread();
  const out = new AbortController();
  const writing = writeAll(lines, undefined, { stdout, signal: out.signal });

  await turns();
  out.abort();
  await expect(writing).rejects.toMatchObject({ name: 'AbortError' });
});

const io = { stdout: process.stdout, signal: new AbortController().signal };

it('REC-1: an export has its name when it is whole, so that one who is killed in the middle leaves none that is cut', async () => {
  using place = emptyFolder();
  const to = join(place.folder, 'bundle');
  const there: boolean[] = [];
  async function* pieces(): AsyncGenerator<string, void> {
    for (let n = 0; n < 3; n += 1) {
      yield 'line\n';
      there.push(existsSync(to));
    }
  }

  expect(await writeAll(pieces(), to, io)).toBe(15);
  expect(there).toEqual([false, false, false]);
  expect(readdirSync(place.folder)).toEqual(['bundle']);
  expect(readFileSync(to, 'utf8')).toBe('line\nline\nline\n');
});

it('REC-1: an export replaces no link either, wherever that leads', async () => {
  using place = emptyFolder();
  const to = join(place.folder, 'bundle');
  symlinkSync(join(place.folder, 'none'), to);
  async function* pieces(): AsyncGenerator<string, void> {
    yield 'line\n';
  }

  await expect(writeAll(pieces(), to, io)).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
  expect(readdirSync(place.folder)).toEqual(['bundle']);
  expect(readlinkSync(to)).toBe(join(place.folder, 'none'));
});

it('REC-1: an export replaces nothing that came under its name meanwhile, and leaves nothing of itself', async () => {
  using place = emptyFolder();
  const to = join(place.folder, 'bundle');
  async function* pieces(): AsyncGenerator<string, void> {
    writeFileSync(to, 'of somebody else');
    yield 'line\n';
  }

  await expect(writeAll(pieces(), to, io)).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
  expect(readdirSync(place.folder)).toEqual(['bundle']);
  expect(readFileSync(to, 'utf8')).toBe('of somebody else');
});

it.each([
  [true, '{"of":"a\\u009b2Jb\\u202ec"}\n\\u001b[2J\r\ntab\tover\\u000dwritten\n'],
  [false, '{"of":"a\u009b2Jb\u202ec"}\n\u001b[2J\r\ntab\tover\rwritten\n'],
])('I11: what somebody made drives no terminal, and is as it is for everything else: %s', async (isTTY, expected) => {
  const made = '{"of":"a\u009b2Jb\u202ec"}\n\u001b[2J\r\ntab\tover\rwritten\n';
  async function* bytes(): AsyncGenerator<Uint8Array, void> {
    // Also where a piece ends within a character.
    for (const byte of Buffer.from(made.slice(0, 9))) yield Uint8Array.of(byte);
    yield Buffer.from(made.slice(9));
  }
  const stdout = Object.assign(new PassThrough(), { isTTY });
  const read = text(stdout);

  expect(await writeAll(bytes(), undefined, { stdout, signal: new AbortController().signal })).toBe(
    Buffer.byteLength(made),
  );
  stdout.end();
  expect(await read).toBe(expected);
});
