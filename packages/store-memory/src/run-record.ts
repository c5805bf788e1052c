import type { Entry, Message, NewRun, RunBody, RunState } from '@prusik/core';
import { frozen } from './frozen.ts';
import type { ListedRun } from './list-runs.ts';
import { createRunInbox, type RunInbox } from './run-inbox.ts';

/** A run and what is kept with it. */
export interface RunRecord extends ListedRun {
  state: RunState;
  body: RunBody;
  readonly entries: Entry[];
  readonly inbox: RunInbox;
  queuedMessages: readonly Message[];
}

/** Of a run that begins; its state is numbered. */
export function createRunRecord(run: NewRun, state: RunState): RunRecord {
  return {
    number: state.number,
    state,
    body: frozen({
      kind: run.kind,
      input: run.input,
      context: run.context,
      attended: run.attended ?? true,
      ...(run.turn === undefined ? {} : { turn: run.turn }),
      ...(run.rights === undefined ? {} : { rights: run.rights }),
      ...(run.workspace === undefined ? {} : { workspace: run.workspace }),
      createdAt: state.at,
    }),
    entries: [],
    inbox: createRunInbox(),
    queuedMessages: state.inQueue ? frozen(run.messages) : [],
  };
}
