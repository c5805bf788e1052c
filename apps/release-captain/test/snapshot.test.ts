import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createGit, type Git } from '../src/git/git.ts';
import { resolveRange } from '../src/git/range.ts';
import { isObjectPath } from '../src/repository/objects.ts';
import { snapshotRepository } from '../src/repository/snapshot.ts';
import { createFixture, hostExec, temporaryFolder, type Fixture } from './git-fixture.ts';

const disposables: (() => void)[] = [];
afterEach(() => {
  for (const dispose of disposables.splice(0)) dispose();
});

function fixture(...init: readonly string[]): Fixture {
  const made = createFixture(...init);
  disposables.push(() => made[Symbol.dispose]());
  return made;
}

function folder(): string {
  const path = temporaryFolder();
  disposables.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** What the import does, with plain copies. */
async function copyOf(repository: string): Promise<{ git: Git; at: string }> {
  const snapshot = await snapshotRepository(repository);
  const at = folder();
  for (const [path, content] of snapshot.files) {
    mkdirSync(dirname(join(at, path)), { recursive: true });
    writeFileSync(join(at, path), content);
  }
  for (const objects of snapshot.objects) {
    cpSync(objects, join(at, 'objects'), {
      recursive: true,
      filter: (source) => source === objects || isObjectPath(relative(objects, source)),
    });
  }
  return { git: createGit(hostExec, at), at };
}

const subjects = async (git: Git, ref = 'HEAD'): Promise<string> =>
  Buffer.from((await git(['log', '--format=%s', ref])).stdout)
    .toString()
    .trim();

describe('a copy of a repository', () => {
  it('has its commits, branches and tags, from any folder in it, and leaves it byte for byte as it was', async () => {
    const { folder: original, sh, commit } = fixture();
    commit('one', { 'deep/in/file': 'x' });
    sh('tag', '-a', 'v1.0.0', '-m', 'tagged');
    sh('gc', '-q');
    commit('two');
    sh('branch', 'topic');
    const before = contentOf(original);

    const { git, at } = await copyOf(join(original, 'deep/in'));

    expect(await subjects(git)).toBe('two\none');
    expect(await subjects(git, 'topic')).toBe('two\none');
    expect(await subjects(git, 'v1.0.0')).toBe('one');
    expect((await git(['fsck', '--strict'])).exitCode).toBe(0);
    expect(readFileSync(join(at, 'config'), 'utf8')).not.toContain('user');
    expect(contentOf(original)).toEqual(before);
  });

  it('can be made of a bare repository, a linked worktree, a shared clone and one with SHA-256', async () => {
    const { folder: original, sh, commit } = fixture();
    commit('one', { file: 'x' });
    const [bare, worktree, shared] = ['bare', 'worktree', 'shared'].map((name) => join(folder(), name)) as [
      string,
      string,
      string,
    ];
    sh('clone', '-q', '--bare', original, bare);
    sh('worktree', 'add', '-q', '-b', 'other', worktree);
    sh('clone', '-q', '--shared', original, shared);
    sh('-C', worktree, 'commit', '-q', '--allow-empty', '-m', 'in the worktree');
    sh('-C', shared, 'commit', '-q', '--allow-empty', '-m', 'in the clone');
    const sha256 = fixture('--object-format=sha256');
    sha256.commit('long hashes', { file: 'x' });

    const read = async (path: string): Promise<string> => subjects((await copyOf(path)).git);

    expect(await read(bare)).toBe('one');
    expect(await read(worktree)).toBe('in the worktree\none');
    expect(await read(shared)).toBe('in the clone\none');
    expect(await read(sha256.folder)).toBe('long hashes');
  });

  it('takes none of its settings, hooks, caches and replacements', async () => {
    const { folder: original, git: theirs, sh, commit } = fixture();
    commit('true history', { file: 'x' });
    commit('on top');
    sh('config', 'core.sshCommand', 'touch /tmp/never');
    sh('commit-graph', 'write');
    const fake = sh('commit-tree', '-m', 'faked', 'HEAD^{tree}');
    sh('replace', 'HEAD', fake);
    expect(sh('log', '--format=%s')).toBe('faked');

    const { git, at } = await copyOf(original);

    expect(await subjects(git)).toBe('on top\ntrue history');
    expect(await subjects(theirs)).toBe('on top\ntrue history');
    expect(readdirSync(at).toSorted()).toEqual(['HEAD', 'config', 'objects', 'packed-refs', 'refs']);
    expect(existsSync(join(at, 'objects/info'))).toBe(false);
    expect(readFileSync(join(at, 'packed-refs'), 'utf8')).not.toContain('refs/replace');
  });

  it.each([
    [
      'reftables',
      'UNSUPPORTED_REPOSITORY',
      '[core]\n repositoryFormatVersion=1\n[extensions] refStorage = "reftable" ; x\n',
    ],
    [
      'unknown extensions',
      'UNSUPPORTED_REPOSITORY',
      '[core]\nrepositoryformatversion = 1\n[Extensions]\nFuture = yes\n',
    ],
    ['newer formats', 'UNSUPPORTED_REPOSITORY', '[core]\nrepositoryformatversion = 2\n'],
  ])('is refused for %s', async (_, code, config) => {
    const { folder: original, commit } = fixture();
    commit('one');
    writeFileSync(join(original, '.git/config'), config);

    await expect(snapshotRepository(original)).rejects.toMatchObject({ code });
  });

  it('is refused for a lost alternate', async () => {
    const borrowing = fixture();
    borrowing.commit('one');
    writeFileSync(join(borrowing.folder, '.git/objects/info/alternates'), '/nowhere/objects\n');

    await expect(snapshotRepository(borrowing.folder)).rejects.toMatchObject({ code: 'UNSUPPORTED_REPOSITORY' });
  });

  it('is refused for what is no repository', async () => {
    const empty = folder();
    const dangling = folder();
    writeFileSync(join(dangling, '.git'), 'gitdir: /nowhere\n');
    const pretending = folder();
    mkdirSync(join(pretending, '.git'));

    for (const path of [empty, dangling, pretending, join(empty, 'missing')]) {
      await expect(snapshotRepository(path)).rejects.toMatchObject({ code: 'NOT_A_REPOSITORY' });
    }
  });
});

describe('the range of commits', () => {
  it('starts at the last tag that is not at its end, by whatever parent it is reached', async () => {
    const { git, sh, commit } = fixture();
    commit('one');
    sh('tag', 'v1');
    sh('checkout', '-q', '-b', 'side');
    commit('two');
    sh('tag', 'v2');
    sh('checkout', '-q', 'main');
    commit('three');
    sh('merge', '-q', '--no-ff', '--no-edit', 'side');
    sh('tag', 'v3');
    sh('tag', 'v3-too');

    const query = { shallow: [] };

    expect(await resolveRange(git, query)).toMatchObject({ from: { name: 'v2' }, commits: 2, merges: 1 });
    expect(await resolveRange(git, { ...query, to: 'v1' })).toMatchObject({ from: null, commits: 1 });
    expect(await resolveRange(git, { ...query, from: 'v1', to: 'side' })).toMatchObject({ commits: 1, merges: 0 });
  });

  it.each([
    ['an unknown ref', { from: 'nowhere' }, 'UNKNOWN_REF'],
    ['an option', { from: '--all' }, 'UNKNOWN_REF'],
    ['a range', { to: 'v1..main' }, 'UNKNOWN_REF'],
    ['a file', { to: 'main:file' }, 'UNKNOWN_REF'],
    ['an empty name', { to: '' }, 'UNKNOWN_REF'],
    ['nothing between', { from: 'main', to: 'v1' }, 'EMPTY_RANGE'],
  ])('tells %s', async (_, query, code) => {
    const { git, sh, commit } = fixture();
    commit('one', { file: 'x' });
    sh('tag', 'v1');
    commit('two');

    await expect(resolveRange(git, { ...query, shallow: [] })).rejects.toMatchObject({ code });
  });

  it('is empty when it holds only a merge', async () => {
    const { git, sh, commit } = fixture();
    commit('one');
    sh('checkout', '-q', '-b', 'side');
    commit('two');
    sh('checkout', '-q', 'main');
    sh('merge', '-q', '--no-ff', '--no-edit', 'side');

    await expect(resolveRange(git, { from: 'side', shallow: [] })).rejects.toMatchObject({ code: 'EMPTY_RANGE' });
  });

  it('tells a repository without commits from a HEAD that points nowhere', async () => {
    const { git, sh, commit } = fixture();
    await expect(resolveRange(git, { shallow: [] })).rejects.toMatchObject({ code: 'NO_COMMITS' });
    commit('one');
    sh('symbolic-ref', 'HEAD', 'refs/heads/nowhere');

    await expect(resolveRange(git, { shallow: [] })).rejects.toMatchObject({ code: 'UNKNOWN_REF' });
    expect(await resolveRange(git, { to: 'main', shallow: [] })).toMatchObject({ commits: 1 });
  });

  it('is refused where a shallow clone cut it, and served where the cut is before it', async () => {
    const { folder: original, sh, commit } = fixture();
    for (const message of ['one', 'two', 'three', 'four']) commit(message);
    const clone = join(folder(), 'shallow');
    sh('clone', '-q', '--depth=3', `file://${original}`, clone);
    const { shallow } = await snapshotRepository(clone);
    const { git } = await copyOf(clone);

    await expect(resolveRange(git, { shallow })).rejects.toMatchObject({ code: 'SHALLOW_RANGE' });
    expect(await resolveRange(git, { shallow, from: 'HEAD~2' })).toMatchObject({ commits: 2 });
  });
});

/** Every file below a folder, by path, with its content and time. */
function contentOf(root: string): ReadonlyMap<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path, `${lstatSync(path).mtimeMs} ${readFileSync(path, 'latin1')}`];
    }),
  );
}
