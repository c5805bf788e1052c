// Follows a run from a process of its own and tells its parent when it saw each entry.
import { createEngine } from '@prusik/durable';
import { sqliteStore } from '@prusik/store-sqlite';

const [path = '', run = ''] = process.argv.slice(2);
// The parent is gone: nobody is there to be told.
const orphaned = (): never => process.exit(1);
process.on('disconnect', orphaned);
const store = sqliteStore({ path });
const engine = createEngine({ store, definitions: [] });
for await (const event of engine.events({ tenant: 'default', run })) {
  if (!event.live) process.send?.({ seq: event.entry.seq, at: String(process.hrtime.bigint()) });
}
await engine[Symbol.asyncDispose]();
await store[Symbol.asyncDispose]();
process.off('disconnect', orphaned);
process.disconnect?.();
