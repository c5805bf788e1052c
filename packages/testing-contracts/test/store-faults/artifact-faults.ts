import { ARTIFACT_NOTE, type NewNote, type NoteQuery, type StoreTables } from '@prusik/core';
import { port, rows, type StoreFault } from './fault.ts';

const OWNED = 'is the run’s and no note of the session';
const isArtifact = ({ kind }: Pick<NewNote, 'kind'>): boolean => kind === ARTIFACT_NOTE;

export const ARTIFACT_FAULTS: readonly StoreFault[] = [
  rows(
    'what was made first stands before what is newer',
    'what a run has made is found by the run',
    ({ listNotes }) => ({
      listNotes(query) {
        const page = listNotes(query);
        return { ...page, items: page.items.toReversed() };
      },
    }),
  ),
  rows('what a run has made is its session’s', OWNED, disguised),
  rows('what a run of a session has made is not counted', OWNED, ({ noteCount, state }) => ({
    noteCount: (owner, kind) =>
      owner.of === 'run' && state({ tenant: owner.tenant, run: owner.id })?.session !== undefined
        ? 0
        : noteCount(owner, kind),
  })),
  rows('a session uses what its runs have made', 'are used by it alone', ({ useBlobs }) => ({ useOwnBlobs: useBlobs })),
  rows('nobody uses what a run has made', 'are used by it alone', () => ({ useOwnBlobs: () => undefined })),
  port('an artifact without bytes is left out', 'an artifact without its bytes is refused', (store) => ({
    async commit(commit) {
      const answer = await store.commit(commit);
      return answer.outcome === 'refused' && answer.code === 'BLOB_UNKNOWN'
        ? store.commit({ ...commit, notes: commit.notes?.filter((note) => !isArtifact(note)) ?? [] })
        : answer;
    },
  })),
  rows('a compaction lets go of what was made but the newest', 'of a compacted run of a session', (tables) => ({
    compactRun(run, at, blobs) {
      const { items } = tables.listNotes({ tenant: run.key.tenant, run: run.key.run, kind: [ARTIFACT_NOTE], limit: 1 });
      const newest = JSON.stringify(items);
      tables.compactRun(
        run,
        at,
        blobs.filter((hash) => newest.includes(hash)),
      );
    },
  })),
];

/** To the rows they are notes of a kind that nobody knows, and so of the session. */
function disguised({ appendNotes, listNotes, noteCount }: StoreTables): Partial<StoreTables> {
  const other = 'made';
  const asked = (query: NoteQuery): NoteQuery =>
    query.kind === undefined
      ? query
      : { ...query, kind: query.kind.map((kind) => (kind === ARTIFACT_NOTE ? other : kind)) };
  return {
    appendNotes: (run, at, notes) =>
      appendNotes(
        run,
        at,
        notes.map((note) => (isArtifact(note) ? { ...note, kind: other } : note)),
      ),
    listNotes(query) {
      const page = listNotes(asked(query));
      return {
        ...page,
        items: page.items.map((note) => (note.kind === other ? { ...note, kind: ARTIFACT_NOTE } : note)),
      };
    },
    noteCount: (owner, kind) => noteCount(owner, kind === ARTIFACT_NOTE ? other : kind),
  };
}
