import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { sqliteStore } from '@prusik/store-sqlite';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { COMMANDS } from '../src/commands.ts';
import { emptyFolder, prusikProcess, said } from './database.ts';

/** Columns and JSON have no place for what drives a terminal. */
// oxlint-disable-next-line no-control-regex -- that is what is looked for
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/;

async function emptyStore(folder: string): Promise<string> {
  const path = join(folder, 'runs.db');
  await sqliteStore({ path })[Symbol.asyncDispose]();
  return path;
}

describe('what a person may type', () => {
  it.each(Object.keys(COMMANDS))('tells how %s is used', async (name) => {
    const { code, stdout } = await said('/', [name, '--help']);

    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: prusik ${name}`);
    expect(stdout).toBe((await said('/', ['help', name])).stdout);
  });

  it('names every command in the overview, and asks for one where none is given', async () => {
    const { stdout } = await said('/', ['--help']);
    for (const name of Object.keys(COMMANDS)) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));

    expect(await said('/', [])).toMatchObject({ code: 2, stdout: '', stderr: stdout });
    expect((await said('/', ['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [['fly']],
    [['runs', '--colour', 'red']],
    [['runs', '--status', 'sleeping']],
    [['runs', '--limit', '0']],
    [['runs', '--since', 'yesterday']],
    [['runs', '--since', '7']],
    [['runs', '--before', '2026-02-31']],
    [['runs', '--after', 'none']],
    [['prune', '--records-age', '999999999d']],
    [['prune', '--records-age', '90d', '--records-age=0s']],
    [['runs', '--db', 'none.db']],
    [['runs', 'r', 's']],
    [['show']],
    [['show', '']],
    [['answer', 'r', 'q']],
    [['answer', 'r', 'q', '--value', 'yes']],
    [['answer', 'r', 'q', '--value', '1', '--text', 'one']],
    [['edit', 'r', 'q']],
    [['intervene', 'r', 'perhaps']],
  ])('I9: %j is refused with one line and 2, and touches nothing', async (args) => {
    using place = emptyFolder();
    const path = await emptyStore(place.folder);

    const { code, stdout, stderr } = await said(place.folder, [...args, '--db', path]);

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error: [^\n]+ \(CLI_USAGE\)\n$/);
  });

  it('I9: a file that is not there is told as such', async () => {
    using place = emptyFolder();
    const path = await emptyStore(place.folder);

    for (const args of [
      ['import', 'none'],
      ['answer', 'r', 'q', '--value', '@none'],
    ])
      expect(await said(place.folder, [...args, '--db', path])).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('(FILE_UNREADABLE)'),
      });
  });

  it('I9: a database that is not there is not created, whatever is asked of it', async () => {
    using place = emptyFolder();
    const path = join(place.folder, 'none.db');
    for (const args of [
      ['runs'],
      ['show', 'r'],
      ['cancel', 'r'],
      ['doctor'],
      ['events', 'r'],
      ['approve', 'r'],
      ['backup', 'b'],
    ]) {
      expect(await said(place.folder, [...args, '--db', path])).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('(STORE_MISSING)'),
      });
      expect(existsSync(path)).toBe(false);
    }
    expect(await said(place.folder, ['runs'])).toMatchObject({ code: 2 });
  });

  it('I9: a backup and a store that cannot be made where they are named are refused by a code, and leave nothing', async () => {
    using place = emptyFolder();
    const path = await emptyStore(place.folder);
    await said(place.folder, ['backup', 'copy', '--db', path]);
    const before = readdirSync(place.folder).toSorted();

    for (const name of ['x'.repeat(300), 'x'.repeat(230), 'copy/below'])
      for (const args of [
        ['backup', name, '--db', path],
        ['restore', 'copy', '--db', join(place.folder, name)],
      ])
        expect(await said(place.folder, args)).toMatchObject({
          code: 4,
          stderr: expect.stringContaining('(STORE_UNAVAILABLE)'),
        });
    expect(readdirSync(place.folder).toSorted()).toEqual(before);
  });

  it('I9: a file that is no store is told so and stays as it is', async () => {
    using place = emptyFolder();
    const path = join(place.folder, 'notes.txt');
    writeFileSync(path, 'shopping list');

    expect(await said(place.folder, ['runs', '--db', path])).toMatchObject({ code: 4 });
    expect(await said(place.folder, ['doctor', '--db', path])).toMatchObject({ code: 4 });
  });

  it.each([
    '2026-11-28',
    '2026-11-28T09:30Z',
    '2026-11-28 09:30:00.5',
    '2026-02-28T23:00:00+05:00',
    '2h',
    '1795824000000',
  ])('takes %s for a moment', async (moment) => {
    using place = emptyFolder();
    const path = await emptyStore(place.folder);

    expect(await said(place.folder, ['runs', '--since', moment, '--db', path])).toMatchObject({ code: 0, stderr: '' });
  });

  it.each([
    ['2026-11-28 09:30:00', 1],
    ['2026-11-28T09:30', 1],
    ['2026-11-28 09:30:01', 0],
  ])('takes a time as it is shown, in UTC wherever the machine stands: %s', async (since, found) => {
    vi.stubEnv('TZ', 'America/New_York');
    onTestFinished(() => void vi.unstubAllEnvs());
    using place = emptyFolder();
    const path = join(place.folder, 'runs.db');
    const store = sqliteStore({ path, clock: { ...systemClock, now: () => Date.parse('2026-11-28T09:30:00Z') } });
    const engine = createEngine({
      store,
      definitions: [{ name: 'job', kind: 'function', version: '1', run: () => null }],
    });
    await engine.start('job', null);
    await engine[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();

    const { stdout } = await said(place.folder, ['runs', '--json', '--since', since, '--db', path]);
    expect(stdout.split('\n').filter((line) => line.includes('"type":"run"'))).toHaveLength(found);
  });

  it('takes the database from the environment, and the tenant as it is told', async () => {
    using place = emptyFolder();
    const path = await emptyStore(place.folder);

    expect(await said(place.folder, ['runs'], { PRUSIK_DB: path })).toMatchObject({
      code: 0,
      stdout: 'No such run.\n',
    });
    expect(await said(place.folder, ['runs', '--tenant', ''], { PRUSIK_DB: path })).toMatchObject({ code: 2 });
    expect(await said(place.folder, ['show', 'r'], { PRUSIK_DB: path })).toMatchObject({ code: 3 });
  });

  it('I9: names that would drive a terminal are shown without what drives it', async () => {
    using place = emptyFolder();
    const path = await emptyStore(place.folder);

    const { stderr } = await said(place.folder, ['show', 'evil\u001b[2J\u202eid', '--db', path]);

    expect(stderr.trimEnd()).not.toMatch(CONTROL);
  });

  it('ends without a word where nobody reads any more', async () => {
    using place = emptyFolder();
    const path = await emptyStore(place.folder);

    const { stderr } = await prusikProcess(['runs', '--db', path], (_, child) => child.stdout?.destroy());

    expect(stderr).toBe('');
  });
});
