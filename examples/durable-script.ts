// A script that may be killed and started again: what it has done, it does not do again.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'script-'));
const path = join(folder, 'invoices.db');
const sent: string[] = [];
const mail = { send: (invoice: string, key: string) => (sent.push(invoice), `${invoice} sent as ${key.slice(0, 8)}`) };
const stop = new AbortController();
// #region usage
import { runDurable } from '@prusik/durable';
import { sqliteStore } from '@prusik/store-sqlite';

const store = sqliteStore({ path });
const sendInvoices = () =>
  runDurable({
    store,
    // The same id again goes on where the run was, or gives its recorded result. A second process follows the first.
    id: 'invoices-2026-11',
    input: { customers: ['ada', 'grace'] },
    // Ctrl-C: what is under way is given back, and the next start goes on with it.
    signal: stop.signal,
    async run(ctx, { customers }) {
      for (const customer of customers) {
        const invoice = await ctx.step(`make:${customer}`, () => `invoice for ${customer}`);
        await ctx.step(`send:${customer}`, (step) => mail.send(invoice, step.idempotencyKey), { effect: 'keyed' });
      }
      return `${customers.length} invoices`;
    },
  });

const result = await sendInvoices();
// `waiting` and `blocked` are results too: start the script again at `wakeAt`, or when somebody has decided.
console.log(result.status === 'completed' ? result.output : result);
// #endregion usage
assert.deepEqual(result, await sendInvoices());
assert.equal(result.status, 'completed');
assert.deepEqual(sent, ['invoice for ada', 'invoice for grace']);
await store[Symbol.asyncDispose]();
rmSync(folder, { recursive: true });
