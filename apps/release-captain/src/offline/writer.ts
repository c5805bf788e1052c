import { isCompanion, isNamedBy } from '../notes/areas.ts';
import { parseMessage, type ChangeKind, type ParsedMessage } from '../notes/commit-message.ts';
import type { Bullet, Draft } from '../notes/draft.ts';
import { count } from '../notes/semver.ts';
import {
  diffSchema,
  READ_PAGE,
  readCommitsSchema,
  writerTaskSchema,
  type CommitDiff,
  type ReadCommit,
} from '../tools/results.ts';
import type { Answer } from './answer.ts';
import { resultsOf, type Conversation } from './conversation.ts';

/** Diffs that one writer reads, at most: those of the largest commits and of those whose message says nothing. */
const DIFFS = 8;

/** Reads its commits, then the diffs worth reading, then tells each commit once. */
export function writer(conversation: Conversation): Answer {
  const task = writerTaskSchema.parse(conversation.task);
  if (!conversation.calls.some(({ tool }) => tool === 'read_commits')) {
    const pages = Array.from({ length: Math.ceil(task.commits.length / READ_PAGE) }, (_, page) =>
      task.commits.slice(page * READ_PAGE, (page + 1) * READ_PAGE),
    );
    return { calls: pages.map((commits) => ({ tool: 'read_commits', input: { commits } })) };
  }
  const commits = resultsOf(conversation, 'read_commits').flatMap((result) => readCommitsSchema.parse(result).commits);
  const wanted = diffsToRead(commits);
  if (wanted.length > 0 && !conversation.calls.some(({ tool }) => tool === 'read_diff')) {
    return { calls: wanted.map((commit) => ({ tool: 'read_diff', input: { commit } })) };
  }
  const diffs = resultsOf(conversation, 'read_diff').map((result) => diffSchema.parse(result));
  return { json: writeDraft(task.area, commits, diffs) };
}

function diffsToRead(commits: readonly ReadCommit[]): readonly string[] {
  const size = (commit: ReadCommit): number => commit.added + commit.removed;
  return commits
    .toSorted((a, b) => Number(isVague(b)) - Number(isVague(a)) || size(b) - size(a))
    .slice(0, DIFFS)
    .map(({ commit }) => commit);
}

/** Says nothing about what changed. */
function isVague({ message }: ReadCommit): boolean {
  const { summary } = parseMessage(message);
  // One word, whatever it is, or none.
  return !/[\p{L}\p{N}]\P{Z}*\s+.*[\p{L}\p{N}]/u.test(summary);
}

/** One bullet for each different sentence; each commit in exactly one list. */
function writeDraft(area: string, commits: readonly ReadCommit[], diffs: readonly CommitDiff[]): Draft {
  const lists = { highlights: bulletList(), breaking: bulletList(), fixes: bulletList(), other: bulletList() };
  const sizes = new Map(commits.map(({ commit, added, removed }) => [commit, added + removed]));
  const told = new Set<string>();
  for (const commit of commits) {
    if (told.has(commit.commit)) continue;
    told.add(commit.commit);
    const parsed = parseMessage(commit.message);
    const reverted = parsed.reverts === undefined ? undefined : findReverted(commits, parsed.reverts, told);
    if (reverted !== undefined) {
      told.add(reverted.commit);
      const { summary } = parseMessage(reverted.message);
      lists.other.add(
        `Made and taken back: ${sentence(summary) || filesOf(reverted, diffs)}`,
        commit.commit,
        reverted.commit,
      );
      continue;
    }
    const text = isVague(commit) ? vague(parsed, commit, diffs) : sentence(summaryIn(area, parsed));
    const kind = kindOf(parsed, commit);
    if (parsed.breaking !== undefined) {
      const said = sentence(parsed.breaking);
      lists.breaking.add(said === text ? text : `${text}: ${said}`, commit.commit);
    } else if (kind === 'feature') lists.highlights.add(text, commit.commit);
    else if (kind === 'fix') lists.fixes.add(text, commit.commit);
    else lists.other.add(text, commit.commit);
  }
  const weight = (bullet: Bullet): number => bullet.commits.reduce((sum, commit) => sum + (sizes.get(commit) ?? 0), 0);
  const draft = {
    highlights: lists.highlights.all().toSorted((a, b) => weight(b) - weight(a)),
    breaking: lists.breaking.all(),
    fixes: lists.fixes.all(),
    other: lists.other.all(),
  };
  return { summary: summarize(area, commits, draft), ...draft };
}

