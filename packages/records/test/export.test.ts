import { memoryStore } from '@prusik/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '@prusik/core';
import { exportRun, exportSession, importRecords } from '../src/index.ts';
import { anonymous, climb, closed, CONTENT, goesOn, linesOf, SECRET, talk, tree, waits } from './some-records.ts';

let store: Store;
beforeEach(() => (store = memoryStore()));
afterEach(() => store[Symbol.asyncDispose]());

const kinds = (lines: readonly string[]): readonly string[] =>
  lines.map((line) => Object.keys(JSON.parse(line) as object)[0] ?? '');
const rows = (lines: readonly string[], kind: string): readonly Record<string, unknown>[] =>
  lines.flatMap((line) => {
    const row = (JSON.parse(line) as Record<string, Record<string, unknown>>)[kind];
    return row === undefined ? [] : [row];
  });

describe('the export of a run', () => {
  it('REC-1: holds its tree with everything that hangs on it, counted and hashed', async () => {
    const lines = await linesOf(exportRun(store, await climb(store, 'r'), { redact: 'none' }));

    expect(JSON.parse(lines[0] ?? '')).toEqual({
      prusik: 'records',
      v: 1,
      of: 'run',
      id: 'r',
      tenant: 'home',
      redacted: 'none',
      live: false,
      blobs: true,
      counts: { runs: 2, entries: rows(lines, 'entry').length },
    });
    expect(new Set(kinds(lines))).toEqual(
      new Set([
        'prusik',
        'run',
        'entry',
        'signal',
        'message',
        'request',
        'ledger',
        'note',
        'uses',
        'blob',
        'piece',
        'end',
      ]),
    );
    expect(rows(lines, 'run').map(({ id, status }) => [id, status])).toEqual([
      ['r', 'completed'],
      [expect.any(String), 'failed'],
    ]);
    expect(rows(lines, 'end')[0]).toMatchObject({ counts: { run: 2, message: 4, note: 2, blob: 2, piece: 8 } });
    expect(lines.every((line) => line.endsWith('\n') && line.indexOf('\n') === line.length - 1)).toBe(true);
  });

  it('REC-1: is the same every time, since nothing in it is of the moment', async () => {
    const key = await climb(store, 'r');

    expect(await linesOf(exportRun(store, key, { redact: 'none' }))).toEqual(
      await linesOf(exportRun(store, key, { redact: 'none' })),
    );
  });

  it('REC-1: of one that waits is what is known, and nothing in it lacks its cause', async () => {
    const lines = await linesOf(exportRun(store, await waits(store, 'r'), { redact: 'none' }));

    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ live: true, counts: { runs: 2 } });
    const [root] = rows(lines, 'run');
    expect(root).toMatchObject({ id: 'r', status: 'waiting' });
    expect(rows(lines, 'entry').filter(({ type }) => type === 'run-end')).toHaveLength(1);
    await expect(importRecords(store, lines, { into: 'away' })).rejects.toMatchObject({ code: 'RUN_LIVE' });
  });

  it('REC-1: goes no further than its row said, while a worker goes on', async () => {
    const key = await waits(store, 'r');
    const exported = exportRun(store, key, { redact: 'none' })[Symbol.asyncIterator]();
    const first = [(await exported.next()).value as string];
    // Between the first line and the rest the run is answered and moves.
    await goesOn(store, key);
    for (let next = await exported.next(); next.done !== true; next = await exported.next()) first.push(next.value);

    const [header] = first.map((line) => JSON.parse(line) as { counts: { entries: number } });
    expect(rows(first, 'entry')).toHaveLength(header?.counts.entries ?? -1);
    const own = rows(first, 'entry').findLastIndex(({ type }) => type === 'run-park') + 1;
    expect((await store.run(key))?.seq).toBeGreaterThan(own);
    expect(rows(first, 'signal').filter(({ kind }) => kind === 'decision')).toEqual([]);
    expect(rows(first, 'run')[0]).toMatchObject({ status: 'waiting' });
  });

  it('REC-1: says by code that there is no such run, that it is a child, and that it was removed meanwhile', async () => {
    const key = await climb(store, 'r');
    const { items } = await store.listRuns({ tenant: 'home', parent: 'r', limit: 1 });
    const child = items[0]?.key.run ?? '';

    await expect(linesOf(exportRun(store, tree('nobody')))).rejects.toMatchObject({ code: 'RUN_UNKNOWN' });
    await expect(linesOf(exportRun(store, tree(child)))).rejects.toMatchObject({ code: 'RUN_NOT_ROOT' });
    const exported = exportRun(store, key)[Symbol.asyncIterator]();
    await exported.next();
    await store.remove(key);
    await expect(
      (async () => {
        for (;;) if ((await exported.next()).done === true) return;
      })(),
    ).rejects.toMatchObject({ code: 'RUN_UNKNOWN' });
  });

  it('REC-1: of one that was compacted is its row, which says so, and is not imported', async () => {
    const key = await climb(store, 'r');
    await store.compact(key);
    const lines = await linesOf(exportRun(store, key, { redact: 'none' }));

    expect(rows(lines, 'run')[0]).toMatchObject({ id: 'r', status: 'completed', compactedAt: expect.any(Number) });
    expect(rows(lines, 'entry')).toEqual([]);
    expect(rows(lines, 'request')).toHaveLength(1);
    await expect(importRecords(store, lines, { into: 'away' })).rejects.toMatchObject({ code: 'RUN_COMPACTED' });
  });

  it('REC-1: of one that is compacted while it is exported there is no bundle that says it is whole', async () => {
    const key = await climb(store, 'r');
    const exported = exportRun(store, key)[Symbol.asyncIterator]();
    await exported.next();
    await store.compact(key);
    await expect(
      (async () => {
        for (;;) if ((await exported.next()).done === true) return;
      })(),
    ).rejects.toMatchObject({ code: 'RUN_COMPACTED' });
  });

  it('REC-1: ends with the reason of its signal', async () => {
    const key = await climb(store, 'r');
    const stop = new AbortController();
    const exported = exportRun(store, key, { signal: stop.signal })[Symbol.asyncIterator]();
    await exported.next();
    stop.abort(new Error('enough'));

    await expect(
      (async () => {
        for (;;) if ((await exported.next()).done === true) return;
      })(),
    ).rejects.toThrow('enough');
  });

  it('REC-1: options that cannot be are a TypeError at once', () => {
    for (const options of [
      { redact: 'some' },
      { blobs: true },
      { redact: 'content', blobs: true },
      { redact: 'none', redactor: anonymous },
      { redacted: 'none' },
    ])
      expect(() => exportRun(store, tree('r'), options as object), JSON.stringify(options)).toThrow(TypeError);
  });
});

