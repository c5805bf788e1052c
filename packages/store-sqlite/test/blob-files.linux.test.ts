import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sqliteStore } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => directory.remove());

const modeOf = (file: string): number => statSync(file).mode & 0o777;

describe('files of blobs', () => {
  it('I11: are for their owner only, as are their folders, also when a folder was there before', async () => {
    const path = join(directory.path, 'store.db');
    const folder = `${path}-blobs`;
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    const store = sqliteStore({ path });
    const { hash } = await store.putBlob('acme', Buffer.from('rope'));
    await store[Symbol.asyncDispose]();

    const within = join(folder, hash.slice(7, 9));
    expect(modeOf(join(within, hash.slice(7)))).toBe(0o600);
    for (const made of [folder, join(folder, 'tmp'), within]) expect(modeOf(made)).toBe(0o700);
  });

  it('I1: a full disk refuses the blob with STORE_UNAVAILABLE, leaves nothing, and takes the next that fits', async () => {
    const mount = join(directory.path, 'small');
    mkdirSync(mount);
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mount]);
    try {
      const store = sqliteStore({ path: join(mount, 'store.db') });
      async function* large(): AsyncGenerator<Uint8Array> {
        for (let n = 0; n < 16; n += 1) yield Buffer.alloc(1_048_576, n);
      }
      for (let n = 0; n < 3; n += 1)
        await expect(store.putBlob('acme', large())).rejects.toMatchObject({
          code: 'STORE_UNAVAILABLE',
          retryable: true,
          cause: { code: 'ENOSPC' },
        });
      expect(readdirSync(join(mount, 'store.db-blobs', 'tmp'))).toEqual([]);

      const { hash } = await store.putBlob('acme', Buffer.alloc(1_000_000));
      expect(existsSync(join(mount, 'store.db-blobs', hash.slice(7, 9), hash.slice(7)))).toBe(true);
      await store[Symbol.asyncDispose]();
    } finally {
      execFileSync('/bin/umount', [mount]);
    }
  });
});
