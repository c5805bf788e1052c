// The whole proof, with the runner of Node.js: `node --test contract.test.ts`.
// #region contract
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { storeContract } from '@prusik/testing-contracts';
import { jsonLinesStore } from './json-lines-store.ts';

storeContract({
  test,
  create() {
    const folder = mkdtempSync(join(tmpdir(), 'json-lines-'));
    return {
      open: ({ clock }) => jsonLinesStore({ path: join(folder, 'runs.jsonl'), clock }),
      remove: () => rmSync(folder, { recursive: true }),
    };
  },
  capabilities: { durable: true, multiProcess: false, noticeMs: 0 },
});
// #endregion contract
