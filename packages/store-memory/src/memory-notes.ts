import { ownerOfNote, type NewNote, type Note, type NoteQuery, type Page, type RunState } from '@prusik/core';
import { frozen } from './frozen.ts';
import { listPage } from './list-page.ts';
import { createNumberedRows } from './numbered-rows.ts';

interface NoteRecord {
  readonly number: number;
  readonly note: Note;
  /** The number of the run that wrote it: its id may be another's later. */
  readonly run: number;
}

/** The notes of all sessions and runs. */
export interface MemoryNotes {
  append(run: RunState, at: number, notes: readonly NewNote[]): void;
  /** `run` is the number of the run that the query names, 0 where it is not there. */
  list(query: NoteQuery, run: number | undefined): Page<Note>;
  ofSession(tenant: string, session: string): readonly Note[];
  /** Those that are the run's own. */
  ofRun(tenant: string, run: number): readonly Note[];
  remove(tenant: string, notes: readonly Note[]): void;
}

export function createMemoryNotes(): MemoryNotes {
  const rows = createNumberedRows<NoteRecord>();

  return {
    append(writer, at, notes) {
      const { key, number: run, session, definition } = writer;
      for (const one of notes) {
        const number = rows.nextNumber();
        const note = {
          ...one,
          id: String(number),
          run: key,
          ...(session === undefined || ownerOfNote(writer, one.kind).of === 'run' ? {} : { session }),
          definition,
          at,
        };
        rows.add(key.tenant, { number, note: frozen(note), run });
      }
    },
    list: (query, run) =>
      listPage({
        rows: rows.of(query.tenant),
        newestFirst: true,
        matches: (row) =>
          (run === undefined || run === row.run) &&
          (query.session === undefined || query.session === row.note.session) &&
          (query.definition === undefined || query.definition === row.note.definition) &&
          (query.kind === undefined || query.kind.includes(row.note.kind)),
        show: ({ note }) => note,
        page: query,
      }),
    ofSession: (tenant, session) => rows.of(tenant).flatMap(({ note }) => (note.session === session ? [note] : [])),
    ofRun: (tenant, number) =>
      rows.of(tenant).flatMap(({ note, run }) => (run === number && note.session === undefined ? [note] : [])),
    remove(tenant, notes) {
      const gone = new Set(notes);
      for (const row of rows.of(tenant).filter(({ note }) => gone.has(note))) rows.remove(tenant, row);
    },
  };
}
