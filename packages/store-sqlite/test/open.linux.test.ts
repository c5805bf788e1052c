import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sqliteStore } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

describe('a new file', () => {
  let directory: ReturnType<typeof temporaryDirectory>;

  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(() => directory.remove());

  it('I11: can be read by its owner only, and so can its companions', async () => {
    const path = join(directory.path, 'store.db');
    const store = sqliteStore({ path });
    await store.signal({ run: { tenant: 'acme', run: 'r' }, kind: 'user', key: 'k', body: null });
    const modes = ['', '-wal', '-shm'].map((suffix) => statSync(`${path}${suffix}`).mode & 0o777);
    await store[Symbol.asyncDispose]();
    expect(modes).toEqual([0o600, 0o600, 0o600]);
  });

  it('may have a name with spaces, quotes and other scripts', async () => {
    const path = join(directory.path, `it's a "store" ünï %41?.db`);
    await sqliteStore({ path })[Symbol.asyncDispose]();
    expect(statSync(path).size).toBeGreaterThan(0);
  });
});
