import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import type { RunKey } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { sqliteStore } from '@prusik/store-sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { liveDatabase, prusikProcess, type LiveDatabase } from './database.ts';

let live: LiveDatabase;
beforeAll(async () => {
  live = await liveDatabase();
});
afterAll(() => live[Symbol.asyncDispose]());

/** Starts a run that the worker drives, as a program beside it would. */
async function start(definition: string, id: string): Promise<void> {
  const store = sqliteStore({ path: live.path });
  const engine = createEngine({
    store,
    definitions: [{ name: definition, kind: 'workflow', version: '1', run: () => Promise.resolve(null) }],
  });
  await engine.start(definition, null, { id });
  await engine[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
}

type Objects = Awaited<ReturnType<LiveDatabase['objects']>>;

/** Asks until it is as it is to be: the worker is another process. */
async function until(args: readonly string[], holds: (objects: Objects) => boolean): Promise<Objects> {
  for (;;) {
    const objects = await live.objects(...args);
    if (holds(objects)) return objects;
    await after(20);
  }
}

const status = (id: string, wanted: string): Promise<Objects> =>
  until(['show', id], ([run]) => run?.['status'] === wanted);

/** A run that asked and was answered. */
async function ended(id: string): Promise<void> {
  await start('question', id);
  await status(id, 'waiting');
  await live.prusik('answer', id, '--text', 'canary-answer');
  await status(id, 'completed');
}

describe('a database that a worker is writing', () => {
  it('I11: shows no hash of an input, by which whoever guesses one would know it', async () => {
    await ended('hashed');

    const shown = [...(await live.objects('runs')), ...(await live.objects('show', 'hashed'))];
    expect(JSON.stringify(shown)).toContain('hashed');
    expect(JSON.stringify(shown)).not.toMatch(/inputHash|sha256/);
  });

  it('REC-1: lists what runs, waits and has ended, narrowed by status and definition', async () => {
    await status('mail', 'waiting');

    const all = await live.objects('runs');
    expect(all.map(({ key }) => (key as RunKey | undefined)?.run)).toEqual(expect.arrayContaining(['busy', 'mail']));
    expect(await live.objects('runs', '--status', 'waiting', '--definition', 'mail')).toMatchObject([
      { type: 'run', key: { run: 'mail' }, status: 'waiting' },
    ]);
    expect((await live.prusik('runs', '--status', 'cancelled')).stdout).toBe('No such run.\n');
  });

  it('REC-1 EVT-3: follows a run while its worker writes, without a gap or a repeat', async () => {
    let seqs: readonly number[] = [];
    const { code, stderr } = await prusikProcess(
      ['events', 'busy', '--follow', '--json', '--db', live.path],
      (stdout, child) => {
        seqs = stdout
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line) as { readonly entry?: { readonly seq: number } })
          .flatMap(({ entry }) => (entry === undefined ? [] : [entry.seq]));
        if (seqs.length >= 60 && !child.killed) child.kill('SIGINT');
      },
    );

    expect({ code, stderr }).toEqual({ code: 130, stderr: 'error: Stopped by SIGINT (CLI_INTERRUPTED)\n' });
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  });

  it('REC-1: prints what is on record of a run that goes on, and ends', async () => {
    const { code, stdout } = await live.prusik('events', 'busy');

    expect(code).toBe(0);
    expect(stdout).toMatch(/ {2}busy {2}1 {2}run-start/);
  });

  it('I11: shows no input, context, outcome, question or message unless it is asked to', async () => {
    await status('mail', 'waiting');
    const unasked = [
      await live.prusik('show', 'mail'),
      await live.prusik('show', 'mail', '--json'),
      await live.prusik('events', 'mail'),
      await live.prusik('events', 'mail', '--json'),
      await live.prusik('requests'),
      await live.prusik('requests', '--json'),
      await live.prusik('runs', '--json'),
      await live.prusik('artifacts', 'mail'),
    ];
    for (const { stdout, stderr } of unasked) expect(stdout + stderr).not.toContain('canary');

    expect((await live.prusik('show', 'mail', '--content')).stdout).toContain('canary-input');
    expect((await live.prusik('requests', '--content', '--json')).stdout).toContain('canary-address');
    expect((await live.prusik('events', 'mail', '--content')).stdout).toContain('canary-input');
  });

  it('REC-5: lists what a run has made, and writes it', async () => {
    await status('mail', 'waiting');

    expect(await live.objects('artifacts', 'mail')).toMatchObject([
      { name: 'draft.md', type: 'text/markdown', size: 12 },
    ]);
    expect((await live.prusik('artifacts', 'mail', 'draft.md')).stdout).toBe('canary-draft');
    expect(await live.prusik('artifacts', 'mail', 'draft.md', '--json')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('(CLI_USAGE)'),
    });
    expect(await live.prusik('artifacts', 'mail', 'draft.md', '--out', 'draft.md')).toMatchObject({ code: 0 });
    expect(readFileSync(`${live.folder}/draft.md`, 'utf8')).toBe('canary-draft');
    expect(await live.prusik('artifacts', 'mail', 'final.md')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('(ARTIFACT_UNKNOWN)'),
    });
  });

  it('REQ-1 REQ-5: approves what a run in another process waits for, which goes on', async () => {
    await status('mail', 'waiting');

    expect(await live.objects('approve', 'mail', '--by', 'ann')).toMatchObject([
      { type: 'decision', run: 'mail', outcome: 'decided', status: 'approved', by: 'ann' },
    ]);

    await status('mail', 'completed');
    expect((await live.objects('show', 'mail', '--content'))[0]).toMatchObject({
      output: { decided: 'approved', by: 'ann' },
    });
    expect(await live.prusik('approve', 'mail')).toMatchObject({ code: 3 });
  });

  it('REQ-1: an answer that does not fit is refused and leaves the request open; of two deciders one wins', async () => {
    await start('tree', 'tree');
    await status('tree', 'waiting');
    const [request] = await until(['requests', '--root', 'tree'], (found) => found.length === 1);
    const id = String(request?.['id']);

    expect(await live.prusik('answer', 'tree', id, '--value', '7')).toMatchObject({ code: 5 });
    expect(await live.prusik('approve', 'tree', id)).toMatchObject({ code: 5 });
    expect(await live.prusik('answer', 'tree', '--text', 'yes')).toMatchObject({ code: 0 });
    expect(await live.prusik('answer', 'tree', id, '--text', 'yes')).toMatchObject({ code: 0 });
    const late = await live.prusik('reject', 'tree', id);
    expect(late).toMatchObject({ code: 6, stderr: expect.stringContaining('(DECIDED_OTHERWISE)') });

    await status('tree', 'completed');
    expect(await live.objects('show', 'tree')).toEqual(
      expect.arrayContaining([expect.objectContaining({ type: 'child', definition: 'question', status: 'completed' })]),
    );
  });

  it('DUR-5: decides what becomes of a step that nobody knows of', async () => {
    await start('doubt', 'doubt');
    await status('doubt', 'blocked');

    expect((await live.prusik('runs', '--blocked', 'STEP_IN_DOUBT')).stdout).toContain('doubt');
    expect((await live.prusik('doctor')).stdout).toMatch(/^blocked +1 STEP_IN_DOUBT/m);
    expect(await live.prusik('wake', 'doubt')).toMatchObject({ code: 5 });
    expect(await live.prusik('intervene', 'doubt', 'maybe')).toMatchObject({ code: 2 });
    expect(await live.prusik('intervene', 'doubt', 'happened', '--output', '"paid"')).toMatchObject({ code: 0 });

    await status('doubt', 'completed');
  });

  it('I7: wakes a run, and asks it to cancel, which its worker confirms', async () => {
    await start('asleep', 'asleep');
    await status('asleep', 'waiting');
    expect(await live.objects('wake', 'asleep')).toMatchObject([{ outcome: 'woken' }]);
    await status('asleep', 'waiting');

    expect(await live.prusik('cancel', 'asleep', '--reason', 'no need')).toMatchObject({ code: 0 });

    await status('asleep', 'cancelled');
    expect((await live.prusik('cancel', 'asleep')).stdout).toBe('Run asleep has ended before: cancelled\n');
  });

  it('STO-5: backs up beside the worker; the backup becomes a store again, and both are whole', async () => {
    expect(await live.prusik('doctor')).toMatchObject({ code: 0 });
    expect(await live.prusik('backup', 'copy.db')).toMatchObject({ code: 0 });
    expect(await live.prusik('backup', 'copy.db')).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('overwrite replaces it (STORE_EXISTS)'),
    });

    const restored = ['--db', `${live.folder}/restored.db`];
    expect(await prusikProcess(['restore', `${live.folder}/copy.db`, ...restored])).toMatchObject({ code: 0 });
    expect(await prusikProcess(['doctor', ...restored])).toMatchObject({ code: 0 });
    expect((await prusikProcess(['runs', ...restored])).stdout).toMatch(/busy +queued/);
  }, 60_000);

  it('REC-1: exports a run, redacted unless it is said otherwise, and imports it elsewhere once', async () => {
    await ended('exported');
    const out = `${live.folder}/exported.ndjson`;
    expect(await live.prusik('export', 'exported', '--redact', 'none', '--out', out)).toMatchObject({ code: 0 });
    const again = await live.prusik('export', 'exported', '--out', out);
    expect(again).toMatchObject({ code: 5, stderr: expect.stringContaining('(FILE_UNWRITABLE)') });
    expect((await live.prusik('export', 'exported', '--redact', 'content')).stdout).not.toContain('canary');

    const elsewhere = ['--tenant', 'archive'];
    expect(await live.objects('import', out, '--into', 'archive')).toMatchObject([{ outcome: 'imported' }]);
    expect(await live.objects('import', out, '--into', 'archive')).toMatchObject([{ outcome: 'existing' }]);
    expect(await live.objects('show', 'exported', ...elsewhere)).toMatchObject([
      { status: 'completed' },
      { type: 'wait' },
    ]);
    writeFileSync(out, readFileSync(out, 'utf8').replace('completed', 'cancelled'));
    expect(await live.prusik('import', out, '--into', 'other')).toMatchObject({ code: 5 });
    expect((await live.prusik('runs', '--tenant', 'other')).stdout).toBe('No such run.\n');
  });

  it('REC-2: draws the flow of a run', async () => {
    await ended('drawn');

    expect((await live.prusik('graph', 'drawn')).stdout).toMatch(/^flowchart /);
    expect((await live.prusik('graph', 'drawn', '--form', 'sequence')).stdout).toMatch(/^sequenceDiagram/);
    expect(await live.objects('graph', 'drawn')).toMatchObject([{ type: 'flow', runs: [{ id: 'drawn' }] }]);
  });

  it('REC-4: lets go of what has ended and nothing else, and says before what it would take', async () => {
    await ended('past');
    const policy = ['prune', '--records-count', '0', '--definition', 'question'];

    const planned = await live.objects(...policy, '--dry-run');
    expect(planned).toContainEqual(expect.objectContaining({ type: 'tree', run: 'past', because: 'maxCount' }));
    expect(await live.prusik('show', 'past')).toMatchObject({ code: 0 });

    expect(await live.objects(...policy)).toMatchObject([{ type: 'prune', removed: { runs: planned.length - 1 } }]);
    expect(await live.prusik('show', 'past')).toMatchObject({ code: 3 });
    expect(await live.prusik('show', 'busy')).toMatchObject({ code: 0 });
    expect(await live.prusik('prune')).toMatchObject({ code: 2 });
  });
});
