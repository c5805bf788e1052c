import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { sqliteStore } from '@prusik/store-sqlite';
import { ioErrors, smallDisk } from '@prusik/testing-contracts';
import { expect, it } from 'vitest';
import { durable, engineOn, entriesOf, key } from './support.ts';

const outcomes = (entries: readonly { readonly type: string }[]): number =>
  entries.filter(({ type }) => type === 'step-end').length;

it('STO-5: a run on a disk that is full stops at its last commit, and goes on by itself when there is room', async () => {
  const disk = smallDisk({ bytes: 4_000_000 });
  const store = sqliteStore({ path: join(disk.path, 'store.db') });
  const effects: number[] = [];
  const fills = Promise.withResolvers<void>();
  const engine = engineOn(store, [
    durable('work', async (ctx) => {
      for (let n = 0; n < 60; n += 1)
        await ctx.step(`s${n}`, () => {
          if (n === 20) {
            disk.fill();
            fills.resolve();
          }
          effects.push(n);
          return 'x'.repeat(20_000);
        });
      return 'done';
    }),
  ]);
  try {
    const running = engine.run('work', null, { id: 'r' });
    await fills.promise;
    // Once it has met the full disk, and tries again.
    await expect
      .poll(() =>
        store.signal({ run: key('r'), kind: 'user', key: 'any', body: 'x'.repeat(100_000) }).catch(({ code }) => code),
      )
      .toMatch(/^STORE_/);
    const stopped = outcomes(await entriesOf(store, key('r')));
    expect(stopped).toBeLessThan(60);
    disk.empty();
    expect(await running).toMatchObject({ status: 'completed', output: 'done' });
    expect(outcomes(await entriesOf(store, key('r')))).toBe(60);
    expect(effects).toEqual(Array.from({ length: 60 }, (_, n) => n));
  } finally {
    await engine[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    disk.remove();
  }
});

it.each(['write', 'sync'] as const)(
  'STO-5: a run whose commits meet a %s that fails finds out what became of each, and does nothing twice',
  async (call) => {
    const folder = mkdtempSync(join(tmpdir(), 'prusik-engine-'));
    const path = join(folder, 'store.db');
    const script = fileURLToPath(new URL('fixtures/stepping.ts', import.meta.url));
    const faulty = await ioErrors({
      command: [process.execPath, '--conditions=@prusik/source', script, path, '12'],
    });
    try {
      const said: string[] = [];
      // After its last line the process is gone, and does not read on.
      faulty.process.stdin?.on('error', () => undefined);
      for await (const line of createInterface({ input: faulty.process.stdout ?? process.stdin })) {
        said.push(line);
        // The commit of this step's outcome is the next that writes; at every third it goes on failing for some time.
        faulty.heal();
        faulty.fail(call, { once: said.length % 3 !== 0 });
        faulty.process.stdin?.write('go\n');
        if (said.length % 3 === 0) setTimeout(() => faulty.heal(), 60);
      }
      expect(said).toEqual([...Array.from({ length: 12 }, (_, n) => String(n)), 'completed']);
    } finally {
      await faulty.end();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  30_000,
);
