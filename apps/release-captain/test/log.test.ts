import { existsSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { displayPath } from '../src/git/bytes.ts';
import { createGit } from '../src/git/git.ts';
import { readLog } from '../src/git/log.ts';
import { createFixture, hostExec, type Fixture } from './git-fixture.ts';

let repository: Fixture | undefined;
afterEach(() => repository?.[Symbol.dispose]());
const fixture = (...init: readonly string[]): Fixture => (repository = createFixture(...init));
const HEAD = { skip: 0, count: 100 };

describe('readLog', () => {
  it('reads names with spaces, newlines, quotes, tabs, counts and bytes that are not UTF-8, each as another name', async () => {
    const { folder, git, sh, commit, write } = fixture();
    const names = [
      'a b',
      'line\nbreak',
      '"quoted"',
      "it's",
      'tab\there',
      '1\t2\tlooks like counts',
      '\u{1F680}',
      '-x',
      ':(top)x',
      '\u0001',
    ];
    for (const name of names) write(name, name);
    for (const byte of [0xff, 0xfe])
      writeFileSync(Buffer.concat([Buffer.from(`${folder}/raw-`), Buffer.from([byte])]), 'x');
    commit('odd names');

    const [read] = await readLog(git, [sh('rev-parse', 'HEAD')], HEAD);

    const paths = read?.files.map(({ path }) => path) ?? [];
    expect(paths.toSorted()).toEqual([...names, 'raw-\udcff', 'raw-\udcfe'].toSorted());
    const shown = paths.map(displayPath);
    expect(new Set(shown).size).toBe(names.length + 2);
    expect(shown).toContain('"raw-\\xff"');
    expect(shown).toContain('"line\\nbreak"');
    for (const text of shown) expect(text).toMatch(/^\P{Cc}*$/u);
  });

  it('reads merges, renames, binary files, empty commits and empty messages', async () => {
    const { git, sh, commit } = fixture();
    commit('first', { 'old name': 'one\ntwo\nthree\n' });
    sh('checkout', '-q', '-b', 'side');
    commit('side', { side: 'x\n' });
    sh('checkout', '-q', 'main');
    sh('mv', 'old name', 'new name');
    commit('', { picture: new Uint8Array([0, 1, 2]) });
    commit('nothing');
    sh('merge', '-q', '--no-edit', 'side');

    const commits = await readLog(git, [sh('rev-parse', 'HEAD')], HEAD);

    expect(commits.map(({ message, parents, files }) => ({ message, parents: parents.length, files }))).toEqual(
      expect.arrayContaining([
        { message: "Merge branch 'side'", parents: 2, files: [] },
        { message: 'nothing', parents: 1, files: [] },
        {
          message: '',
          parents: 1,
          files: [
            { path: 'new name', renamedFrom: 'old name', lines: { added: 0, removed: 0 } },
            { path: 'picture', lines: null },
          ],
        },
        { message: 'side', parents: 1, files: [{ path: 'side', lines: { added: 1, removed: 0 } }] },
        { message: 'first', parents: 0, files: [{ path: 'old name', lines: { added: 3, removed: 0 } }] },
      ]),
    );
    expect(commits).toHaveLength(5);
  });

  it('asks for less at once when output is cut, and loses no commit', async () => {
    const { folder, git, sh, commit } = fixture();
    for (let n = 0; n < 12; n += 1) commit(`number ${n}\n\n${'long '.repeat(400)}`, { [`file ${n}`]: 'x' });
    const narrow = createGit(
      (args, options) => hostExec(args, { ...options, maxOutputBytes: 9_000 }),
      `${folder}/.git`,
    );

    const commits = await readLog(narrow, [sh('rev-parse', 'HEAD')], HEAD);

    expect(commits).toEqual(await readLog(git, [sh('rev-parse', 'HEAD')], HEAD));
    expect(commits).toHaveLength(12);
  });

  it('tells what it can about a commit that is larger than any output', async () => {
    const { folder, sh, commit } = fixture();
    commit(`huge subject\n\n${'x'.repeat(20_000)}`, { file: 'x' });
    const narrow = createGit(
      (args, options) => hostExec(args, { ...options, maxOutputBytes: 9_000 }),
      `${folder}/.git`,
    );

    const [read, ...more] = await readLog(narrow, [sh('rev-parse', 'HEAD')], HEAD);

    expect(read).toMatchObject({ message: 'huge subject', author: 'Ada', files: [] });
    expect(more).toEqual([]);
  });

  it('reads exactly the named commits, in their order', async () => {
    const { git, sh, commit } = fixture();
    for (const message of ['one', 'two', 'three', 'four', 'five', 'six']) commit(message, { [message]: message });
    const hashes = ['HEAD', 'HEAD~4', 'HEAD~2'].map((name) => sh('rev-parse', name));

    const commits = await readLog(git, hashes, { skip: 0, count: 3, exactly: true });

    expect(commits.map(({ message }) => message)).toEqual(['six', 'two', 'four']);
  });

  it('starts no program that the repository names', async () => {
    const { folder, git, sh, commit } = fixture();
    const trap = `${folder}/ran`;
    commit('trap', { '.gitattributes': '* diff=evil\n', file: 'x\n' });
    for (const setting of ['core.fsmonitor', 'core.pager', 'diff.external', 'diff.evil.textconv', 'gpg.program']) {
      sh('config', setting, `touch ${trap}; cat`);
    }
    sh('config', 'log.showSignature', 'true');

    const [read] = await readLog(git, [sh('rev-parse', 'HEAD')], HEAD);

    expect(read?.files).toHaveLength(2);
    expect(existsSync(trap)).toBe(false);
  });
});
