import { describe, expect, it } from 'vitest';
import type { Commit } from '../src/git/log.ts';
import type { Draft } from '../src/notes/draft.ts';
import { mergeDrafts, uncited } from '../src/notes/merge.ts';
import { renderNotes } from '../src/notes/render.ts';

const hash = (digit: string): string => digit.repeat(40);
const commit = (digit: string, message: string, parents: readonly string[] = [hash('0')]): Commit => ({
  hash: hash(digit),
  short: digit.repeat(7),
  parents,
  author: 'Ada',
  committedAt: 1_767_225_600,
  message,
  files: [],
});
const commits = [
  commit('a', 'feat: one'),
  commit('b', 'fix!: two\n\nBREAKING CHANGE: all of it'),
  commit('c', 'three'),
  commit('d', "Merge branch 'x'", [hash('0'), hash('1')]),
];
const range = {
  from: { name: 'v1.0.0', hash: hash('0') },
  to: { name: 'HEAD', hash: hash('a') },
  commits: 4,
  merges: 1,
};
const areas = [{ name: 'src', commits: ['aaaaaaa', 'bbbbbbb', 'ccccccc'], also: [] }];
const draft: Draft = { summary: '', highlights: [], breaking: [], fixes: [], other: [] };
const merge = (...drafts: readonly Draft[]): ReturnType<typeof mergeDrafts> =>
  mergeDrafts({ range, commits, areas, drafts: new Map([['src', drafts]]), writtenBy: 'A test.' });

describe('a writer is not trusted', () => {
  it('to cite what is in the range: other citations go, and bullets that have no other', () => {
    const notes = merge({
      ...draft,
      highlights: [
        { text: 'true', commits: [hash('a'), 'fffffff', 'aaaaaaa'] },
        { text: 'invented', commits: ['fffffff'] },
        { text: 'a merge', commits: ['ddddddd'] },
        { text: 'too short to mean one', commits: ['a'] },
      ],
    });

    expect(notes.areas[0]?.features).toEqual([{ text: 'true', commits: ['aaaaaaa'] }]);
    expect(renderNotes(notes)).not.toContain('invented');
  });

  it('to cite everything: what is left out is told by its first line, merges apart', () => {
    const notes = merge({ ...draft, highlights: [{ text: 'one', commits: ['aaaaaaa'] }] });

    expect(notes.leftOver).toEqual([{ text: 'three', commits: ['ccccccc'], area: 'src' }]);
    expect(uncited(notes, commits)).toEqual([]);
    expect(uncited({ ...notes, leftOver: [] }, commits)).toEqual(['ccccccc']);
  });

  it('to know what breaks: a change that its commit calls breaking is told as one', () => {
    const notes = merge({ ...draft, fixes: [{ text: 'two', commits: ['bbbbbbb'] }] });

    expect(notes.breaking).toEqual([{ text: 'all of it', commits: ['bbbbbbb'], area: 'src' }]);
    expect(notes.version).toMatchObject({ bump: 'major', next: '2.0.0' });
  });

  it('to be one: an area that several wrote is told in their order', () => {
    const notes = merge(
      { ...draft, summary: 'First.', other: [{ text: 'one', commits: ['aaaaaaa'] }] },
      { ...draft, summary: 'Second.', other: [{ text: 'three', commits: ['ccccccc'] }] },
    );

    expect(notes.areas[0]).toMatchObject({ summary: 'First. Second.', other: [{ text: 'one' }, { text: 'three' }] });
  });
});
