import type { DurableContext, DurableDefinition, Json, Run, Store } from '@prusik/core';
import type { FakeClock } from '@prusik/testing-contracts';
import type { Engine } from '../src/index.ts';
import { durable, turns, untilCalled } from './support.ts';

export interface Scene {
  readonly store: Store;
  readonly clock: FakeClock;
  /** The one that has brought the run to where it is, with its worker still there. */
  readonly engine: Engine;
}

/** A state that run `r` can be in when something ends it from outside. */
export interface Situation {
  readonly code: (ctx: DurableContext) => unknown;
  /** Brings run `r` there, with a worker of `engine` or without. */
  readonly reach?: (scene: Scene) => Promise<unknown>;
  readonly status: Run['status'];
  /** Keys of steps of which nobody knows whether they happened. */
  readonly inDoubt?: readonly string[];
}

/** What engines of a scene know: the code of the situation as `work`, and the children that it may have. */
export const definitionsOf = (code: Situation['code']): readonly DurableDefinition<Json, unknown>[] => [
  durable('work', code),
  durable('child', (ctx) => ctx.child('grandchild', 'stuck', null)),
  durable('stuck', (ctx) => ctx.receive('never')),
];

/** A step that says that it has begun and ends with nothing, whatever its signal says. */
export const deaf =
  (begin: () => void, options: Parameters<DurableContext['step']>[2] = {}): Situation['code'] =>
  (ctx) =>
    ctx.step('deaf', () => (begin(), new Promise(() => {})), options);

/** In the hands of a worker: code that says that it has begun, and run by it until it has. */
export function inWork(
  start: (scene: Scene) => Promise<unknown>,
  codeOf: (begin: () => void) => Situation['code'],
): Situation & Required<Pick<Situation, 'reach'>> {
  let begun = untilCalled();
  return {
    status: 'running',
    code: codeOf(() => begun.call()),
    async reach(scene) {
      begun = untilCalled();
      await start(scene);
      scene.engine.worker();
      await begun.called;
      await turns();
    },
  };
}

/** The states that a run can be in whatever ends it; `start` starts run `r` of `work`. */
export const situationsOf = (start: (scene: Scene) => Promise<unknown>): { readonly [state: string]: Situation } => ({
  queued: { status: 'queued', code: () => 1, reach: start },
  'in a step that stops when it is told': inWork(
    start,
    (begin) => (ctx) =>
      ctx.step('s', ({ signal }) => {
        begin();
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      }),
  ),
  'in a step that ignores its signal': inWork(start, (begin) => deaf(begin)),
  'in a once step that ignores its signal': {
    ...inWork(start, (begin) => deaf(begin, { effect: 'once' })),
    inDoubt: ['deaf'],
  },
  'in something of its own that never ends': inWork(start, (begin) => () => (begin(), new Promise(() => {}))),
  'waiting for a signal': { status: 'waiting', code: (ctx) => ctx.receive('never') },
  'waiting for a later timer': { status: 'waiting', code: (ctx) => ctx.sleep('nap', 3_600_000) },
  'waiting for a person': {
    status: 'waiting',
    code: (ctx) => ctx.request('ask', { kind: 'approval', body: null }),
  },
  'waiting for children': { status: 'waiting', code: (ctx) => ctx.child('c', 'child', null) },
});
