// Opens a store, starts a run in it and closes it, so many times: `opener.ts FILE NAME TIMES`. Prints `NAME-N OPENED ANSWERED`, milliseconds, for each that
// was answered, and otherwise the code.
import { isPrusikError } from '@prusik/core';
import { sqliteStore } from '@prusik/store-sqlite';
import { newRun } from './some-runs.ts';

const [path = '', name = '', times = '0'] = process.argv.slice(2);
const now = (): number => performance.timeOrigin + performance.now();

for (let n = 0; n < Number(times); n += 1) {
  const opened = now();
  try {
    const store = sqliteStore({ path, busyMs: 500 });
    try {
      await store.start(newRun(`${name}-${n}`));
      process.stdout.write(`${name}-${n} ${opened} ${now()}\n`);
    } finally {
      await store[Symbol.asyncDispose]();
    }
  } catch (error) {
    process.stdout.write(`${isPrusikError(error) ? error.code : String(error)}\n`);
  }
  // The others and the restore have to get in between.
  await new Promise((resolve) => setTimeout(resolve, 20));
}
