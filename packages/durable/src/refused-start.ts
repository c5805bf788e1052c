import { PrusikError, type NewRun, type StartResult } from '@prusik/core';

/** What a caller is told whose run was not stored. */
export function refusedStart(result: Extract<StartResult, { outcome: 'refused' }>, { session }: NewRun): PrusikError {
  const { code } = result;
  const name = session?.id ?? '';
  switch (code) {
    case 'SESSION_CLOSED': {
      const { state } = result.session;
      const message = `The session ${name} is ${state} and takes no new run`;
      return new PrusikError(code, message, { meta: { session: name, state } });
    }
    case 'SESSION_CUTS_FULL':
      return new PrusikError(code, `The session ${name} hides messages in too many places`, {
        meta: { session: name },
      });
    case 'THREAD_MOVED': {
      const { head } = result;
      const message = `The last message of session ${name} is number ${head}`;
      return new PrusikError(code, message, { meta: { session: name, head } });
    }
    case 'MESSAGE_ID_TAKEN': {
      const message = `The session ${name} has a message of that id already`;
      return new PrusikError(code, message, { meta: { session: name, message: result.message } });
    }
    case 'BLOB_UNKNOWN':
      return new PrusikError(code, `There is no blob ${result.blob}`, { meta: { hash: result.blob } });
    case 'RUN_INPUT_MISMATCH': {
      const { run } = result.run.key;
      return new PrusikError(code, `Run ${run} exists with another definition, input or session`, { meta: { run } });
    }
    case 'SESSION_BUSY':
    case 'SESSION_QUEUE_FULL': {
      const { key, status } = result.run;
      const message = `The session ${name} is held by run ${key.run}, which is ${status}`;
      const meta = { runId: key.run, status, requestIds: result.requestIds };
      return new PrusikError(code, message, { retryable: true, meta });
    }
    default:
      return code satisfies never;
  }
}
