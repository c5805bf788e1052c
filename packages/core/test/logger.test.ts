import { describe, expect, it, onTestFinished } from 'vitest';
import {
  consoleLogger,
  logObserver,
  safeLogger,
  withFields,
  type Entry,
  type LogFields,
  type Logger,
  type ObservedDrive,
  type ObservedRun,
} from '../src/index.ts';

interface Line extends LogFields {
  readonly level: string;
}

function collected() {
  const lines: Line[] = [];
  const at = (level: string) => (fields: LogFields) => void lines.push({ ...fields, level });
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { lines, logger };
}

describe('TEL-5: a logger', () => {
  it('is the console of the platform, too', () => {
    const logger: Logger = console;

    expect(typeof logger.debug).toBe('function');
  });

  it('has fields of its own added, and those of a line win', () => {
    const { lines, logger } = collected();
    const bound = withFields(withFields(logger, { run: 'r', n: 1 }), { n: 2 });

    bound.debug({ event: 'a' }, '');
    bound.info({ event: 'b', run: 'other' }, '');
    bound.warn({ event: 'c' }, '');
    bound.error({ event: 'd' }, '');

    expect(lines).toEqual([
      { level: 'debug', event: 'a', run: 'r', n: 2 },
      { level: 'info', event: 'b', run: 'other', n: 2 },
      { level: 'warn', event: 'c', run: 'r', n: 2 },
      { level: 'error', event: 'd', run: 'r', n: 2 },
    ]);
  });

  it('TEL-5: that lacks a level is refused where it is handed in', () => {
    const { error: _, ...rest } = collected().logger;

    expect(() => safeLogger(rest as Logger)).toThrow(/no method error: give console/);
  });

  it('AGT-13: that throws or rejects harms nobody, and is told once, without its words', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const broken = safeLogger({
      debug: () => Promise.reject(new Error('CANARY')) as never,
      info() {
        throw new Error('CANARY');
      },
      warn() {
        throw new Error('CANARY');
      },
      error() {},
    });

    broken.info({ event: 'a' }, '');
    broken.warn({ event: 'a' }, '');
    broken.debug({ event: 'a' }, '');
    await new Promise(setImmediate);
    await new Promise(setImmediate);

    expect(warnings.map((warning) => (warning as { code?: string }).code)).toEqual(['LOGGER_FAILED']);
    expect(String(warnings[0]?.stack)).not.toContain('CANARY');
  });
});

describe('TEL-5: the logger of the console', () => {
  const clock = { now: () => Date.UTC(2026, 0, 1), monotonic: () => 0, after: () => ({ [Symbol.dispose]() {} }) };

  it('writes one line of JSON for an event, from its level on', () => {
    const lines: string[] = [];
    const logger = consoleLogger({ level: 'warn', write: (line) => lines.push(line), clock });

    logger.debug({ event: 'a' }, 'no');
    logger.info({ event: 'a' }, 'no');
    logger.warn({ event: 'run-block', code: 'X_Y', left: undefined, n: 1, ok: true, none: null }, 'A run\nis blocked');
    logger.error({ event: 'e' }, 'An error');

    expect(lines).toEqual([
      '{"time":"2026-01-01T00:00:00.000Z","level":"warn","event":"run-block","message":"A run\\nis blocked","code":"X_Y","n":1,"ok":true,"none":null}',
      '{"time":"2026-01-01T00:00:00.000Z","level":"error","event":"e","message":"An error"}',
    ]);
    expect(() => consoleLogger({ level: 'loud' as never })).toThrow(TypeError);
  });
});

const RUN: ObservedRun = {
  key: { tenant: 't', run: 'r' },
  kind: 'function',
  definition: 'work',
  version: '1',
  root: 'r',
  depth: 0,
  createdAt: 1_000,
};
const DRIVE: ObservedDrive = { epoch: 1, attempt: 1, worker: 'w', at: 2_000, waits: [] };
const NAMES = { tenant: 't', run: 'r', definition: 'work' };
const stamped = (...bodies: readonly object[]): readonly Entry[] =>
  bodies.map((body, at) => ({ seq: at + 1, at: 5_000, fingerprint: '', ...body }) as unknown as Entry);

function toldOf(...bodies: readonly object[]): readonly Line[] {
  const { lines, logger } = collected();
  logObserver(logger)
    .drive(RUN, DRIVE)
    .committed(stamped(...bodies), []);
  return lines.filter(({ event }) => event !== 'drive-start');
}

