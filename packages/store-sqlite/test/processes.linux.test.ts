import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkStore, sqliteStore } from '../src/index.ts';
import { startWriter } from './child-process.ts';
import { problemsOf } from './some-runs.ts';
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
});
