// A process of its own over a JSON-lines store.
// `json-lines-process.ts FILE disk`: does what each line on its standard input says (`open`, `commit`, `large`, `blob`, `read`, `close`) and prints what became of it.
// `json-lines-process.ts FILE disk N`: makes N commits, each third with a blob, prints the number of each once it was answered, and ends.
// `json-lines-process.ts FILE order`: brings an order to its end; with CRASH_POINT it dies there.
import { createInterface } from 'node:readline';
import { isPrusikError, type Store } from '@prusik/core';
import { acknowledgingStore, endWithParent, killingStore, writeLinesTo } from '@prusik/testing-contracts';
import { jsonLinesStore } from '../json-lines-store/json-lines-store.ts';
import { claim, KEY, newRun, note, noteWithBlob } from './json-lines-run.ts';
import { bringOrderToEnd } from './json-lines-order.ts';

const [path = '', what, commits] = process.argv.slice(2);
let store: Store | undefined;
let epoch = 0;
let blobs = 0;

async function act(line: string): Promise<string> {
  if (line === 'open') {
    store = jsonLinesStore({ path });
    await store.start(newRun);
    epoch = await claim(store);
    return 'opened';
  }
  if (store === undefined) return 'no store';
  if (line === 'read') return String((await store.run(KEY))?.seq);
  if (line === 'close') {
    await store[Symbol.asyncDispose]();
    store = undefined;
    return 'closed';
  }
  const answer =
    line === 'blob'
      ? await noteWithBlob(store, epoch, `blob ${(blobs += 1)}`)
      : await note(store, epoch, line === 'large' ? 300_000 : 9_000);
  return answer.outcome === 'committed' ? String(answer.seq) : answer.outcome;
}

async function told(line: string): Promise<string> {
  try {
    return await act(line);
  } catch (error) {
    return isPrusikError(error) ? error.code : String(error);
  }
}

if (what === 'order') {
  endWithParent();
  const write = writeLinesTo(3);
  store = acknowledgingStore(killingStore(jsonLinesStore({ path }), process.env['CRASH_POINT']), write);
  await bringOrderToEnd(store, write);
  await store[Symbol.asyncDispose]();
} else if (commits === undefined) {
  process.stdout.write('ready\n');
  for await (const line of createInterface({ input: process.stdin })) process.stdout.write(`${await told(line)}\n`);
} else {
  process.stdout.write(`${await told('open')}\n`);
  for (let n = 0; n < Number(commits); n += 1) process.stdout.write(`${await told(n % 3 === 2 ? 'blob' : 'commit')}\n`);
  await told('close');
}