describe('TEL-5: what an engine tells, as lines for operators', () => {
  it.each<[string, object, object | undefined]>([
    [
      'the end of a run',
      { type: 'run-end', status: 'completed', output: 'CANARY' },
      { level: 'info', event: 'run-end', status: 'completed', ms: 4_000 },
    ],
    [
      'a failure',
      { type: 'run-end', status: 'failed', error: { code: 'SHOP_LOST', message: 'CANARY' } },
      { level: 'warn', event: 'run-end', status: 'failed', ms: 4_000, code: 'SHOP_LOST' },
    ],
    [
      'a failure whose code is a text',
      { type: 'run-end', status: 'failed', error: { code: 'the CANARY', message: 'CANARY' } },
      { level: 'warn', event: 'run-end', status: 'failed', ms: 4_000, code: 'UNKNOWN_ERROR' },
    ],
    [
      'a run that is blocked',
      { type: 'run-block', code: 'STEP_IN_DOUBT', message: 'CANARY', key: 'CANARY', request: 'q' },
      { level: 'warn', seq: 1, event: 'run-block', code: 'STEP_IN_DOUBT', request: 'q' },
    ],
    [
      'one that kills its workers',
      { type: 'run-block', code: 'RUN_POISONED', message: 'CANARY', request: 'q' },
      { level: 'error', seq: 1, event: 'run-block', code: 'RUN_POISONED', request: 'q' },
    ],
    [
      'what a person chose for it',
      { type: 'run-unblock', request: 'q', choice: 'retry' },
      { level: 'info', event: 'run-unblock', request: 'q', choice: 'retry' },
    ],
    ['a deadline', { type: 'run-deadline' }, { level: 'warn', event: 'run-deadline' }],
    [
      'a request',
      { type: 'wait-start', kind: 'request', key: 'CANARY', request: 'q' },
      { level: 'info', event: 'request-open', request: 'q' },
    ],
    [
      'its end',
      { type: 'wait-end', kind: 'request', key: 'CANARY', outcome: { ok: true, value: 'CANARY' }, timedOut: true },
      { level: 'info', event: 'request-close', timedOut: true },
    ],
    [
      'a long pause',
      {
        type: 'step-pause',
        key: 'CANARY',
        kind: 'model',
        name: 'p/m',
        attempt: 2,
        until: 9_000,
        error: { code: 'BUSY_NOW', message: 'CANARY' },
      },
      {
        level: 'warn',
        event: 'step-pause',
        seq: 1,
        kind: 'model',
        name: 'p/m',
        attempt: 2,
        ms: 4_000,
        code: 'BUSY_NOW',
      },
    ],
    [
      'another model in place of one that failed',
      {
        type: 'step-end',
        key: 'CANARY',
        kind: 'model',
        name: 'p/m',
        outcome: { ok: true, value: 'CANARY' },
        facts: { of: 'model', answered: 'q/n', failed: [{ model: 'p/m', why: 'overloaded' }] },
      },
      {
        level: 'warn',
        event: 'model-fallback',
        seq: 1,
        asked: 'p/m',
        answered: 'q/n',
        failed: 1,
        why: 'overloaded',
      },
    ],
    [
      'a route whose models are left alone',
      {
        type: 'step-end',
        key: 'CANARY',
        kind: 'model',
        name: 'p/m',
        outcome: { ok: false, error: { code: 'MODEL_UNAVAILABLE', message: 'CANARY' } },
      },
      { level: 'warn', seq: 1, event: 'model-unavailable', name: 'p/m' },
    ],
    [
      'a step of which nobody knows whether it happened',
      {
        type: 'step-end',
        key: 'CANARY',
        kind: 'step',
        settledBy: 'doubt',
        outcome: { ok: false, error: { code: 'STEP_IN_DOUBT' } },
      },
      { level: 'warn', seq: 1, event: 'step-doubt' },
    ],
    [
      'nothing of a step that went well',
      { type: 'step-end', key: 'CANARY', kind: 'step', outcome: { ok: true, value: 'CANARY' } },
      undefined,
    ],
    ['nothing of a note', { type: 'note', name: 'n', data: 'CANARY' }, undefined],
    ['nothing of a timer', { type: 'wait-start', kind: 'timer', key: 'CANARY' }, undefined],
  ])('%s', (_, entry, line) => {
    const lines = toldOf(entry);

    expect(lines).toEqual(line === undefined ? [] : [{ ...NAMES, ...line }]);
    expect(JSON.stringify(lines)).not.toContain('CANARY');
  });

  it('a run that a worker was lost with, and one that is lost now', () => {
    const { lines, logger } = collected();
    const observer = logObserver(logger);

    observer.drive(RUN, DRIVE).over('ended');
    observer.drive(RUN, { ...DRIVE, attempt: 2, epoch: 2 }).over('superseded');
    observer.drive(RUN, DRIVE).over('unavailable');

    const drives = { ...NAMES, epoch: 1, attempt: 1, worker: 'w' };
    expect(lines).toEqual([
      { ...drives, level: 'debug', event: 'drive-start' },
      { ...drives, level: 'debug', event: 'drive-end', how: 'ended' },
      { ...drives, level: 'warn', event: 'run-recover', epoch: 2, attempt: 2 },
      { ...drives, level: 'warn', event: 'lease-lost', how: 'superseded', epoch: 2, attempt: 2 },
      { ...drives, level: 'debug', event: 'drive-start' },
      { ...drives, level: 'warn', event: 'lease-lost', how: 'unavailable' },
    ]);
  });

  it('a worker, a retry of a step, and nothing of what is a metric or a warning', () => {
    const { lines, logger } = collected();
    const observer = logObserver(logger);
    const step = observer.drive(RUN, DRIVE).step({ key: 'CANARY', kind: 'model', effect: 'repeatable', attempt: 1 });

    observer.event({ type: 'worker', worker: 'w', did: 'start', slots: 4 });
    observer.event({ type: 'commit', run: RUN.key, ms: 1, outcome: 'committed' });
    observer.event({ type: 'event-lag', ms: 1 });
    observer.event({ type: 'warning', code: 'CLAIM_FAILED' });
    step.retry('SHOP_LOST', 500);
    step.retry('the CANARY', 60_000);
    step.over(true);

    expect(lines.slice(1)).toEqual([
      { level: 'info', event: 'worker-start', worker: 'w', slots: 4 },
      { ...NAMES, level: 'debug', event: 'step-retry', kind: 'model', code: 'SHOP_LOST', ms: 500 },
      { ...NAMES, level: 'warn', event: 'step-retry', kind: 'model', code: 'UNKNOWN_ERROR', ms: 60_000 },
    ]);
    expect(JSON.stringify(lines)).not.toContain('CANARY');
    expect(step.inside(() => 5)).toBe(5);
    expect(observer.caller()).toBeUndefined();
  });
});
