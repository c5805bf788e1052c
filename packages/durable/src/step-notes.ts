import {
  ARTIFACT_NOTE,
  checkId,
  PrusikError,
  type Json,
  type NewArtifact,
  type NewNote,
  type Note,
  type NoteQuery,
  type Run,
  type Store,
} from '@prusik/core';
import { bounded } from './bounded.ts';

/** Notes of one step, artifacts among them, at most. */
const NOTES_A_STEP = 100;
const READ_AT_ONCE = 100;

/** What a step's scope needs for notes. */
export interface StepNotes {
  /** A checked copy of the next note, behind `before`. */
  next(key: string, before: readonly NewNote[], kind: string, data: unknown): NewNote;
  /** The same of an artifact, whose bytes are there. */
  made(key: string, before: readonly NewNote[], artifact: NewArtifact): NewNote;
  /** Those of the run's session, or of the run where it has none. */
  read(query: Pick<NoteQuery, 'kind'> & { readonly limit?: number }): Promise<readonly Note[]>;
}

export function createStepNotes(store: Store, { key: { tenant, run }, session }: Run, maxNoteBytes: number): StepNotes {
  const of = session === undefined ? { run } : { session };
  function checkRoom(key: string, before: readonly NewNote[]): void {
    if (before.length < NOTES_A_STEP) return;
    const message = `Step ${key} wrote more than ${NOTES_A_STEP} notes and artifacts`;
    throw new PrusikError('STEP_RESULT_TOO_LARGE', message, { meta: { maxNotes: NOTES_A_STEP } });
  }

  return {
    made(key, before, artifact) {
      checkRoom(key, before);
      return { kind: ARTIFACT_NOTE, key, data: { ...artifact } satisfies Record<string, Json> };
    },
    next(key, before, kind, data) {
      checkRoom(key, before);
      if (kind === ARTIFACT_NOTE) throw new TypeError('An artifact is written by artifact(), and not by note()');
      return { kind: checkId('kind of a note', kind), key, data: bounded('data of a note', data, maxNoteBytes) };
    },
    async read({ kind, limit = READ_AT_ONCE }) {
      const { items } = await store.listNotes({ tenant, ...of, ...(kind === undefined ? {} : { kind }), limit });
      return items;
    },
  };
}