describe('what is exported', () => {
  it('REC-1: is without what looks like credentials, unless everything is asked for', async () => {
    const key = await climb(store, 'r');
    const text = async (options?: object): Promise<string> => (await linesOf(exportRun(store, key, options))).join('');

    expect(await text({ redact: 'none' })).toContain(SECRET);
    const safe = await text();
    expect(safe).not.toContain(SECRET);
    expect(safe).toContain(CONTENT);
  });

  it('REC-1: is without any content where that is asked for, and is a record all the same', async () => {
    const key = await climb(store, 'r');
    const lines = await linesOf(exportRun(store, key, { redact: 'content' }));
    const text = lines.join('');

    for (const content of [CONTENT, SECRET, 'lefthand', 'righthand', 'leave', 'xxxx'])
      expect(text).not.toContain(content);
    for (const kept of ['climber', 'helper', 'fetch', 'goal', '"mark"', 'answered', 'ann', 'STEP_FAILED'])
      expect(text).toContain(kept);
    expect(await importRecords(store, lines, { into: 'away' })).toMatchObject({ outcome: 'imported', redacted: true });
    expect((await store.run(tree('r', 'away')))?.imported?.redacted).toBe(true);
  });

  it('REC-1: has no hash of its content where that is redacted, and equal ones stay equal', async () => {
    const key = await climb(store, 'r');
    const whole = (await linesOf(exportRun(store, key, { redact: 'none' }))).join('');
    const hashes = new Set(whole.match(/sha256:[0-9a-f]{64}/g));
    expect(hashes.size).toBeGreaterThan(2);
    for (const redact of ['secrets', 'content'] as const) {
      const lines = await linesOf(exportRun(store, key, { redact }));
      const text = lines.slice(0, -1).join('');
      for (const hash of hashes) expect(text).not.toContain(hash);
      const [claim, again] = rows(lines, 'entry').filter(({ type }) => type === 'run-claim');
      expect(claim?.['definitionHash']).toBe(again?.['definitionHash']);
    }
  });

  it('REC-1: goes through a redactor of the program’s own', async () => {
    const key = await climb(store, 'r');
    const lines = await linesOf(exportRun(store, key, { redactor: anonymous }));

    expect(rows(lines, 'request')[0]).toMatchObject({ decision: { by: 'somebody' } });
    expect(lines.join('')).not.toMatch(/\bann\b/);
    expect(await importRecords(store, lines, { into: 'away' })).toMatchObject({ outcome: 'imported' });
  });
});

describe('the export of a session', () => {
  it('REC-1: has its conversation once, and its runs oldest first', async () => {
    for (const id of ['one', 'two']) await climb(store, id, 'talk');
    const lines = await linesOf(exportSession(store, await closed(store, 'talk'), { redact: 'none' }));

    const messages = rows(lines, 'message') as unknown as readonly {
      readonly n: number;
      readonly message: { readonly id: string };
    }[];
    expect(messages.filter(({ message }) => message.id.startsWith('right of'))).toHaveLength(2);
    expect(
      rows(lines, 'run')
        .filter(({ depth }) => depth === 0)
        .map(({ id }) => id),
    ).toEqual(['one', 'two']);
    expect(rows(lines, 'session')).toEqual([expect.objectContaining({ id: 'talk', state: 'closed', floor: 0 })]);
    await expect(linesOf(exportSession(store, talk('nobody')))).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
  });

  it('REC-1: a run of it by itself has its own messages alone', async () => {
    for (const id of ['one', 'two']) await climb(store, id, 'talk');
    const lines = await linesOf(exportRun(store, tree('two')));

    const own = (rows(lines, 'message') as readonly { readonly n?: unknown }[]).map(({ n }) => n);
    expect(own).toEqual([3, 4, 1, 2]);
  });
});
