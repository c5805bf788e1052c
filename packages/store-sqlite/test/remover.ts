// A process of its own that removes a run, for tests that kill it while it does: `remover.ts FILE RUN`. Prints `begins`, then `removed`.
import { sqliteStore } from '@prusik/store-sqlite';

const [path = '', run = ''] = process.argv.slice(2);
const store = sqliteStore({ path });
process.stdout.write('begins\n');
const { outcome } = await store.remove({ tenant: 'acme', run });
process.stdout.write(`${outcome}\n`);
await store[Symbol.asyncDispose]();