/** “Fix a typo” in a document and “Add a test” are neither fix nor feature of the software, unless the author says so. */
function kindOf({ kind, typed }: ParsedMessage, { files, moreFiles }: ReadCommit): ChangeKind {
  return !typed && files.length > 0 && moreFiles === 0 && files.every(isCompanion) ? 'other' : kind;
}

interface BulletList {
  add(text: string, ...commits: readonly string[]): void;
  all(): Bullet[];
}

/** Bullets in order of arrival; the same sentence twice is one bullet with two hashes. */
function bulletList(): BulletList {
  const byText = new Map<string, readonly string[]>();
  return {
    add: (text, ...commits) => byText.set(text, [...(byText.get(text) ?? []), ...commits]),
    all: () => [...byText].map(([text, commits]) => ({ text, commits: [...commits] })),
  };
}

/** A commit that a later one of the same area takes back, told with it. */
function findReverted(commits: readonly ReadCommit[], hash: string, told: ReadonlySet<string>): ReadCommit | undefined {
  return commits.find(({ commit }) => hash.startsWith(commit) && !told.has(commit));
}

/** Under its area's title a sentence need not begin with the area's name. */
function summaryIn(area: string, { scope, plain, summary }: ParsedMessage): string {
  return plain !== undefined && scope !== undefined && isNamedBy(area, scope) ? plain : summary;
}

function sentence(text: string): string {
  const clean = text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/(?<!\.)\.$/, '');
  // Not where it begins with names of areas: `core, cli: …`.
  return /^[a-z]+(?:\s|,(?![^:]{0,60}: )|$)/.test(clean) ? clean.charAt(0).toUpperCase() + clean.slice(1) : clean;
}

function vague(parsed: ParsedMessage, commit: ReadCommit, diffs: readonly CommitDiff[]): string {
  const files = filesOf(commit, diffs);
  const said = sentence(parsed.summary);
  return said === '' ? `No message; ${files}` : `${said}: ${files}`;
}

/** What the diff says where the message is silent: which files came, went or changed. */
function filesOf(commit: ReadCommit, diffs: readonly CommitDiff[]): string {
  const total = commit.files.length + commit.moreFiles;
  if (total === 0) return 'changes no file';
  const shown = commit.files.slice(0, 3).map((file) => (file.includes('`') ? file : `\`${file}\``));
  const more = total - shown.length;
  const verb = verbOf(diffs.find((known) => known.commit === commit.commit));
  return `${verb} ${shown.join(', ')}${more > 0 ? ` and ${count(more, 'more file')}` : ''}`;
}

function verbOf(diff: CommitDiff | undefined): 'adds' | 'removes' | 'changes' {
  if (diff === undefined || diff.truncated) return 'changes';
  const files = diff.diff.match(/^diff --git /gm)?.length ?? 0;
  if (files > 0 && diff.diff.match(/^new file mode /gm)?.length === files) return 'adds';
  if (files > 0 && diff.diff.match(/^deleted file mode /gm)?.length === files) return 'removes';
  return 'changes';
}

function summarize(area: string, commits: readonly ReadCommit[], draft: Omit<Draft, 'summary'>): string {
  const added = commits.reduce((sum, commit) => sum + commit.added, 0);
  const removed = commits.reduce((sum, commit) => sum + commit.removed, 0);
  const told = [
    draft.breaking.length > 0 ? count(draft.breaking.length, 'breaking change') : '',
    draft.highlights.length > 0 ? count(draft.highlights.length, 'new feature') : '',
    draft.fixes.length > 0 ? count(draft.fixes.length, 'fix', 'fixes') : '',
    draft.other.length > 0 ? count(draft.other.length, 'other change') : '',
  ].filter(Boolean);
  return `${count(commits.length, 'commit')}, ${count(added, 'line')} added and ${removed} removed in the files they touch: ${told.join(', ')}.`;
}
