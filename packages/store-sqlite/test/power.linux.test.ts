import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PowerLoss } from '@prusik/testing-contracts';
import { powerLoss } from '@prusik/testing-contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkStore, sqliteStore } from '../src/index.ts';
import { problemsOf, runKey } from './some-runs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const COMMITS = 30;
const script = fileURLToPath(new URL('disk-writer.ts', import.meta.url));

/** The same numbers each time, from 0 to 1. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

describe.each(['full', 'normal'] as const)('a loss of power with synchronous = %s', (synchronous) => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let record: PowerLoss;
  let copies = 0;

  beforeAll(async () => {
    directory = temporaryDirectory();
    const folder = join(directory.path, 'written');
    mkdirSync(folder);
    const command = [process.execPath, '--conditions=@prusik/source', script] as const;
    record = await powerLoss({
      command: [...command, join(folder, 'store.db'), synchronous, String(COMMITS)],
      folder,
    });
  }, 60_000);
  afterAll(() => directory.remove());

  /** The last entry that was acknowledged, and the last that is there when the power came back. */
  async function after(instant: number, random?: () => number): Promise<{ acknowledged: number; found: number }> {
    const folder = join(directory.path, String((copies += 1)));
    const printed = record.leave(instant, folder, random);
    const path = join(folder, 'store.db');
    const store = sqliteStore({ path });
    try {
      const found = (await store.run(runKey('r')))?.seq ?? 0;
      return { acknowledged: Number(printed.at(-1) ?? 0), found };
    } finally {
      await store[Symbol.asyncDispose]();
      expect(await problemsOf(checkStore({ path, full: true }))).toEqual([]);
    }
  }

  const instants = (count: number): readonly number[] =>
    Array.from({ length: count }, (_, n) => Math.floor((n * (record.instants - 1)) / (count - 1)));

  it('STO-6: leaves a sound file that holds a beginning of what was written, at every instant', async () => {
    const lost: number[] = [];
    for (const instant of instants(40)) {
      const { acknowledged, found } = await after(instant);
      lost.push(Math.max(0, acknowledged - found));
      expect(found).toBeLessThanOrEqual(acknowledged + 2);
    }
    // What `normal` loses shows that the record holds what a disk would, and no more.
    expect(Math.max(...lost) > 0).toBe(synchronous === 'normal');
    expect((await after(record.instants - 1)).acknowledged).toBe(COMMITS + 1);
  }, 60_000);

  it('STO-6: also where some of what was not synced has come to the disk', async () => {
    for (const [seed, instant] of instants(60).entries()) {
      const { acknowledged, found } = await after(instant, chance(seed + 1));
      const promised = synchronous === 'full' ? acknowledged : 0;
      expect(found, `instant ${instant}, seed ${seed + 1}`).toBeGreaterThanOrEqual(promised);
      expect(found).toBeLessThanOrEqual(acknowledged + 2);
    }
  }, 60_000);
});
