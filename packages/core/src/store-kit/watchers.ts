import { disposable } from '../disposable.ts';
import { runKeyText, sameRun, type RequestRef, type RunKey } from '../ids.ts';
import type { Store } from '../store.ts';
import type { News } from './tables.ts';

type RunWatcher = Parameters<Store['watchRun']>[1];
type QueueWatcher = Parameters<Store['watchQueue']>[0];
type RequestWatcher = Parameters<Store['watchRequests']>[1];

/** Who watches in this process, and what the transaction under way will tell them. */
export interface Watchers {
  readonly watchRun: Store['watchRun'];
  readonly watchQueue: Store['watchQueue'];
  readonly watchLiveText: Store['watchLiveText'];
  readonly watchRequests: Store['watchRequests'];
  /** Collects what one transaction has to tell. */
  collect(): CollectedNews;
  /** Another process wrote something. */
  tellUnknown(): void;
  /** A run of this tree may be claimable; without a root, of any tree. */
  tellQueue(root?: RunKey): void;
  /** There is new text of this run; without one, perhaps of any. */
  tellLiveText(run?: RunKey): void;
  /** How many watch. */
  readonly count: {
    readonly runs: number;
    readonly queue: number;
    readonly liveText: number;
    readonly requests: number;
  };
}

/** What one transaction has to tell. */
export interface CollectedNews extends News {
  /** Calls the watchers. Only after the commit: nobody sees what is not committed. */
  tell(): void;
}

/** The watchers of one open store. `onCountChange` is told when somebody begins or ends to watch. */
export function createWatchers(onCountChange: () => void = () => undefined): Watchers {
  const runs = createRunWatchers<RunWatcher>(onCountChange);
  const liveText = createRunWatchers<() => void>(onCountChange);
  const queue = new Set<QueueWatcher>();
  const requests = new Set<{ readonly tenant: string; readonly on: RequestWatcher }>();

  const tellRequest = (tenant: string, request?: RequestRef): void =>
    tellEach(requests, (watcher) => watcher.tenant === tenant && watcher.on(request));
  const tellQueue = (root?: RunKey): void => tellEach(queue, (on) => on(root));

  return {
    watchRun: (run, on) => runs.add(run, (why, written) => on(why, written)),
    watchLiveText: (run, on) => liveText.add(run, () => on()),
    watchQueue(on) {
      const watcher: QueueWatcher = (root) => on(root);
      queue.add(watcher);
      onCountChange();
      return disposable(() => {
        if (queue.delete(watcher)) onCountChange();
      });
    },
    watchRequests(tenant, on) {
      const watcher = { tenant, on };
      requests.add(watcher);
      onCountChange();
      return disposable(() => {
        if (requests.delete(watcher)) onCountChange();
      });
    },
    collect() {
      const told: { readonly run: RunKey; readonly tell: (on: RunWatcher) => void }[] = [];
      let moved: readonly RunKey[] = [];
      const asked: { readonly tenant: string; readonly request?: RequestRef }[] = [];
      return {
        run(run, why, written) {
          if (runs.count > 0) told.push({ run, tell: (on) => on(why, written) });
        },
        queue(root) {
          if (queue.size > 0 && !moved.some((other) => sameRun(root, other))) moved = [...moved, root];
        },
        request(request) {
          if (requests.size > 0) asked.push({ tenant: request.run.tenant, request });
        },
        requestsRemoved(tenant) {
          if (requests.size > 0) asked.push({ tenant });
        },
        tell() {
          for (const { tenant, request } of asked) tellRequest(tenant, request);
          for (const { run, tell } of told) runs.tell(run, tell);
          for (const root of moved) tellQueue(root);
        },
      };
    },
    tellUnknown() {
      runs.tellAll((on) => on('unknown'));
      tellQueue();
      tellEach(requests, ({ on }) => on());
    },
    tellQueue,
    tellLiveText(run) {
      if (run === undefined) liveText.tellAll((on) => on());
      else liveText.tell(run, (on) => on());
    },
    get count() {
      return { runs: runs.count, queue: queue.size, liveText: liveText.count, requests: requests.size };
    },
  };
}

interface RunWatchers<On> {
  add(run: RunKey, watcher: On): Disposable;
  tell(run: RunKey, call: (on: On) => void): void;
  tellAll(call: (on: On) => void): void;
  readonly count: number;
}

function createRunWatchers<On>(onCountChange: () => void): RunWatchers<On> {
  const runs = new Map<string, Set<On>>();
  let count = 0;
  return {
    /** `watcher` is a function of its own for each call, so that the same one may watch twice. */
    add(run, watcher) {
      const name = runKeyText(run);
      const watchers = runs.get(name) ?? new Set();
      runs.set(name, watchers.add(watcher));
      count += 1;
      onCountChange();
      return disposable(() => {
        if (!watchers.delete(watcher)) return;
        if (watchers.size === 0 && runs.get(name) === watchers) runs.delete(name);
        count -= 1;
        onCountChange();
      });
    },
    tell: (run, call) => tellEach(runs.get(runKeyText(run)), call),
    tellAll(call) {
      const now = [...runs.values()];
      for (const watchers of now) tellEach(watchers, call);
    },
    get count() {
      return count;
    },
  };
}

/** A copy is gone through: one that is added while the others are told was not there when it happened. */
function tellEach<On>(watchers: ReadonlySet<On> | undefined, call: (on: On) => void): void {
  if (watchers === undefined) return;
  const now = [...watchers];
  for (const on of now) if (watchers.has(on)) guarded(() => call(on));
}

/** A watcher that throws must not keep the others from being told, nor turn a write that was committed into one that failed. */
function guarded(call: () => void): void {
  try {
    call();
  } catch {
    process.emitWarning('A watcher of a store failed; the others were told', {
      type: 'PrusikWarning',
      code: 'WATCHER_FAILED',
    });
  }
}
