import { join } from 'node:path';
import { storeContract } from '@prusik/testing-contracts';
import { test } from 'vitest';
import { sqliteStore } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

storeContract({
  test,
  create() {
    const directory = temporaryDirectory();
    return {
      open: ({ clock }) => sqliteStore({ path: join(directory.path, 'store.db'), clock, pollMs: 20 }),
      remove: directory.remove,
    };
  },
  capabilities: { durable: true, multiProcess: true, noticeMs: 20 },
});
