import type {
  DriveObserver,
  DriveOver,
  EngineEvent,
  Entry,
  EntryBody,
  Message,
  ObservedDrive,
  ObservedRun,
  ObservedStep,
  Observer,
  TraceContext,
} from '@prusik/core';

/** How what an observer is told is handed to it: frozen, counted, or as it is. */
export type Share = <T>(value: T) => T;

/** What one run has to tell. */
export interface ObservedLife {
  readonly run: string;
  /** In inputs, outcomes, errors and messages. */
  readonly content?: string;
  readonly share?: Share;
}

const AT = 1_790_000_000_000;

/** All that an engine may tell of one run, in its order: steps that are repeated, recorded and lost, parks, a block, and every way in which a drive is over. */
export function tellLife(observer: Observer, { run, content = 'x', share = (value) => value }: ObservedLife): void {
  const key = { tenant: 'acme', run };
  const error = { code: 'TOOL_FAILED', message: content, meta: { said: content } };
  let seq = 1;
  let epoch = 0;
  let first: TraceContext | undefined;
  let before: TraceContext | undefined;
  const caller = observer.caller();

  function drive(more: Partial<ObservedDrive> = {}): DriveObserver {
    epoch += 1;
    const of: ObservedRun = {
      key,
      kind: 'agent',
      definition: 'guide',
      version: '1',
      session: 'chat',
      root: run,
      depth: 0,
      createdAt: AT,
    };
    const traces = { ...(caller ? { caller } : {}), ...(first ? { first } : {}), ...(before ? { before } : {}) };
    const at: ObservedDrive = { epoch, attempt: 1, worker: 'w1', at: AT + epoch, ...traces, waits: [], ...more };
    const begun = observer.drive(share(of), share(at));
    first ??= begun.trace;
    before = begun.trace ?? before;
    commit(begun, [{ type: 'run-claim', worker: 'w1', epoch, attempt: 1, definitionHash: '' }]);
    return begun;
  }

  function commit(begun: DriveObserver, bodies: readonly EntryBody[], messages: readonly Message[] = []): void {
    const entries = bodies.map((body): Entry => ({ ...body, seq: (seq += 1), at: AT + seq }));
    begun.committed(share(entries), share(messages));
    observer.event(share<EngineEvent>({ type: 'commit', run: key, ms: 1.5, outcome: 'committed' }));
  }

  function step(begun: DriveObserver, what: Partial<ObservedStep>) {
    const of: ObservedStep = { key: 's', kind: 'step', effect: 'repeatable', attempt: 1, ...what };
    const told = begun.step(share(of));
    told.inside(() => content);
    return { told, of };
  }

  const base = { fingerprint: '', attempt: 1 } as const;
  const one = drive({ budget: { tokens: 1_000, costMicros: 5_000 } });
  const model = step(one, { key: 'model:1', kind: 'model', name: 'acme/m1' });
  model.told.retry('MODEL_UNAVAILABLE', 500);
  void model.told.inside(() => Promise.resolve(content));
  const said: Message = {
    v: 1,
    id: 'm1',
    role: 'assistant',
    kind: 'assistant',
    content: [
      { type: 'text', text: content },
      { type: 'tool-call', callId: 'c1', tool: 'pay', input: { said: content } },
    ],
  };
  commit(
    one,
    [
      {
        ...base,
        type: 'step-end',
        key: 'model:1',
        kind: 'model',
        name: 'acme/m1',
        attempt: 2,
        outcome: { ok: true, value: { said: content } },
        durationMs: 12,
        messages: { from: 1, count: 1 },
        usage: { inputTokens: 10, outputTokens: 2, cachedInputTokens: 4, cacheWriteInputTokens: 1, reasoningTokens: 1 },
        costMicros: 7,
        denied: [{ callId: 'c0', tool: 'pay', by: 'policy' }],
        facts: {
          of: 'model',
          answered: 'other/m2',
          responseModel: 'm2',
          responseId: 'r1',
          finish: 'tool-calls',
          firstChunkMs: 3,
          json: true,
          failed: [{ model: 'acme/m1', why: 'overloaded' }],
        },
      },
    ],
    [said],
  );
  model.told.over(true);
  commit(one, [{ ...base, type: 'step-intent', key: 'tool:1:c1', kind: 'tool', name: 'pay', effect: 'once' }]);
  const tool = step(one, { key: 'tool:1:c1', kind: 'tool', name: 'pay', effect: 'once' });
  commit(one, [
    {
      ...base,
      type: 'step-end',
      key: 'tool:1:c1',
      kind: 'tool',
      name: 'pay',
      outcome: { ok: false, error },
      durationMs: 4,
      settledBy: 'doubt',
      facts: { of: 'tool', callId: 'c1', source: 'bank', error: 'TOOL_FAILED' },
    },
  ]);
  tool.told.over(true);
  const late = step(one, { key: 'late' });
  commit(one, [
    {
      ...base,
      type: 'step-pause',
      key: 'late',
      kind: 'step',
      until: AT + 60_000,
      error,
      failures: 1,
      capacityMs: 0,
    },
  ]);
  late.told.over(true);
  commit(one, [
    { type: 'wait-start', key: 'may-i', kind: 'request', fingerprint: '', request: 'q1' },
    { type: 'wait-start', key: 'child', kind: 'child', fingerprint: '', child: `${run}-child` },
    { type: 'wait-start', key: 'nap', kind: 'timer', fingerprint: '', until: AT + 9_000 },
    { type: 'note', name: 'progress', data: { said: content } },
    {
      type: 'measure',
      measurements: [{ kind: 'counter', name: 'shop.orders', value: 2, attributes: { express: true } }],
    },
    { type: 'run-park', waits: ['may-i', 'child', 'nap', 'late'], wakeAt: AT + 9_000 },
  ]);
  one.over('parked');

  const two = drive({
    parkedAt: AT + seq,
    waits: [
      { key: 'may-i', at: AT },
      { key: 'child', at: AT },
    ],
  });
  commit(two, [
    {
      type: 'wait-end',
      key: 'may-i',
      kind: 'request',
      fingerprint: '',
      outcome: { ok: true, value: { said: content } },
    },
    { type: 'wait-end', key: 'child', kind: 'child', fingerprint: '', outcome: { ok: false, error } },
    { type: 'wait-end', key: 'nap', kind: 'timer', fingerprint: '', outcome: { ok: true }, timedOut: true },
    { type: 'run-block', code: 'STEP_IN_DOUBT', message: content, key: 'late', request: 'intervention-1' },
  ]);
  two.over('blocked');

  // What is not recorded: given back, or lost in the middle of a step.
  for (const how of ['released', 'superseded', 'unavailable'] satisfies DriveOver[]) {
    const cut = drive({ attempt: 2 });
    step(cut, { key: 'late', attempt: 2 }).told.over(false);
    cut.over(how);
  }

  const last = drive();
  commit(last, [
    { type: 'run-unblock', request: 'intervention-1', choice: 'retry', key: 'late' },
    { type: 'run-cancel', reason: content },
    { type: 'run-deadline' },
  ]);
  commit(last, [{ type: 'run-end', status: 'failed', error, output: { said: content } }]);
  last.over('ended');
}

/** What an engine tells besides. */
export const ENGINE_EVENTS: readonly EngineEvent[] = [
  { type: 'worker', worker: 'w1', did: 'start', slots: 16 },
  { type: 'event-lag', ms: 0 },
  { type: 'commit', run: { tenant: 'acme', run: 'r' }, ms: 900, outcome: 'stale' },
  { type: 'commit', run: { tenant: 'acme', run: 'r' }, ms: 2, outcome: 'refused' },
  { type: 'warning', code: 'STORE_UNAVAILABLE', run: { tenant: 'acme', run: 'r' } },
  { type: 'warning', code: 'CLAIM_FAILED' },
  { type: 'worker', worker: 'w1', did: 'stop', slots: 16 },
];
