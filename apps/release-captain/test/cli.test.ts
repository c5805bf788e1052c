import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sqliteStore } from '@prusik/store-sqlite';
import { afterEach, describe, expect, it } from 'vitest';
import { cli, cliInterrupted, cliUnread, cliWith, complaints } from './cli-process.ts';
import { createFixture, temporaryFolder, type Fixture } from './git-fixture.ts';

const disposables: (() => void)[] = [];
afterEach(() => {
  for (const dispose of disposables.splice(0)) dispose();
});

function fixture(): Fixture {
  const made = createFixture();
  disposables.push(() => made[Symbol.dispose]());
  return made;
}

function folder(): string {
  const path = temporaryFolder();
  disposables.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function smallRepository(): Fixture {
  const repository = fixture();
  repository.commit('feat: begin', { 'package.json': '{}', 'src/a.ts': 'a\n' });
  repository.sh('tag', 'v1.0.0');
  repository.commit('feat: add b', { 'src/b.ts': 'b\n' });
  repository.commit('fix: mend a', { 'src/a.ts': 'A\n', 'docs/a.md': 'a\n' });
  return repository;
}

const notesIn = (out: string): string => join(out, 'RELEASE_NOTES.md');
const workspacesIn = (out: string): readonly string[] =>
  readdirSync(join(out, '.release-captain/runs.db.workspaces/workspaces'));

describe('release-captain', { timeout: 60_000 }, () => {
  it('writes the notes with --yes, leaves no workspace, and touches nothing but --out', async () => {
    const repository = smallRepository();
    const place = folder();
    const before = repository.sh('status', '--porcelain', '--ignored');

    const result = await cli(place, '--repo', join(repository.folder, 'src'), '--out', 'out', '--yes');

    expect(complaints(result)).toEqual([]);
    expect(result.code).toBe(0);
    const notes = readFileSync(notesIn(join(place, 'out')), 'utf8');
    expect(notes).toContain('1.1.0, a minor release after 1.0.0');
    expect(notes).toMatch(/Add b \([0-9a-f]{7}\)[\s\S]*written by the offline/i);
    expect(workspacesIn(join(place, 'out'))).toEqual([]);
    expect(readdirSync(place)).toEqual(['out']);
    expect(readdirSync(join(place, 'out')).toSorted()).toEqual([
      '.release-captain',
      'RELEASE_NOTES.md',
      'flow.mmd',
      'run.json',
    ]);
    expect(repository.sh('status', '--porcelain', '--ignored')).toBe(before);
  });

  it('waits without a terminal, shows the draft, is approved by another process, and does nothing twice', async () => {
    const { folder: repo } = smallRepository();
    const place = folder();
    const out = join(place, 'release-notes');

    const started = await cli(place, '--repo', repo, '--run-id', 'r 1');

    expect(started.code).toBe(0);
    expect(started.stdout).toContain("release-captain approve 'r 1'");
    expect(existsSync(notesIn(out))).toBe(false);
    expect(workspacesIn(out)).toEqual([]);
    const shown = await cli(place, 'show', 'r 1');
    expect(shown.stdout).toContain(
      `Run r 1: waiting\n  notes: ${notesIn(out)}\n  next:  release-captain approve 'r 1'\n`,
    );
    expect(shown.stdout).toContain('# Changes from `v1.0.0` to `HEAD`');
    const approved = await cli(place, 'approve', 'r 1', '--json');
    expect(approved.code).toBe(0);
    expect(shown.stdout).toContain(readFileSync(notesIn(out), 'utf8'));

    writeFileSync(notesIn(out), 'mine now');
    const again = await cli(place, '--repo', repo, '--run-id', 'r 1', '--yes');
    const late = await cli(place, 'reject', 'r 1');

    expect(again.stdout).toContain('Published');
    const same = await cli(place, 'approve', 'r 1');
    expect(complaints(late)[0]).toContain('already approved');
    expect([again.code, late.code, same.code]).toEqual([0, 12, 0]);
    expect(readFileSync(notesIn(out), 'utf8')).toBe('mine now');
  });

  it('writes nothing when rejected, and the text of the person when edited', async () => {
    const { folder: repo } = smallRepository();
    const place = folder();
    await cli(place, '--repo', repo, '--run-id', 'no');
    await cli(place, '--repo', repo, '--run-id', 'other');
    writeFileSync(join(place, 'my.md'), '# Mine\n');

    const rejected = await cli(place, 'reject', 'no', '--reason', 'too early');
    expect(rejected.stdout).toContain('Rejected (too early): nothing was written');
    expect(existsSync(notesIn(join(place, 'release-notes')))).toBe(false);
    const edited = await cli(place, 'approve', 'other', '--edit', 'my.md');

    const late = await cli(place, 'approve', 'no');
    const shown = await cli(place, 'show', 'no');
    expect(shown.stdout).toMatch(/^Run no: completed\n {2}rejected by .+: too early\n$/);
    expect((await cli(place, 'show')).stdout).toMatch(/^other {2}completed .*\nno {2}completed .*\n$/);
    const same = await cli(place, 'approve', 'other', '--edit', 'my.md');
    writeFileSync(join(place, 'my.md'), '# Later\n');
    const later = await cli(place, 'approve', 'other', '--edit', 'my.md');

    expect([rejected.code, edited.code, late.code]).toEqual([0, 0, 12]);
    expect([same.code, later.code]).toEqual([0, 12]);
    expect(readFileSync(notesIn(join(place, 'release-notes')), 'utf8')).toBe('# Mine\n');
  });

  it('only stores with --no-drive, and only decides; the next process does the work', async () => {
    const { folder: repo } = smallRepository();
    const place = folder();
    const stored = await cli(place, '--repo', repo, '--run-id', 'later', '--no-drive');
    expect(stored.stdout).toContain('release-captain --run-id later');
    expect((await cli(place, 'show', 'later')).stdout).toContain('queued');
    await cli(place, '--run-id', 'later');
    const again = await cli(place, '--run-id', 'later');
    expect(again.stdout).toMatch(/^Run later goes on: \d+ of its steps are on record and are not repeated\n/);
    expect(again.stdout).not.toMatch(/took a snapshot|: done/);

    const decided = await cli(place, 'approve', 'later', '--no-drive');
    expect(decided.stdout).toContain('approved');
    expect(existsSync(notesIn(join(place, 'release-notes')))).toBe(false);
    const driven = await cli(place, '--run-id', 'later');

    expect(driven.code).toBe(0);
    expect(existsSync(notesIn(join(place, 'release-notes')))).toBe(true);
  });

  it('takes a known run further by its id alone, whatever the default repository is', async () => {
    const [mine, other] = [smallRepository(), smallRepository()];
    const place = folder();
    const env = { RELEASE_CAPTAIN_DEFAULT_REPO: mine.folder };
    const first = await cliWith(env, place, '--run-id', 'r', '--no-drive');
    expect(complaints(first)).toEqual([]);

    const again = await cliWith({ RELEASE_CAPTAIN_DEFAULT_REPO: other.folder }, place, '--run-id', 'r', '--yes');

    expect(complaints(again)).toEqual([]);
    expect(again.stdout).toContain('Published');
  });

  it('starts no new run for an id that is looked for in a database of its own', async () => {
    const env = { RELEASE_CAPTAIN_DEFAULT_REPO: smallRepository().folder };
    const place = folder();
    await cliWith(env, place, '--run-id', 'r', '--out', 'out', '--repo', env.RELEASE_CAPTAIN_DEFAULT_REPO);

    const unknown = await cliWith(env, place, '--run-id', 'R', '--out', 'out');
    const nowhere = await cliWith(env, place, '--run-id', 'R', '--db', 'no/db');

    expect([unknown.code, nowhere.code]).toEqual([10, 10]);
    expect(complaints(unknown)).toHaveLength(1);
    expect(readdirSync(place)).toEqual(['out']);
  });

  it('prints nothing but NDJSON on stdout with --json', async () => {
    const { folder: repo } = smallRepository();
    const place = folder();

    const { stdout, code } = await cli(place, '--repo', repo, '--json', '--yes');

    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; entry?: { type: string } });
    expect(code).toBe(0);
    expect(lines.at(-1)).toMatchObject({ type: 'result', status: 'completed', output: { published: true } });
    expect(lines.filter(({ entry }) => entry?.type === 'run-end')).toHaveLength(3);
  });

  it('ends quietly when nobody reads its output any more', async () => {
    const { folder: repo } = smallRepository();

    const result = await cliUnread(folder(), '--repo', repo, '--json', '--yes');

    expect(complaints(result)).toEqual([]);
    expect(result.code).toBe(130);
  });

  it('refuses a run id that belongs to another job', async () => {
    const { folder: repo } = smallRepository();
    const place = folder();
    await cli(place, '--repo', repo, '--run-id', 'mine', '--no-drive');

    const other = await cli(place, '--repo', repo, '--from', 'HEAD~1', '--run-id', 'mine');

    expect(other.code).toBe(11);
    expect(complaints(other)).toHaveLength(1);
  });

  it('writes correct notes of binary and 50 MB files and of any bytes in names', async () => {
    const repository = fixture();
    const place = folder();
    writeFileSync(join(repository.folder, 'large.txt'), 'x'.repeat(79).concat('\n').repeat(655_360));
    writeFileSync(Buffer.concat([Buffer.from(`${repository.folder}/bad-`), Buffer.from([0xff])]), 'x');
    repository.commit('', { 'pictures/a.png': new Uint8Array(2_000), 'a "b"\n# c/d e': 'x' });

    const result = await cli(place, '--repo', repository.folder, '--yes');

    expect(complaints(result)).toEqual([]);
    expect(result.code).toBe(0);
    const notes = readFileSync(notesIn(join(place, 'release-notes')), 'utf8');
    expect(notes).toContain('No message; adds');
    expect(notes).not.toMatch(/^# c/m);
  });

  it('writes the notes of a partial clone that has what it takes', async () => {
    const place = folder();

    const result = await cli(place, '--repo', partialClone('blob:limit=1m'), '--yes');

    expect(complaints(result)).toEqual([]);
    expect(result.code).toBe(0);
  });

  it.each([
    ['a folder without a repository', 3, () => ['--repo', folder()]],
    ['a folder that is not there', 3, () => ['--repo', join(folder(), 'no')]],
    ['a repository without commits', 3, () => ['--repo', fixture().folder]],
    ['a partial clone without the objects', 3, () => ['--repo', partialClone('blob:none')]],
    ['an unknown ref', 4, () => ['--repo', smallRepository().folder, '--from', 'nowhere']],
    ['a ref that is an option', 4, () => ['--repo', smallRepository().folder, '--to=--output=/tmp/x']],
    ['an empty range', 4, () => ['--repo', smallRepository().folder, '--from', 'HEAD']],
    ['an --out that is a file', 5, () => ['--repo', smallRepository().folder, '--out', file('x')]],
    [
      'an --out that takes no file',
      5,
      () => ['--repo', smallRepository().folder, '--out', '/proc/self', '--db', join(folder(), 'db')],
    ],
    ['notes that are a symbolic link', 5, () => ['--repo', smallRepository().folder, '--out', linked()]],
    [
      'a --db that is no database',
      6,
      () => ['--repo', smallRepository().folder, '--db', file('no database, '.repeat(999))],
    ],
    ['a --db of a newer version', 6, async () => ['--repo', smallRepository().folder, '--db', await newerDatabase()]],
    ['a run that is not there', 10, () => ['show', 'nobody']],
    ['an unknown flag', 2, () => ['--frobnicate']],
    ['an unknown command', 2, () => ['publish', 'now']],
    ['a run id with a control character', 2, () => ['--run-id', 'a\nb']],
  ])('ends with one clear line for %s: exit code %i', async (_, code, args) => {
    const place = folder();

    const result = await cli(place, ...(await args()));

    expect(complaints(result)).toHaveLength(1);
    expect(complaints(result)[0]).toMatch(/^error: .+ \([A-Z_]+.*\)$/);
    expect(result.code).toBe(code);
    expect(existsSync(notesIn(join(place, 'release-notes')))).toBe(false);
  });

  it('gives the run back on Ctrl-C, and goes on where it was', async () => {
    const repository = smallRepository();
    const place = folder();
    for (let n = 0; n < 60; n += 1) repository.commit(`Add number ${n}`, { [`part${n}/file`]: 'x' });

    const interrupted = await cliInterrupted(
      /historian: done/,
      place,
      '--repo',
      repository.folder,
      '--run-id',
      'r',
      '--yes',
    );
    expect(interrupted.code).toBe(130);
    expect(interrupted.stderr).toMatch(/Interrupted: .*can be taken up again/);
    const resumed = await cli(place, '--run-id', 'r', '--yes', '--json');

    const lines = resumed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { entry?: { type: string; key: string } });
    const ends = lines.flatMap(({ entry }) => (entry?.type === 'step-end' ? [entry.key] : []));
    expect(resumed.code).toBe(0);
    expect(ends.filter((key) => key === 'snapshot' || key === 'publish')).toEqual(['snapshot', 'publish']);
    expect(workspacesIn(join(place, 'release-notes'))).toEqual([]);
  });

  it('given the same run id twice at once, drives once and publishes once', async () => {
    const { folder: repo } = smallRepository();
    const place = folder();
    const args = ['--repo', repo, '--run-id', 'both', '--yes', '--json'] as const;

    const results = await Promise.all([cli(place, ...args), cli(place, ...args)]);

    expect(results.map(({ code }) => code)).toEqual([0, 0]);
    for (const { stdout } of results) {
      const lines = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { type: string; run?: string; entry?: { type: string; key: string } });
      const published = lines.filter(({ entry }) => entry?.type === 'step-end' && entry.key === 'publish');
      expect(published).toHaveLength(1);
      expect(lines.at(-1)).toMatchObject({ type: 'result', status: 'completed' });
    }
  });

  it('says what it can do', async () => {
    const help = await cli(folder(), '--help');
    const version = await cli(folder(), '--version');

    expect(help.stdout).toContain('Exit codes');
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect([help.code, version.code]).toEqual([0, 0]);
  });
});

function file(content: string): string {
  const path = join(folder(), 'file');
  writeFileSync(path, content);
  return path;
}

function partialClone(filter: string): string {
  const original = smallRepository();
  original.sh('config', 'uploadpack.allowFilter', 'true');
  const clone = join(folder(), 'partial');
  original.sh('clone', '-q', '--bare', `--filter=${filter}`, `file://${original.folder}`, clone);
  return clone;
}

/** Made by this version, then marked as of a later one. */
async function newerDatabase(): Promise<string> {
  const path = join(folder(), 'db');
  await sqliteStore({ path })[Symbol.asyncDispose]();
  const bytes = readFileSync(path);
  // `user_version` of SQLite's file header
  bytes.writeUInt32BE(9_999, 60);
  writeFileSync(path, bytes);
  return path;
}

function linked(): string {
  const out = join(folder(), 'out');
  mkdirSync(out);
  symlinkSync('/etc/passwd', notesIn(out));
  return out;
}
