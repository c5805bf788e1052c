// A durable function alone: kill it anywhere, start it again, and the customer is charged once.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'order-'));
const shop = {
  charged: 0,
  charge: (amount: number, key: string) => ((shop.charged += amount), `receipt for ${amount}, ${key}`),
};
const path = join(folder, 'orders.db');
// #region usage
import { createEngine } from '@prusik/durable';
import { sqliteStore } from '@prusik/store-sqlite';
import type { DurableContext } from '@prusik/core';

const order = {
  name: 'order',
  kind: 'function',
  version: '1',
  async run(ctx: DurableContext, { amount }: { amount: number }) {
    // Killed after the charge and before its record, the step runs again with the same key: the shop sees one charge.
    const receipt = await ctx.step('charge', (step) => shop.charge(amount, step.idempotencyKey), { effect: 'keyed' });
    const decision = await ctx.request('ship', { kind: 'approval', body: { receipt } });
    return decision.status === 'approved' ? `shipped, ${receipt}` : 'kept';
  },
} as const;

const store = sqliteStore({ path });
const engine = createEngine({ store, definitions: [order] });

// Waits for a person and holds nothing while it does: no memory, no lease. The process may end here.
const waiting = await engine.run('order', { amount: 20 }, { id: 'order-1' });

// A day later, in any process on the same file:
const [asked] = waiting.status === 'waiting' ? waiting.requests : [];
if (asked) await engine.decide(asked.run, asked.request, { status: 'approved' });
const shipped = await engine.drive(waiting.run);
// #endregion usage
assert.equal(waiting.status, 'waiting');
assert.equal(shipped.status, 'completed');
assert.equal(shop.charged, 20);
await engine[Symbol.asyncDispose]();
await store[Symbol.asyncDispose]();
rmSync(folder, { recursive: true });
