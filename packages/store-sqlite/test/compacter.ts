// A process of its own that compacts a run, for tests that kill it while it does: `compacter.ts FILE RUN`. Prints `begins`, then `compacted`.
import { sqliteStore } from '@prusik/store-sqlite';

const [path = '', run = ''] = process.argv.slice(2);
const store = sqliteStore({ path });
process.stdout.write('begins\n');
const { outcome } = await store.compact({ tenant: 'acme', run });
process.stdout.write(`${outcome}\n`);
await store[Symbol.asyncDispose]();
