import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { backupStore, checkStore, restoreBackup, sqliteStore } from '../src/index.ts';
import { startOpener, startWriter } from './child-process.ts';
import { newRun, problemsOf } from './some-runs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

it('I1: a process that was stopped, lost its run and goes on, writes nothing more', async () => {
  const directory = temporaryDirectory();
  const path = join(directory.path, 'store.db');
  const zombie = startWriter(path, 'stolen', '1', 'hold');
  await zombie.printed(2);
  zombie.process.kill('SIGSTOP');
  // Past the lease of the stopped process, by the file's clock.
  const store = sqliteStore({ path, clock: { now: () => Date.now() + 700_000 } });
  try {
    const definitions = [{ name: 'write', versions: ['1'] }];
    const { claims } = await store.claim({
      worker: 'survivor',
      leaseMs: 600_000,
      limit: 1,
      suspects: { room: 1, alone: 1 },
      definitions,
    });
    expect(claims.map(({ run }) => run.epoch)).toEqual([2]);

    zombie.process.kill('SIGCONT');
    zombie.send('2');
    await zombie.printed(3);

    expect(zombie.lines.at(-1)).toBe('stale');
    expect((await store.run({ tenant: 'acme', run: 'stolen' }))?.seq).toBe(2);
  } finally {
    zombie.process.kill('SIGKILL');
    await zombie.gone;
    await store[Symbol.asyncDispose]();
    directory.remove();
  }
});

it('STO-7: eight processes make one file and write to it at once; each gets its turn, and nothing is lost', async () => {
  const directory = temporaryDirectory();
  const path = join(directory.path, 'store.db');
  const names = Array.from({ length: 8 }, (_, n) => `w${n}`);
  try {
    const writers = names.map((name) => startWriter(path, name, '60'));
    expect(await Promise.all(writers.map(({ gone }) => gone))).toEqual(names.map(() => 0));
    const store = sqliteStore({ path });
    const runs = await Promise.all(names.map((run) => store.run({ tenant: 'acme', run })));
    await store[Symbol.asyncDispose]();
    expect(runs.map((run) => run?.seq)).toEqual(names.map(() => 61));
    expect(await problemsOf(checkStore({ path, full: true }))).toEqual([]);
  } finally {
    directory.remove();
  }
}, 60_000);

it('STO-2: a store that is restored again and again while others open it is never two, and keeps what was answered since', async () => {
  const directory = temporaryDirectory();
  const [path, backup] = [join(directory.path, 'store.db'), join(directory.path, 'backup.db')];
  try {
    await sqliteStore({ path })[Symbol.asyncDispose]();
    await backupStore({ from: path, to: backup });
    const openers = [startOpener(path, 'a', '40'), startOpener(path, 'b', '40')];
    let going = true;
    const gone = Promise.all(openers.map((opener) => opener.gone)).finally(() => (going = false));
    const refusals = new Set<unknown>();
    let restored = 0;
    let last = 0;
    while (going) {
      try {
        await restoreBackup({ from: backup, to: path, overwrite: true });
        restored += 1;
        last = performance.timeOrigin + performance.now();
      } catch (error) {
        refusals.add((error as { code?: string }).code);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await gone;

    expect(restored).toBeGreaterThan(5);
    expect([...refusals]).toEqual(['STORE_BUSY']);
    const store = sqliteStore({ path });
    for (const line of openers.flatMap(({ lines }) => lines)) {
      const [id = '', opened] = line.split(' ');
      expect(opened === undefined ? id : 'answered').toMatch(/^(answered|STORE_BUSY)$/);
      if (Number(opened) < last) continue;
      expect(opened === undefined || (await store.run({ tenant: 'acme', run: id })) !== undefined, id).toBe(true);
    }
    await store[Symbol.asyncDispose]();
    expect(await problemsOf(checkStore({ path, full: true }))).toEqual([]);
  } finally {
    directory.remove();
  }
}, 60_000);

it('STO-2: looking at a file that this process has open does not make others take it for free', async () => {
  const directory = temporaryDirectory();
  const [path, backup] = [join(directory.path, 'store.db'), join(directory.path, 'backup.db')];
  const script = fileURLToPath(new URL('backup-writer.ts', import.meta.url));
  const restoreElsewhere = (): string =>
    execFileSync(process.execPath, ['--conditions=@prusik/source', script, 'restore', backup, path], {
      encoding: 'utf8',
    });
  const store = sqliteStore({ path });
  try {
    await store.start(newRun('r'));
    // A plain descriptor that is closed drops every lock that the process has on the file.
    await sqliteStore({ path })[Symbol.asyncDispose]();
    await backupStore({ from: path, to: backup });
    expect(await problemsOf(checkStore({ path }))).toEqual([]);
    await expect(restoreBackup({ from: backup, to: path, overwrite: true })).rejects.toMatchObject({
      code: 'STORE_BUSY',
    });
    await expect(backupStore({ from: path, to: path, overwrite: true })).rejects.toThrow(TypeError);
    expect(restoreElsewhere()).toBe('STORE_BUSY\n');
  } finally {
    await store[Symbol.asyncDispose]();
  }
  expect(restoreElsewhere()).toBe('done\n');
  directory.remove();
}, 30_000);
