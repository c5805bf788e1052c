import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DurableContext, DurableDefinition, Json } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { sqliteStore } from '@prusik/store-sqlite';
import { describe, expect, it } from 'vitest';
import { emptyFolder, MAIN, said, type Said } from './database.ts';

const define = (name: string, run: (ctx: DurableContext) => Promise<Json>): DurableDefinition<Json, Json> => ({
  name,
  kind: 'workflow',
  version: '1',
  run,
});

/** What takes lines, terminals and columns apart. */
const NAME = 'n\u009b2J\u202e\u2028x';

/** A database of runs that somebody hostile has named. */
async function database(): Promise<
  { readonly folder: string; prusik(...args: readonly string[]): Promise<Said> } & Disposable
> {
  const place = emptyFolder();
  const path = join(place.folder, 'runs.db');
  const store = sqliteStore({ path });
  const definitions = [
    define('lines', async (ctx) => {
      await ctx.step(NAME, () => 1, { name: NAME });
      return 'a\u2028b\u2029c\rd';
    }),
    define('ask', async (ctx) => (await ctx.request('q', { kind: 'question', body: 'why?' })).value ?? null),
  ];
  const engine = createEngine({ store, definitions, limits: { parkAfterMs: 0 } });
  for (const [definition, id] of [
    ['lines', 'lines'],
    ['lines', NAME],
    ['ask', 'ask'],
  ] as const) {
    await engine.start(definition, 'canary', { id });
    await engine.drive({ tenant: 'default', run: id });
  }
  await engine[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  return {
    folder: place.folder,
    prusik: (...args) => said(place.folder, [...args, '--db', path]),
    [Symbol.dispose]: () => place[Symbol.dispose](),
  };
}

describe('what somebody hostile left in a database, or hands over', () => {
  it('REC-1: what was exported is imported, whatever separators of lines stand in its texts', async () => {
    using db = await database();
    expect(await db.prusik('export', 'lines', '--redact', 'none', '--out', 'b')).toMatchObject({ code: 0 });

    expect(await db.prusik('import', 'b', '--into', 'other')).toMatchObject({ code: 0, stderr: '' });
  });

  it('I9: what is no file of lines is refused by code, and is not read for ever', async () => {
    using db = await database();

    expect(await db.prusik('import', db.folder)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('(FILE_UNREADABLE)'),
    });
    expect(await db.prusik('import', '/dev/zero')).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('(IMPORT_TOO_LARGE)'),
    });
  });

  it.each([
    ['prune', '--records-age', '0s', '--status', ','],
    ['prune', '--records-age', '0s', '--status', ''],
    ['prune', '--sessions-age', '0s', '--definition', 'lines'],
    ['prune', '--sessions-age', '0s', '--status', 'failed'],
    ['runs', '--definition', ''],
    ['import', 'b', '--tenant', 'other'],
  ])('I9: a filter that would be none is refused: %s %s %s %s %s', async (...args) => {
    using db = await database();
    writeFileSync(join(db.folder, 'b'), '');

    expect(await db.prusik(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining('(CLI_USAGE)') });
    expect((await db.prusik('runs')).stdout).toContain('lines');
  });

  it('I9: another answer to what was answered is told as such, and the same one again is not; null is one', async () => {
    using db = await database();
    const [request = ''] = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec((await db.prusik('requests')).stdout) ?? [];

    expect(await db.prusik('answer', 'ask', '--value', 'null')).toMatchObject({ code: 0 });
    expect(await db.prusik('answer', 'ask', request, '--value', 'null')).toMatchObject({ code: 0 });
    expect(await db.prusik('answer', 'ask', request, '--value', '1')).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('(DECIDED_OTHERWISE)'),
    });
  });

  it('I11: JSON drives no terminal, reads as what it is, and has no hash of an input', async () => {
    using db = await database();

    for (const args of [
      ['runs', '--json'],
      ['show', NAME, '--json'],
      ['graph', NAME, '--form', 'data'],
    ]) {
      const { stdout } = await db.prusik(...args);
      expect(stdout).not.toMatch(/[\u007f-\u009f\u2028-\u202e]|inputHash/);
      expect(stdout).toContain(String.raw`n\u009b2J\u202e\u2028x`);
    }
  });

  it.runIf(process.platform === 'linux').each([
    [['export', 'lines'], 5],
    [['runs', '--json'], 1],
    [['--help'], 1],
  ])(
    'I9: a full disk behind the output is told by code, neither as an interruption nor as a success: %s',
    async (args, status) => {
      using db = await database();
      const full = openSync('/dev/full', 'w');
      const done = spawnSync(
        process.execPath,
        ['--conditions=@prusik/source', MAIN, ...args, '--db', join(db.folder, 'runs.db')],
        { stdio: ['ignore', full, 'pipe'], env: { ...process.env, NODE_OPTIONS: '' }, encoding: 'utf8' },
      );
      closeSync(full);

      expect(done).toMatchObject({ status, stderr: expect.stringContaining('(FILE_UNWRITABLE)') });
    },
  );

  it('EVT-2: the entries after the last one of a run that waits are none, and are not waited for', async () => {
    using db = await database();
    const [, seq = ''] = /journal +(\d+) entries/.exec((await db.prusik('show', 'ask')).stdout) ?? [];

    expect(await db.prusik('events', 'ask', '--after', seq)).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});
