// A process of its own that puts blobs, for tests that kill it: `blob-writer.ts FILE COUNT`. Prints the hash of each once it is kept;
// the bytes are the same in every process.
import { sqliteStore } from '@prusik/store-sqlite';

const [path = '', count = '0'] = process.argv.slice(2);
const store = sqliteStore({ path });

async function* body(n: number): AsyncGenerator<Uint8Array> {
  for (let piece = 0; piece < 4; piece += 1) yield Buffer.alloc(25_000, n);
}

for (let n = 0; n < Number(count); n += 1)
  process.stdout.write(`${(await store.putBlob('acme', body(n % 10))).hash}\n`);
await store[Symbol.asyncDispose]();
