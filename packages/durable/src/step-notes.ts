import { checkId, PrusikError, type NewNote, type Note, type NoteQuery, type Run, type Store } from '@prusik/core';
import { bounded } from './bounded.ts';

/** Notes of one step, at most. */
const NOTES_A_STEP = 100;
const READ_AT_ONCE = 100;

/** What a step's scope needs for notes. */
export interface StepNotes {
  /** A checked copy of the next note, behind `before`. */
  next(key: string, before: readonly NewNote[], kind: string, data: unknown): NewNote;
  /** Those of the run's session, or of the run where it has none. */
  read(query: Pick<NoteQuery, 'kind'> & { readonly limit?: number }): Promise<readonly Note[]>;
}

export function createStepNotes(store: Store, { key: { tenant, run }, session }: Run, maxNoteBytes: number): StepNotes {
  const of = session === undefined ? { run } : { session };
  return {
    next(key, before, kind, data) {
      if (before.length >= NOTES_A_STEP) {
        const message = `Step ${key} wrote more than ${NOTES_A_STEP} notes`;
        throw new PrusikError('STEP_RESULT_TOO_LARGE', message, { meta: { maxNotes: NOTES_A_STEP } });
      }
      return { kind: checkId('kind of a note', kind), key, data: bounded('data of a note', data, maxNoteBytes) };
    },
    async read({ kind, limit = READ_AT_ONCE }) {
      const { items } = await store.listNotes({ tenant, ...of, ...(kind === undefined ? {} : { kind }), limit });
      return items;
    },
  };
}
