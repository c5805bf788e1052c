import type { Entry, Run, StepView, WaitView } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { entryShown, runShown, stepShown, waitShown } from '../src/without-content.ts';

const CANARY = 'canary';
const failed = { ok: false, error: { code: 'E', message: CANARY, meta: { said: CANARY } } } as const;
const partial = { code: 'BUDGET', message: CANARY };
const measurements = [{ kind: 'counter', name: 'n', value: 1, attributes: { who: CANARY } }] as const;

const run: Run = {
  key: { tenant: 't', run: 'r' },
  kind: 'agent',
  definition: 'd',
  version: '1',
  status: 'failed',
  inputHash: CANARY,
  root: 'r',
  depth: 0,
  priority: 0,
  attended: true,
  createdAt: 1,
  epoch: 1,
  seq: 2,
  inbox: 0,
  cancelRequested: false,
  wakeAt: null,
  partial,
  input: CANARY,
  context: CANARY,
  turn: { output: { title: CANARY } },
  output: CANARY,
  error: failed.error,
};

const step: StepView = {
  state: 'failed',
  kind: 'tool',
  attempt: 1,
  outcome: failed,
  error: failed.error,
  measurements,
};
const wait: WaitView = { kind: 'child', open: false, outcome: failed, partial };

const stamp = { seq: 2, at: 1 } as const;
const keyed = { key: 'k', fingerprint: CANARY } as const;
const entries: readonly Entry[] = [
  { ...stamp, ...keyed, type: 'step-end', kind: 'tool', attempt: 1, outcome: failed, durationMs: 1, measurements },
  { ...stamp, ...keyed, type: 'wait-end', kind: 'child', outcome: failed, partial },
  { ...stamp, type: 'note', name: 'n', data: CANARY },
  { ...stamp, type: 'measure', measurements },
  { ...stamp, type: 'run-block', code: 'E', message: CANARY, request: 'q' },
  { ...stamp, type: 'run-cancel', reason: CANARY },
  { ...stamp, type: 'run-end', status: 'failed', error: failed.error, output: CANARY, partial },
  { ...stamp, type: 'later', said: CANARY } as unknown as Entry,
];

describe('I11: what is shown unasked', () => {
  it('has no content and no hash of it, also not of a field that is newer than this release', () => {
    const shown = [runShown(run), stepShown(step), waitShown(wait), ...entries.map(entryShown)];

    expect(JSON.stringify(shown)).not.toContain(CANARY);
  });

  it('has names, numbers and codes', () => {
    expect(runShown(run)).toMatchObject({ definition: 'd', seq: 2, error: 'E', partial: 'BUDGET' });
    expect(stepShown(step)).toEqual({ state: 'failed', kind: 'tool', attempt: 1, error: 'E' });
    expect(waitShown(wait)).toEqual({ kind: 'child', open: false, error: 'E', partial: 'BUDGET' });
    expect(entryShown(entries[0] as Entry)).toMatchObject({ key: 'k', ok: false, error: 'E', durationMs: 1 });
  });
});
