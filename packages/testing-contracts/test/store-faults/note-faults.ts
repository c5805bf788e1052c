import type { NewNote, NoteQuery, StoreTables } from '@prusik/core';
import { port, rows, storage, without, type StoreFault } from './fault.ts';

const ignoring = (field: 'session' | 'run' | 'definition' | 'kind'): StoreFault =>
  rows(`the filter ${field} of notes is ignored`, 'listNotes() shows a tenant’s notes', ({ listNotes }) => ({
    listNotes: (query) => listNotes(without(query, field)),
  }));

const writing = (
  name: string,
  caughtBy: string,
  change: (note: NewNote, run: Parameters<StoreTables['appendNotes']>[0]) => NewNote,
): StoreFault =>
  rows(name, caughtBy, ({ appendNotes }) => ({
    appendNotes: (run, at, notes) =>
      appendNotes(
        run,
        at,
        notes.map((note) => change(note, run)),
      ),
  }));

export const NOTE_FAULTS: readonly StoreFault[] = [
  writing('the step of a note is forgotten', 'keeps notes as they are', (note) => ({ ...note, key: 'step' })),
  writing('the data of a note becomes text', 'keeps notes as they are', (note) => ({
    ...note,
    data: String(note.data),
  })),
  rows('notes are of no session', 'keeps notes as they are', ({ appendNotes }) => ({
    appendNotes: (run, at, notes) => appendNotes(without(run, 'session'), at, notes),
  })),
  rows('notes bear the time of the start', 'keeps notes as they are', ({ appendNotes }) => ({
    appendNotes: (run, _, notes) => appendNotes(run, run.at, notes),
  })),
  ignoring('session'),
  ignoring('run'),
  ignoring('definition'),
  ignoring('kind'),
  rows('notes are shown oldest first', 'listNotes() shows a tenant’s notes', ({ listNotes }) => ({
    listNotes(query) {
      const page = listNotes(query);
      return { ...page, items: page.items.toReversed() };
    },
  })),
  rows('notes of all tenants are shown', 'listNotes() shows a tenant’s notes', ({ listNotes }) => ({
    listNotes: (query) => listNotes({ ...query, tenant: 'acme' }),
  })),
  rows('cursors of notes count from the newest', 'pages of notes join without a gap', ({ listNotes }) => ({
    listNotes: byOffset(listNotes),
  })),
  port('a note is written before anything is checked', 'leaves no note', (store) => ({
    async commit(commit) {
      const answer = await store.commit(commit);
      if (answer.outcome === 'committed' || commit.notes === undefined) return answer;
      const held = await store.run(commit.run);
      await store.commit({
        run: commit.run,
        epoch: held?.epoch ?? 0,
        entries: [],
        progress: false,
        notes: commit.notes,
      });
      return answer;
    },
  })),
  port('a note is whatever it is', 'a note that cannot be one', (store) => ({
    commit: (commit) =>
      store.commit({
        ...commit,
        ...(commit.notes === undefined
          ? {}
          : { notes: commit.notes.map(({ data }) => ({ kind: 'goal', key: 'k', data: data ?? null })) }),
      }),
  })),
  rows('notes are not counted', 'notes of a run in no session', () => ({ noteCount: () => 0 })),
  rows('notes of a removed run come back', 'notes of a run in no session', (tables) => keepingNotes(tables, 'run')),
  rows('notes go with their run', 'stay when it is removed', ({ listNotes, state }) => ({
    listNotes(query) {
      const page = listNotes(query);
      return { ...page, items: page.items.filter(({ run }) => state(run) !== undefined) };
    },
  })),
  rows('notes are found by the id of their run', 'stay when it is removed', ({ listNotes }) => ({
    listNotes({ run, ...query }) {
      const page = listNotes(query);
      return { ...page, items: page.items.filter((note) => run === undefined || note.run.run === run) };
    },
  })),
  rows('notes of a removed session come back', 'notes of a session are removed', (tables) =>
    keepingNotes(tables, 'session'),
  ),
  storage('notes are gone with the process', 'when the store is opened again', { losesWhenClosed: 'appendNotes' }),
];

/** What was hidden is shown all the same. */
function keepingNotes({ listNotes, hideRun, hideSession }: StoreTables, of: 'run' | 'session'): Partial<StoreTables> {
  let kept = listNotes({ tenant: 'acme', limit: 0 }).items;
  const keep = (query: Partial<NoteQuery>): void => {
    kept = [...kept, ...listNotes({ tenant: 'acme', limit: 100, ...query }).items];
  };
  return {
    hideRun(run) {
      if (of === 'run') keep({ run: run.key.run });
      hideRun(run);
    },
    hideSession(session) {
      if (of === 'session') keep({ session: session.key.session });
      hideSession(session);
    },
    listNotes(query) {
      const page = listNotes(query);
      return { ...page, items: [...page.items, ...kept] };
    },
  };
}

/** Cursors that count from the newest, so that what is written meanwhile shifts every page. */
function byOffset(list: StoreTables['listNotes']): StoreTables['listNotes'] {
  return ({ after, ...query }) => {
    const offset = Number(after ?? 0);
    const { items } = list({ ...query, limit: offset + query.limit + 1 });
    const shown = items.slice(offset, offset + query.limit);
    return { items: shown, ...(items.length > offset + query.limit ? { next: String(offset + query.limit) } : {}) };
  };
}
