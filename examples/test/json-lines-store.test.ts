import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine } from '@prusik/durable';
import type { Store } from '@prusik/core';
import { fakeClock, storeContract, streamContract, type StreamStorage } from '@prusik/testing-contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jsonLinesStore } from '../json-lines-store/json-lines-store.ts';
import { smallestStore } from '../smallest-store.ts';
import { claim, KEY, newRun, note } from './json-lines-run.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'json-lines-'));
  path = join(folder, 'runs.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('TST-1: the store suite', () => {
  storeContract({
    test: it,
    create: () => ({ open: ({ clock }) => jsonLinesStore({ path, clock }) }),
    capabilities: { durable: true, multiProcess: false, noticeMs: 0 },
  });
});

describe('TST-1: the store suite, on the smallest store', () => {
  storeContract({
    test: it,
    create: () => ({ open: smallestStore }),
    capabilities: { durable: false, multiProcess: false, noticeMs: 0 },
  });
});

// #region streams
describe('TST-1: the stream suite, with the engine of durable', () => {
  streamContract({
    test: it,
    create(): StreamStorage {
      const store = jsonLinesStore({ path });
      return {
        open: ({ definitions, instrument }) =>
          createEngine({ store: instrument(store), definitions, limits: { parkAfterMs: 0 } }),
        remove: async () => store[Symbol.asyncDispose](),
      };
    },
  });
});
// #endregion streams

async function using<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const store = jsonLinesStore({ path });
  try {
    return await work(store);
  } finally {
    await store[Symbol.asyncDispose]();
  }
}

