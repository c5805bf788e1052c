import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { sqliteStore } from '@prusik/store-sqlite';
import { recordingObserver } from '@prusik/testing-contracts';
import { expect, it, onTestFinished } from 'vitest';
import { observed } from './observed-runs.ts';
import { checkTold } from './observed-rules.ts';
import { engineOn } from './support.ts';

/** What the observer of a process was told before it was killed, in the middle of its work. */
async function killedAfter(path: string, lines: number): Promise<readonly string[]> {
  const script = join(import.meta.dirname, 'fixtures', 'observed-process.ts');
  const child = spawn(process.execPath, ['--conditions=@prusik/source', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const told: string[] = [];
  const closed = once(child, 'close');
  for await (const line of createInterface({ input: child.stdout })) {
    told.push(line);
    if (told.length === lines) child.kill('SIGKILL');
  }
  await closed;
  expect(child.signalCode).toBe('SIGKILL');
  return told;
}

it.each([1, 20, 90])(
  'I3, TEL-1: what the observer of a process was told that is killed is on record, and is not told again by the process that goes on (after %i)',
  async (lines) => {
    const folder = mkdtempSync(join(tmpdir(), 'observed-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const path = join(folder, 'runs.db');
    const before = await killedAfter(path, lines);
    const store = sqliteStore({ path });
    const observer = recordingObserver();
    const engine = engineOn(store, observed, { observers: [observer] });

    const result = await engine.run('parent', null, { id: 'r' });

    expect(result).toMatchObject({ status: 'completed', output: 'abc' });
    await checkTold(store, { told: [observer] });
    const journal = new Set<string>();
    const { items } = await store.listRuns({ tenant: 'default', root: 'r', limit: 10 });
    expect(items).toHaveLength(4);
    for (const { key: run } of items)
      for (const { seq, type } of await store.entries(run, { after: 1, limit: 1_000 }))
        journal.add(`${run.run} ${seq} ${type}`);
    const after = observer.calls.flatMap((call) =>
      call.type === 'committed' ? call.entries.map(({ seq, type }) => `${call.run} ${seq} ${type}`) : [],
    );
    const told = [...before, ...after];
    expect(told.length).toBe(new Set(told).size);
    expect(told.filter((line) => !journal.has(line))).toEqual([]);
    // Of each run the one commit may be missing after which the process died before it could tell.
    const missing = [...journal].filter((line) => !told.includes(line));
    expect(missing.length).toBeLessThanOrEqual(4 * 4);
    const drives = observer.calls.flatMap((call) => (call.type === 'drive' && call.run === 'r' ? [call.drive] : []));
    expect(drives[0]?.before).toBeDefined();
    expect(drives[0]?.epoch).toBeGreaterThan(1);
    await engine[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  },
  30_000,
);
