import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { sqliteStore } from '@prusik/store-sqlite';
import { expect, it } from 'vitest';
import { collector, type SentSpan } from './collector.ts';

const script = fileURLToPath(new URL('fixtures/watched-process.ts', import.meta.url));

/** Starts a process and resolves with the first line that it prints. `kill`: as soon as it has printed it. */
async function firstLineOf(args: readonly string[], kill: boolean): Promise<string> {
  const child = spawn(process.execPath, ['--conditions=@prusik/source', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'close');
  const lines = createInterface({ input: child.stdout });
  const printed = once(lines, 'line').then(([line]) => String(line));
  const line = await Promise.race([printed, gone.then(() => 'gone')]);
  if (kill) child.kill('SIGKILL');
  await gone;
  return line;
}

it('TEL-2: a tree of runs is one trace over processes of which one is killed, its drives are linked, and no span is open while it waits', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'traced-'));
  const path = join(folder, 'runs.db');
  await using sink = await collector();
  try {
    expect(await firstLineOf([path, sink.url, 'begin'], false)).toBe('waiting');
    const parkedAt = Date.now();
    const before = sink.spans.length;
    expect(await firstLineOf([path, sink.url, 'hang'], true)).toBe('hanging');
    const killedAfter = sink.spans.length;
    expect(await firstLineOf([path, sink.url, 'finish'], false)).toBe('completed');

    const [first, killed, last] = [
      sink.spans.slice(0, before),
      sink.spans.slice(before, killedAfter),
      sink.spans.slice(killedAfter),
    ];
    const names = (spans: readonly SentSpan[]) => spans.map(({ name }) => name).toSorted();
    expect(names(first)).toEqual(['chat m', 'invoke_agent helper', 'invoke_workflow boss', 'prusik.step plan']);
    // What was executed and committed there was sent; its drives never ended.
    expect(names(killed)).toContain('chat m');
    expect(names(killed)).not.toContain('invoke_agent helper');
    expect(names(last)).toEqual([
      'execute_tool search',
      'invoke_agent helper',
      'invoke_workflow boss',
      'prusik.step sum',
    ]);

    expect(new Set(sink.spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(sink.spans.filter(({ start, end }) => start <= parkedAt && end >= parkedAt)).toEqual([]);

    const drive = (spans: readonly SentSpan[], name: string) => spans.find((span) => span.name === name);
    const root = drive(first, 'invoke_workflow boss');
    expect(root?.parentSpanId).toBe('');
    expect(drive(first, 'invoke_agent helper')?.parentSpanId).toBe(root?.spanId);
    const resumed = drive(last, 'invoke_agent helper');
    expect(resumed?.parentSpanId).toBe(root?.spanId);
    expect(resumed?.attributes).toMatchObject({ 'prusik.drive.attempt': 2 });
    const traces = await claimsOf(path, 'helper');
    expect(traces).toHaveLength(3);
    // The drive that was killed is on record, though its span is not.
    expect(resumed?.links.map(({ spanId }) => spanId)).toEqual([traces[1]]);
    expect(drive(killed, 'chat m')?.parentSpanId).toBe(traces[1]);
    const lost = sink.metrics.filter(({ name }) => name === 'prusik.lease.lost');
    expect(lost).toMatchObject([{ sum: { dataPoints: [{ asDouble: 1 }] } }]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);

/** Span ids of the drives of a run, as its journal has them. */
async function claimsOf(path: string, definition: string): Promise<readonly (string | undefined)[]> {
  const store = sqliteStore({ path });
  try {
    const [run] = (await store.listRuns({ tenant: 'default', definition: [definition], limit: 1 })).items;
    if (run === undefined) throw new Error(`No run of ${definition}`);
    const entries = await store.entries(run.key, { after: 0, limit: 1_000 });
    return entries.flatMap((entry) => (entry.type === 'run-claim' ? [entry.trace?.traceparent.split('-')[2]] : []));
  } finally {
    await store[Symbol.asyncDispose]();
  }
}
