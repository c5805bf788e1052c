import type { Entry, RunEnd, StepEnd } from './entry.ts';
import { toldCode } from './error-fields.ts';
import type { Logger, LogValue } from './logger.ts';
import type {
  DriveObserver,
  EngineEvent,
  ObservedDrive,
  ObservedRun,
  ObservedStep,
  Observer,
  StepObserver,
} from './observer.ts';
import { withFields } from './with-fields.ts';

/** Of a pause, from which on operators hear of it: shorter ones are everyday. */
const LONG_PAUSE_MS = 20_000;

/**
 * Lines for operators, made of what an engine tells: who takes runs up and how they end, what waits for a person, what is lost. A line holds names, ids, codes, counts and times
 * and no content. Warnings are not among them: they go to `onWarning`, which writes them to the logger of an engine itself.
 */
export function logObserver(logger: Logger): Observer {
  return {
    caller: () => undefined,
    drive: (run, drive) => driveObserver(logger, run, drive),
    event: (event) => tellEvent(logger, event),
  };
}

function tellEvent(logger: Logger, event: EngineEvent): void {
  if (event.type !== 'worker') return;
  const { worker, did, slots } = event;
  logger.info(
    { event: `worker-${did}`, worker, slots },
    did === 'start' ? 'A worker takes up runs' : 'A worker takes up no more runs',
  );
}

function driveObserver(logger: Logger, run: ObservedRun, drive: ObservedDrive): DriveObserver {
  const { epoch, attempt, worker } = drive;
  const log = withFields(logger, { tenant: run.key.tenant, run: run.key.run, definition: run.definition });
  const drives: Readonly<Record<string, LogValue>> = { epoch, attempt, worker };
  if (attempt > 1) log.warn({ event: 'run-recover', ...drives }, 'A run whose worker was lost is taken up again');
  else log.debug({ event: 'drive-start', ...drives }, 'A run is driven');
  return {
    trace: undefined,
    step: (step) => stepObserver(log, step),
    committed(entries) {
      for (const entry of entries) tellEntry(log, run, entry);
    },
    over(how) {
      if (how === 'superseded' || how === 'unavailable')
        log.warn({ event: 'lease-lost', how, ...drives }, 'A run was lost: nothing more of this drive is recorded');
      else log.debug({ event: 'drive-end', how, ...drives }, 'A drive is over');
    },
  };
}

function stepObserver(log: Logger, { kind, name }: ObservedStep): StepObserver {
  return {
    trace: undefined,
    inside: (body) => body(),
    retry(code, ms) {
      const fields = { kind, name, code: toldCode(code), ms };
      if (ms >= LONG_PAUSE_MS)
        log.warn({ event: 'step-retry', ...fields }, 'A step is executed again after a long pause');
      else log.debug({ event: 'step-retry', ...fields }, 'A step is executed again');
    },
    over() {},
  };
}

function tellEntry(log: Logger, run: ObservedRun, entry: Entry): void {
  switch (entry.type) {
    case 'run-end':
      return tellEnd(log, run, entry);
    case 'run-block': {
      const code = toldCode(entry.code);
      const fields = { event: 'run-block', seq: entry.seq, code, request: entry.request };
      if (code === 'RUN_POISONED' || code === 'STEP_NOT_RECORDED' || code === 'STORE_CORRUPT')
        return log.error(fields, 'A run is blocked and needs somebody');
      return log.warn(fields, 'A run is blocked and needs somebody');
    }
    case 'run-unblock':
      return log.info({ event: 'run-unblock', request: entry.request, choice: entry.choice }, 'A blocked run goes on');
    case 'run-deadline':
      return log.warn({ event: 'run-deadline' }, 'The time of a run is up');
    case 'wait-start':
      if (entry.kind === 'request')
        log.info({ event: 'request-open', request: entry.request }, 'A run waits for a person');
      return undefined;
    case 'wait-end':
      if (entry.kind === 'request')
        log.info({ event: 'request-close', timedOut: entry.timedOut === true }, 'What a person was asked is settled');
      return undefined;
    case 'step-pause': {
      const { seq, kind, name, attempt, until, at, error, unasked } = entry;
      if (unasked) return undefined;
      const fields = {
        event: 'step-pause',
        seq,
        kind,
        name,
        attempt,
        ms: until - at,
        code: toldCode(error.code),
      };
      return log.warn(fields, 'A step is put off');
    }
    case 'step-end':
      return tellStep(log, entry);
    default:
      return undefined;
  }
}

function tellEnd(
  log: Logger,
  { createdAt }: ObservedRun,
  { status, error, at }: RunEnd & { readonly at: number },
): void {
  const fields = {
    event: 'run-end',
    status,
    ms: at - createdAt,
    ...(error === undefined ? {} : { code: toldCode(error.code) }),
  };
  if (status === 'failed') log.warn(fields, 'A run failed');
  else log.info(fields, `A run is ${status}`);
}

/** Only what an operator acts on; each step is on record, and in a trace. */
function tellStep(log: Logger, { seq, name, facts, outcome, settledBy }: StepEnd & { readonly seq: number }): void {
  if (settledBy === 'doubt') log.warn({ event: 'step-doubt', seq, name }, 'Nobody knows whether a step happened');
  if (facts?.of === 'model' && facts.failed !== undefined && facts.failed.length > 0) {
    const { answered, failed } = facts;
    const fields = { seq, asked: name, answered, failed: failed.length, why: failed.at(-1)?.why };
    log.warn({ event: 'model-fallback', ...fields }, 'Another model was asked in place of one that failed');
  }
  if (!outcome.ok && outcome.error.code === 'MODEL_UNAVAILABLE')
    log.warn({ event: 'model-unavailable', seq, name }, 'No model of a route can be asked for now');
}
