import type { RunInfo, ToolCallScope } from '@prusik/core';

const RUN: RunInfo = {
  key: { tenant: 'default', run: 'run' },
  root: 'run',
  depth: 0,
  definition: 'test',
  context: null,
  attended: true,
  rights: {},
  attempt: 1,
};

const none = (): Promise<never> => Promise.reject(new TypeError('The run of this test has no state'));

/** What a source of tools is called with where no engine calls it: for a run that nobody drives, without a workspace, whose slots reject. */
export function toolCallScope(more: Partial<ToolCallScope> = {}): ToolCallScope {
  return {
    run: RUN,
    signal: new AbortController().signal,
    slots: { get: none, set: none, update: none },
    idempotencyKey: 'call',
    trace: undefined,
    progress: () => {},
    ...more,
  };
}
