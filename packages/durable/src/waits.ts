import {
  serializeError,
  type ChildEnd,
  type Decision,
  type Json,
  type NewRequest,
  type NewRun,
  type Outcome,
  type SerializedError,
  type Signal,
  type WaitEnd,
  type WaitKind,
  type WaitStart,
} from '@prusik/core';
import { childFailure, startGivenUp } from './child-failure.ts';
import type { Part } from './combine-parts.ts';
import type { DriveCore } from './drive-core.ts';
import { noRoomError } from './no-room.ts';

/** What a wait is begun with. A wait that the journal knows already keeps its recorded deadline, child and request. */
export interface WaitSpec {
  readonly key: string;
  readonly kind: WaitKind;
  readonly fingerprint: string;
  readonly until?: () => number;
  readonly child?: () => NewRun;
  readonly request?: () => NewRequest;
  /** Withdraws the request, or cancels the child. */
  readonly signal?: AbortSignal;
  /** The child goes on when this run ends. */
  readonly leave?: boolean;
}

/** Waits for signals, timers, children and people: registers them, and turns what came into recorded outcomes. */
export interface Waits {
  begin(spec: WaitSpec): void;
  /** Records what the inbox and the clock have brought. */
  collect(): void;
  /** Keys of what is still waited for. */
  pending(): readonly string[];
  /** Children that have not ended and that the end of this run waits for. */
  openChildren(): readonly string[];
  /** When the next deadline is due, by the store's clock. */
  nextDeadline(): number | null;
  /** The same without those that are being recorded already. */
  nextDue(): number | null;
  /** Listens to no signal any more, which may outlive the drive. */
  forgetSignals(): void;
}

/** What the end of a wait says besides which it is. */
type Ended = Pick<WaitEnd, 'outcome' | 'partial' | 'timedOut'>;

/** What is wrong with the history of a child is for the function that called it, not for a person to repair. */
const OF_A_HISTORY: ReadonlySet<string> = new Set(['HISTORY_TOO_LARGE', 'MESSAGE_ID_TAKEN']);

/** How long to wait when the store says that a deadline is not due yet. */
const TOO_EARLY_MS = 20;

