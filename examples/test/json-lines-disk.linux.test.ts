import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Store } from '@prusik/core';
import {
  ioErrors,
  powerLoss,
  seededRandom,
  smallDisk,
  type FaultyCall,
  type FaultyProcess,
} from '@prusik/testing-contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jsonLinesStore } from '../json-lines-store/json-lines-store.ts';
import { claim, KEY, newRun, note } from './json-lines-run.ts';

const COMMITS = 12;
const command = [
  process.execPath,
  '--conditions=@prusik/source',
  join(import.meta.dirname, 'json-lines-process.ts'),
] as const;

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'json-lines-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Rejects where the bytes are not what was put. */
async function sizeOf(store: Store, hash: string): Promise<number> {
  let size = 0;
  for await (const piece of store.readBlob(KEY.tenant, hash)) size += piece.byteLength;
  return size;
}

describe('a loss of power', () => {
  it('STO-6: leaves all that was acknowledged, at every instant, whatever else has come to the disk', async () => {
    const written = join(folder, 'written');
    mkdirSync(written);
    const record = await powerLoss({
      command: [...command, join(written, 'runs.jsonl'), 'disk', String(COMMITS)],
      folder: written,
    });
    let torn = 0;
    let blobs = 0;
    for (let instant = 0; instant < record.instants; instant += 1) {
      for (const seed of [0, 1, 2]) {
        const left = join(folder, `${instant}-${seed}`);
        const printed = record.leave(instant, left, seed === 0 ? undefined : seededRandom(seed * 1_000 + instant).next);
        const store = jsonLinesStore({ path: join(left, 'runs.jsonl') });
        const found = (await store.run(KEY))?.seq ?? 0;
        for (const entry of await store.entries(KEY, { after: 0, limit: 100 }))
          if (entry.type === 'note' && entry.name === 'blob') blobs += await sizeOf(store, String(entry.data));
        await store[Symbol.asyncDispose]();
        const numbers = printed.map(Number).filter((number) => number > 0);
        const acknowledged = numbers.at(-1) ?? (printed.includes('opened') ? 1 : 0);
        expect(found, `instant ${instant}, seed ${seed}`).toBeGreaterThanOrEqual(acknowledged);
        expect(found).toBeLessThanOrEqual(acknowledged + 1);
        if (found > acknowledged) torn += 1;
      }
    }
    expect(record.instants).toBeGreaterThan(COMMITS * 2);
    expect(torn).toBeGreaterThan(0);
    expect(blobs).toBeGreaterThan(0);
  }, 60_000);
});

describe('a disk that fills up', () => {
  it('STO-5: stops at the last commit that fitted, reads on, and goes on when there is room', async () => {
    const disk = smallDisk({ bytes: 2_000_000 });
    const path = join(disk.path, 'runs.jsonl');
    try {
      const store = jsonLinesStore({ path });
      await store.start(newRun);
      const epoch = await claim(store);
      disk.fill(300_000);
      let kept = 1;
      for (; ; kept += 1) if ((await note(store, epoch, 20_000).catch(() => undefined)) === undefined) break;
      expect(kept).toBeGreaterThan(5);
      await expect(note(store, epoch, 20_000)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
      expect((await store.run(KEY))?.seq).toBe(kept);

      disk.empty();
      expect(await note(store, epoch, 20_000)).toMatchObject({ outcome: 'committed', seq: kept + 1 });
      await store[Symbol.asyncDispose]();
      const again = jsonLinesStore({ path });
      expect((await again.run(KEY))?.seq).toBe(kept + 1);
      await again[Symbol.asyncDispose]();
    } finally {
      disk.remove();
    }
  });
});

describe('calls of the disk that fail', () => {
  let faulty: FaultyProcess;
  let lines: AsyncIterator<string>;
  beforeEach(async () => {
    faulty = await ioErrors({ command: [...command, join(folder, 'runs.jsonl'), 'disk'] });
    lines = createInterface({ input: faulty.process.stdout ?? process.stdin })[Symbol.asyncIterator]();
    await next();
  });
  afterEach(() => faulty.end());

  const next = async (): Promise<unknown> => (await lines.next()).value;
  async function act(what: string): Promise<unknown> {
    faulty.process.stdin?.write(`${what}\n`);
    return next();
  }

  it.each<[FaultyCall, 'EIO' | 'ENOSPC']>([
    ['write', 'EIO'],
    ['write', 'ENOSPC'],
    ['sync', 'EIO'],
  ])(
    'STO-5: a commit whose %s fails with %s is told as such, is not there, and the next goes on',
    async (call, code) => {
      expect(await act('open')).toBe('opened');
      expect(await act('commit')).toBe('2');
      for (let seq = 2; seq < 6; seq += 1) {
        faulty.fail(call, { code });
        // Where the sync fails, that of the cut fails too.
        expect(await act('commit')).toBe(call === 'sync' ? 'STORE_AMBIGUOUS' : 'STORE_UNAVAILABLE');
        // What nobody knows is not shown.
        expect(await act('read')).toBe(call === 'sync' ? 'STORE_UNAVAILABLE' : String(seq));
        faulty.heal();
        expect(await act('read')).toBe(String(seq));
        expect(await act('commit')).toBe(String(seq + 1));
      }
      expect(await act('close')).toBe('closed');
      expect(await act('open')).toBe('opened');
      expect(await act('read')).toBe('6');
    },
  );

  it('STO-5: a commit whose sync failed and that could not be cut off is told as ambiguous, and goes on later', async () => {
    expect(await act('open')).toBe('opened');
    faulty.fail('sync');
    faulty.fail('truncate');
    expect(await act('commit')).toBe('STORE_AMBIGUOUS');
    expect(await act('close')).toBe('closed');
    faulty.heal();

    expect(await act('open')).toBe('opened');
    expect(['1', '2']).toContain(await act('read'));
    expect(['2', '3']).toContain(await act('commit'));
  });

  it.each<FaultyCall>(['open', 'read', 'sync'])(
    'STO-5: an opening whose %s fails is refused with a code, and the next one is not',
    async (call) => {
      expect(await act('open')).toBe('opened');
      expect(await act('commit')).toBe('2');
      expect(await act('close')).toBe('closed');
      faulty.fail(call);
      expect(await act('open')).toBe('STORE_UNAVAILABLE');
      faulty.heal();
      expect(await act('open')).toBe('opened');
      expect(await act('read')).toBe('2');
    },
  );
});
