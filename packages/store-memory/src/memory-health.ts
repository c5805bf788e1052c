import { requestAt, type Request, type RunState, type RunStatus, type StoreHealth } from '@prusik/core';

/** How the store stands, as its rows say. */
export function healthOf(
  now: number,
  runs: Iterable<RunState>,
  requests: Iterable<Request>,
  { recoveries, blobs }: Pick<StoreHealth, 'recoveries' | 'blobs'>,
): StoreHealth {
  const counts: Record<RunStatus, number> = {
    queued: 0,
    running: 0,
    waiting: 0,
    blocked: 0,
    completed: 0,
    failed: 0,
    cancelled: 0,
  };
  const blocked: Record<string, number> = {};
  const ready = first();
  const timers = first();
  const asked = first();
  let past = 0;
  let due = 0;
  for (const { status, readyAt, leaseUntil, wakeAt, blocked: why } of runs) {
    counts[status] += 1;
    if (readyAt !== null) ready.add(readyAt);
    if (leaseUntil !== null && leaseUntil <= now) past += 1;
    if (wakeAt !== null && wakeAt <= now) due += 1;
    if (wakeAt !== null && wakeAt > now) timers.add(wakeAt);
    if (why !== null) blocked[why.code] = (blocked[why.code] ?? 0) + 1;
  }
  for (const request of requests) if (requestAt(request, now).status === 'open') asked.add(request.openedAt);
  const since = (time: number | null): number | null => (time === null ? null : Math.max(0, now - time));
  return {
    at: now,
    isWhole: true,
    runs: counts,
    queue: { ready: ready.count(), inSessions: counts.queued - ready.count(), oldestMs: since(ready.time()) },
    leases: { held: counts.running - past, past },
    timers: { due, nextAt: timers.time() },
    blocked,
    requests: { open: asked.count(), oldestMs: since(asked.time()) },
    recoveries,
    blobs,
  };
}

/** How many times there are, and the first of them. */
function first(): { add(time: number): void; count(): number; time(): number | null } {
  let count = 0;
  let earliest = Infinity;
  return {
    add(time) {
      count += 1;
      earliest = Math.min(earliest, time);
    },
    count: () => count,
    time: () => (count === 0 ? null : earliest),
  };
}