export function createWaits(core: DriveCore): Waits {
  const { state, committer, inbox, env } = core;
  const pending = new Map<string, WaitStart>();
  const staged = new Set<string>();
  const expiring = new Set<string>();
  /** What listens to the signals of waits: a signal may serve thousands of calls, and must not hold what has ended. */
  const listening = new Map<string, () => void>();

  function begin(spec: WaitSpec): void {
    const known = state.waits.get(spec.key);
    if (known !== undefined) return add(known, spec);
    // The call was there to be started, so its fate is one for the journal: a process that died here may have told the function more meanwhile.
    if (spec.child !== undefined && spec.signal?.aborted)
      return record(spec, { outcome: { ok: false, error: startGivenUp(spec.key, reasonOf(spec.signal)) } });
    const child = spec.child?.();
    const request = spec.request?.();
    const until = spec.until?.() ?? request?.expiresAt ?? undefined;
    const start: WaitStart = {
      type: 'wait-start',
      key: spec.key,
      kind: spec.kind,
      fingerprint: spec.fingerprint,
      ...(until === undefined ? {} : { until }),
      ...(child === undefined ? {} : { child: child.key.run }),
      ...(spec.leave ? { onParentEnd: 'leave' } : {}),
      ...(request === undefined ? {} : { request: request.id }),
    };
    if (child === undefined && request === undefined) {
      // Nobody outside has to know of it before the run parks, so it rides with the next commit.
      committer.defer(start);
      return add(start, spec);
    }
    const part = {
      entries: [start],
      ...(child ? { children: [child] } : {}),
      ...(request ? { requests: [request] } : {}),
    };
    void committer.stage(part).then((result) => {
      if (result.ok) return add(start, spec);
      // Nothing for a person to repair: the function is told, as it is of a step for which there is no room.
      if (result.noRoom !== undefined) {
        const error = serializeError(noRoomError(`Child ${spec.key}`, 1, result.noRoom));
        return record(start, { outcome: { ok: false, error } });
      }
      if (OF_A_HISTORY.has(result.code))
        return record(start, { outcome: { ok: false, error: noHistory(result.code, spec.key) } });
      core.halt({
        type: 'block',
        code: result.code,
        message: `The ${spec.kind} ${spec.key} could not be started: ${result.code}`,
        key: spec.key,
      });
      core.wake();
    });
  }

  function add(start: WaitStart, { signal }: WaitSpec): void {
    pending.set(start.key, start);
    core.wake();
    if (signal === undefined) return;
    // Whatever came before has come: the store says which it was, by the one signal that there is.
    const giveUp = (): void => {
      if (core.over() || !pending.has(start.key)) return;
      void committer.stage({ entries: [], ...givenUp(start, reasonOf(signal)) }).then(core.wake);
    };
    if (signal.aborted) return giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    listening.set(start.key, () => signal.removeEventListener('abort', giveUp));
  }

  function givenUp({ request, child }: WaitStart, reason: string): Pick<Part, 'cancel' | 'closeRequests'> {
    if (request !== undefined) return { closeRequests: [{ id: request, reason }] };
    return child === undefined ? {} : { cancel: [{ run: { tenant: core.run.key.tenant, run: child }, reason }] };
  }

  function signalFor(wait: WaitStart): Signal | undefined {
    switch (wait.kind) {
      case 'signal':
        return inbox.get('user', wait.key);
      case 'child':
        return wait.child === undefined ? undefined : inbox.get('child', wait.child);
      case 'request':
        return wait.request === undefined ? undefined : inbox.get('decision', wait.request);
      case 'timer':
        return undefined;
      default:
        return wait.kind satisfies never;
    }
  }

  function record(wait: Pick<WaitStart, 'key' | 'kind' | 'fingerprint'>, how: Ended, notBefore?: number): void {
    staged.add(wait.key);
    const end: WaitEnd = {
      type: 'wait-end',
      key: wait.key,
      kind: wait.kind,
      fingerprint: wait.fingerprint,
      ...how,
    };
    void committer
      .stage({ entries: [end], progress: true, ...(notBefore === undefined ? {} : { notBefore }) })
      .then((result) => {
        if (!result.ok && result.code === 'TOO_EARLY') {
          // This process's idea of the store's clock ran ahead; look again shortly, and not before.
          env.clock.after(TOO_EARLY_MS, () => {
            staged.delete(wait.key);
            core.wake();
          });
          return;
        }
        staged.delete(wait.key);
        if (result.ok) {
          pending.delete(wait.key);
          listening.get(wait.key)?.();
          listening.delete(wait.key);
        } else {
          core.halt({
            type: 'block',
            code: result.code,
            message: `The end of ${wait.key} was refused: ${result.code}`,
          });
        }
        core.wake();
      });
  }

  /** Expiry is decided in the store, where a decision of a person may have been first; the signal tells which it was. */
  function expire(wait: WaitStart): void {
    if (wait.request === undefined || expiring.has(wait.key)) return;
    expiring.add(wait.key);
    env.store
      .decide({ run: core.run.key, request: wait.request, decision: { status: 'expired' } })
      // This process's idea of the store's clock ran ahead; look again shortly.
      .then((result) =>
        result.outcome === 'early' ? new Promise<void>((resolve) => env.clock.after(TOO_EARLY_MS, resolve)) : undefined,
      )
      .catch((cause: unknown) =>
        env.warn({
          code: 'EXPIRY_FAILED',
          message: `Request ${wait.request} could not be closed`,
          run: core.run.key,
          cause,
        }),
      )
      .finally(() => {
        expiring.delete(wait.key);
        core.wake();
      });
  }

  return {
    begin,
    collect() {
      if (pending.size === 0) return;
      const open = [...pending.values()].filter((wait) => !staged.has(wait.key));
      const arrived = open
        .map((wait) => ({ wait, signal: signalFor(wait) }))
        .filter((item): item is { wait: WaitStart; signal: Signal } => item.signal !== undefined)
        .toSorted((a, b) => a.signal.n - b.signal.n);
      for (const { wait, signal } of arrived) record(wait, endedBy(wait, signal));
      const now = core.storeNow();
      const due = open.filter((wait) => wait.until !== undefined && wait.until <= now && !staged.has(wait.key));
      for (const wait of due) {
        if (wait.kind === 'request') expire(wait);
        else record(wait, { outcome: { ok: true }, ...(wait.kind === 'timer' ? {} : { timedOut: true }) }, wait.until);
      }
    },
    pending: () => [...pending.keys()],
    openChildren: () =>
      [...state.waits.values()].flatMap((wait) =>
        wait.child !== undefined && wait.onParentEnd !== 'leave' && inbox.get('child', wait.child) === undefined
          ? [wait.child]
          : [],
      ),
    forgetSignals() {
      for (const forget of listening.values()) forget();
      listening.clear();
    },
    nextDeadline: () => nextOf(pending.values()),
    nextDue: () => nextOf([...pending.values()].filter(({ key }) => !staged.has(key) && !expiring.has(key))),
  };
}

/** A word, where the function gave one; an error of ours says nothing to whom was asked. */
function reasonOf({ reason }: AbortSignal): string {
  return typeof reason === 'string' ? reason.slice(0, 200) : 'no-longer-needed';
}

function nextOf(waits: Iterable<WaitStart>): number | null {
  let next: number | null = null;
  for (const { until } of waits) if (until !== undefined && (next === null || until < next)) next = until;
  return next;
}

function noHistory(code: string, key: string): SerializedError {
  const message =
    code === 'HISTORY_TOO_LARGE'
      ? `Child ${key} was to have more of its parent's history than a start copies`
      : `A message that child ${key} begins with has an id that is in its parent's history`;
  return { code, message };
}

function endedBy(wait: WaitStart, signal: Signal): Ended {
  switch (wait.kind) {
    case 'child': {
      const end = signal.body as unknown as ChildEnd;
      return {
        outcome: childOutcome(wait.child ?? '', end),
        ...(end.partial === undefined ? {} : { partial: end.partial }),
      };
    }
    case 'request': {
      const decision = signal.body as unknown as Decision as unknown as Record<string, Json>;
      return { outcome: { ok: true, value: { ...decision, request: wait.request ?? '' } } };
    }
    case 'signal':
    case 'timer':
      return { outcome: { ok: true, value: signal.body } };
    default:
      return wait.kind satisfies never;
  }
}

function childOutcome(child: string, end: ChildEnd): Outcome {
  if (end.status !== 'completed' || end.tooLarge !== undefined) return { ok: false, error: childFailure(child, end) };
  return end.output === undefined ? { ok: true } : { ok: true, value: end.output };
}
