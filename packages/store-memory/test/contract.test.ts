import { storeContract } from '@prusik/testing-contracts';
import { test } from 'vitest';
import { memoryStore } from '../src/index.ts';

storeContract({
  test,
  create: () => ({ open: memoryStore }),
  capabilities: { durable: false, multiProcess: false, noticeMs: 0 },
});
