// A process of its own that drives one run of a store, for tests that kill it: `writer.ts FILE RUN COMMITS [hold]`.
// Prints `claimed`, then the number of every entry once its commit is acknowledged. With `hold` it keeps the lease and stays, and
// tries one more commit for every line it is sent, of which it prints the outcome.
import { createInterface } from 'node:readline';
import type { CommitResult } from '@prusik/core';
import { sqliteStore } from '@prusik/store-sqlite';

const [path = '', run = '', commits = '0', hold] = process.argv.slice(2);
const key = { tenant: 'acme', run };
const store = sqliteStore({ path });

await store.start({
  key,
  kind: 'function',
  definition: 'write',
  version: '1',
  input: null,
  inputHash: 'sha256:none',
  context: null,
  priority: 0,
  messages: [],
  root: run,
  depth: 0,
});
const { claims } = await store.claim({
  worker: `process-${process.pid}`,
  leaseMs: 600_000,
  limit: 1,
  suspects: { room: 1, alone: 1 },
  definitions: [{ name: 'write', versions: ['1'] }],
  only: { run: key },
});
const epoch = claims[0]?.run.epoch;
if (epoch === undefined) throw new Error(`Run ${run} could not be claimed`);
process.stdout.write('claimed\n');

const commit = (n: number): Promise<CommitResult> =>
  store.commit({
    run: key,
    epoch,
    entries: [{ type: 'note', name: `${run}-${n}`, data: 'x'.repeat(500) }],
    progress: true,
  });

for (let n = 1; n <= Number(commits); n += 1) {
  const answer = await commit(n);
  if (answer.outcome !== 'committed') throw new Error(JSON.stringify(answer));
  process.stdout.write(`${answer.seq}\n`);
}
if (hold === undefined) await store[Symbol.asyncDispose]();
else
  for await (const line of createInterface({ input: process.stdin }))
    process.stdout.write(`${(await commit(Number(line))).outcome}\n`);
