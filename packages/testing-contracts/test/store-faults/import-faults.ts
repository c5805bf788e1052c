import type { Entry, Imported, Run, RunImport, SessionImport } from '@prusik/core';
import { port, rows, storage, without, type StoreFault } from './fault.ts';

/** An import that writes something else than it was given. */
const writing = (name: string, caughtBy: string, change: (record: RunImport) => RunImport): StoreFault =>
  port(name, caughtBy, (store) => ({ importRun: (record) => store.importRun(change(record)) }));

const session = (name: string, caughtBy: string, change: (record: SessionImport) => SessionImport): StoreFault =>
  port(name, caughtBy, (store) => ({ importSession: (record) => store.importSession(change(record)) }));

const LIVED = 'reads as it did where it was lived';
const PAST = 'nobody is given what was imported to work on';
const SESSION = 'a session is imported closed with its conversation';
const ANYBODY: Imported = { at: 0, digest: '' };

export const IMPORT_FAULTS: readonly StoreFault[] = [
  rows('that it was imported is forgotten', LIVED, () => ({ saveImported: () => undefined })),
  writing('an import has one time', LIVED, (record) => ({
    ...record,
    entries: record.entries.map((entry) => ({ ...entry, at: record.run.createdAt })),
  })),
  writing('who decided is forgotten', LIVED, (record) => ({
    ...record,
    requests: record.requests.map((request) => without(request, 'decision')),
  })),
  writing('grants are not imported', LIVED, (record) => ({ ...record, grants: [] })),
  writing('what was spent is not imported', LIVED, (record) => without(record, 'ledger')),
  writing('slots are not imported', LIVED, (record) => ({ ...record, slots: [] })),
  writing('notes are not imported', LIVED, (record) => ({ ...record, notes: [] })),
  writing('in whose name it acted is forgotten', LIVED, (record) => ({
    ...record,
    run: { ...record.run, context: null },
  })),
  writing('why it failed is forgotten', LIVED, (record) => ({ ...record, run: without(record.run, 'error') })),
  port('an import begins anew', 'the same import again is existing and changes nothing', (store) => ({
    async importRun(record) {
      const answer = await store.importRun(record);
      if (answer.outcome !== 'existing' || record.run.parent !== undefined) return answer;
      await store.remove({ tenant: record.run.key.tenant, run: record.run.key.run });
      await store.importRun(record);
      return answer;
    },
  })),
  port('whatever stands there will do', 'an import is refused with RUN_EXISTS', (store) => ({
    async importRun(record) {
      const answer = await store.importRun(record);
      return answer.outcome === 'refused' && answer.code === 'RUN_EXISTS'
        ? { outcome: 'existing', run: answer.run }
        : answer;
    },
  })),
  port('what stands there is replaced', 'an import is refused with RUN_EXISTS', (store) => ({
    async importRun(record) {
      const answer = await store.importRun(record);
      if (answer.outcome === 'refused' && answer.code === 'RUN_EXISTS') {
        await store.remove({ tenant: record.run.key.tenant, run: record.run.key.run });
        await store.importRun(record);
      }
      return answer;
    },
  })),
  writing('a journal is numbered anew', 'what no ended run is, is refused with IMPORT_INVALID', (record) => ({
    ...record,
    entries: record.entries.map((entry, index): Entry => ({ ...entry, seq: index + 1 })),
  })),
  writing('a signal twice is one', 'what no ended run is, is refused with IMPORT_INVALID', (record) => ({
    ...record,
    run: { ...record.run, inbox: Math.min(1, record.run.inbox) },
    signals: record.signals.slice(0, 1),
  })),
  writing('what has not ended is ended', 'a run that has not ended is refused with RUN_LIVE', (record) => ({
    ...record,
    run: { ...record.run, status: 'completed' },
  })),
  writing('what is too large is cut', 'refused with IMPORT_TOO_LARGE', (record) => ({
    ...record,
    run: { ...record.run, input: null },
  })),
  rows('whatever is there may have children', 'a child is imported below a parent that was imported', (tables) => ({
    run(key) {
      const found = tables.run(key);
      return found && { ...found, imported: ANYBODY };
    },
  })),
  storage('time is that of the last entry', 'neither turns the store’s clock back nor forward', {
    clockGoesByTheLastEntry: true,
  }),
  port('the future is let in', 'neither turns the store’s clock back nor forward', (store) => ({
    async importRun(record) {
      try {
        return await store.importRun(record);
      } catch {
        return { outcome: 'existing', run: (await store.run(record.run.key)) ?? (record.run as Run) };
      }
    },
  })),
  rows('what was imported is ready', PAST, (tables) => ({
    insertRun: (run, state) => tables.insertRun(run, { ...state, readyAt: state.at }),
  })),
  rows('a record’s thread begins at 1', 'what was imported is removed whole', (tables) => ({
    appendMessages: (thread, from, messages) =>
      tables.appendMessages(thread, tables.threadHead(thread) === 0 ? 1 : from, messages),
  })),
  rows('blobs of what was imported are nobody’s', 'blobs that an imported run uses are there before it', () => ({
    useOwnBlobs: () => undefined,
  })),
  writing('blobs need not be there', 'blobs that an imported run uses are there before it', (record) => ({
    ...record,
    blobs: [],
  })),
  rows('what was imported goes on', SESSION, (tables) => ({
    saveSession: (state) => tables.saveSession({ ...state, state: 'open' }),
  })),
  rows('cuts are not imported', SESSION, () => ({ saveCuts: () => undefined })),
  session('where it was forked from is forgotten', SESSION, (record) => ({
    ...record,
    session: without(record.session, 'forkedFrom'),
  })),
  session('notes of removed runs are not imported', SESSION, (record) => ({ ...record, notes: [] })),
  rows('revoked grants are in force', SESSION, ({ insertGrant }) => ({
    insertGrant: (grant) => insertGrant(without(grant, 'revoked')),
  })),
  port('a session is there or not', 'a session that is there already is existing', (store) => ({
    async importSession(record) {
      const answer = await store.importSession(record);
      return answer.outcome === 'refused' && answer.code === 'SESSION_EXISTS'
        ? { outcome: 'existing', session: answer.session }
        : answer;
    },
  })),
  session('cuts that cannot be are left out', 'what no closed session is, is refused', (record) => ({
    ...record,
    session: { ...record.session, cuts: [] },
  })),
  session('a redacted conversation is one', 'no conversation is made', (record) => ({
    ...record,
    imported: without(record.imported, 'redacted'),
  })),
  ...(['saveImported', 'insertSession', 'insertGrant', 'appendNotes'] as const).map((method) =>
    storage(`what ${method}() imported is not kept`, 'what was imported stays from one opening', {
      losesWhenClosed: method,
    }),
  ),
];