const seqOf = (store: Store): Promise<number | undefined> => store.run(KEY).then((run) => run?.seq);
const codeOf = (open: () => unknown): unknown => {
  try {
    open();
    return 'opened';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

/** A file with a run and three notes. */
async function someLines(): Promise<Buffer> {
  await using(async (store) => {
    await store.start(newRun);
    const epoch = await claim(store);
    for (let n = 0; n < 3; n += 1) await note(store, epoch);
  });
  return readFileSync(path);
}

describe('the file of a JSON-lines store', () => {
  it('STO-4: a last line that is torn, at whatever byte, is what was not acknowledged: it is cut off', async () => {
    const whole = await someLines();
    const lastLine = whole.lastIndexOf('\n', whole.length - 2) + 1;
    for (let length = lastLine; length < whole.length; length += 7) {
      writeFileSync(path, whole.subarray(0, length));
      expect(await using(seqOf)).toBe(3);
      // Whatever is written next does not stand behind half a line.
      expect(await using(seqOf)).toBe(3);
    }
    // Pages that did not reach the disk are zeros.
    const zeros = Buffer.from(whole).fill(0, lastLine + 40, lastLine + 60);
    writeFileSync(path, zeros);
    expect(await using(seqOf)).toBe(3);
  });

  it('STO-4: a line that was changed, lost, moved or added is damage: refused with STORE_CORRUPT, and nothing is changed', async () => {
    const whole = (await someLines()).toString();
    const lines = whole.trimEnd().split('\n');
    const [header = '', first = '', second = '', ...rest] = lines;
    const damaged = [
      [header, first.replace('"order"', '"older"'), second, ...rest],
      [header, second, ...rest],
      [header, second, first, ...rest],
      [header, first, 'no JSON', second, ...rest],
      [header, first, first, second, ...rest],
      // The last one is whole, so it was acknowledged.
      [...lines.slice(0, -1), (lines.at(-1) ?? '').replace('xxxxx', 'xxxxy')],
    ];
    for (const some of damaged) {
      const text = `${some.join('\n')}\n`;
      writeFileSync(path, text);
      expect(codeOf(() => jsonLinesStore({ path }))).toBe('STORE_CORRUPT');
      expect(readFileSync(path, 'utf8')).toBe(text);
    }
    writeFileSync(path, whole);
    expect(await using(seqOf)).toBe(4);
  });

  it('STO-4: a file that is not ours or of a later release is refused with a code, and left as it is', () => {
    const others = [
      ['', 'STORE_FOREIGN'],
      ['{"hello":"world"}\n', 'STORE_FOREIGN'],
      ['{"format":"prusik-json-lines","version":2}\n', 'STORE_TOO_NEW'],
    ] as const;
    for (const [text, code] of others) {
      writeFileSync(path, text);
      expect(codeOf(() => jsonLinesStore({ path }))).toBe(code);
      expect(readFileSync(path, 'utf8')).toBe(text);
    }
    expect(codeOf(() => jsonLinesStore({ path: join(folder, 'nowhere', 'runs.jsonl') }))).toBe('STORE_UNAVAILABLE');
  });

  it('STO-3: a file that was moved away is neither written nor read any more', async () => {
    const store = jsonLinesStore({ path });
    await store.start(newRun);
    renameSync(path, `${path}.away`);

    await expect(store.run(KEY)).rejects.toMatchObject({ code: 'STORE_REPLACED' });
    await expect(claim(store)).rejects.toMatchObject({ code: 'STORE_REPLACED' });
    writeFileSync(path, 'another');
    await expect(claim(store)).rejects.toMatchObject({ code: 'STORE_REPLACED' });
    await store[Symbol.asyncDispose]();
    expect(readFileSync(path, 'utf8')).toBe('another');
  });

  it('I1: a second opening is refused with STORE_BUSY while the first is open, in this process and in another', async () => {
    const link = join(folder, 'link');
    symlinkSync(folder, link, 'junction');
    await using(async () => {
      expect(codeOf(() => jsonLinesStore({ path }))).toBe('STORE_BUSY');
      expect(codeOf(() => jsonLinesStore({ path: join(link, 'runs.jsonl') }))).toBe('STORE_BUSY');
    });
    const script = join(import.meta.dirname, 'json-lines-process.ts');
    const other = spawn(process.execPath, ['--conditions=@prusik/source', script, path, 'disk'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    other.stdin.write('open\n');
    let said = '';
    other.stdout.on('data', (chunk) => (said += String(chunk)));
    while (!said.includes('opened')) await once(other.stdout, 'data');

    expect(codeOf(() => jsonLinesStore({ path }))).toBe('STORE_BUSY');
    other.kill('SIGKILL');
    await once(other, 'exit');
    expect(await using(seqOf)).toBe(1);
  });

  it('I9: a file that is full refuses writes with STORE_FULL, and is read all the same', async () => {
    await someLines();
    const store = jsonLinesStore({ path, maxBytes: 100 });
    await expect(store.start(newRun)).rejects.toMatchObject({ code: 'STORE_FULL' });
    expect(await seqOf(store)).toBe(4);
    await store[Symbol.asyncDispose]();
  });

  it('I1: writes that come together share a line, and each has its own answer', async () => {
    await using(async (store) => {
      await store.start(newRun);
      const epoch = await claim(store);
      const before = readFileSync(path).length;
      const answers = await Promise.all([note(store, epoch), note(store, epoch + 1), note(store, epoch)]);

      expect(answers.map(({ outcome }) => outcome)).toEqual(['committed', 'stale', 'committed']);
      expect(readFileSync(path).subarray(before).toString().match(/\n/g)).toHaveLength(1);
    });
    expect(await using(seqOf)).toBe(3);
  });

  it('DUR-12, I1: leases of a store that was closed are not waited for, and its epochs are void', async () => {
    const clock = fakeClock();
    const first = jsonLinesStore({ path, clock });
    await first.start(newRun);
    const epoch = await claim(first);
    await first[Symbol.asyncDispose]();

    const second = jsonLinesStore({ path, clock });
    expect(await claim(second)).toBe(epoch + 1);
    expect(await note(second, epoch)).toEqual({ outcome: 'stale' });
    await second[Symbol.asyncDispose]();
  });
});
