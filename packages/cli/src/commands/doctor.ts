import type { StoreHealth } from '@prusik/core';
import { checkStore } from '@prusik/store-sqlite';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { bytesText, spanText, timeText } from '../tell.ts';

/** Damage that is shown one by one; the rest is counted. */
const SHOWN = 100;

export const doctor: Command = {
  summary: 'Look whether the store is whole, and what stands still in it',
  operands: [],
  options: {
    full: { type: 'boolean', help: 'also compare every index with its table, which takes several times longer' },
  },
  notes: ['It only reads, and may run beside workers. It ends with 4 where the store is damaged.'],
  async run({ io, tell, db, open, values }) {
    const path = db();
    let problems = 0;
    for await (const problem of checkStore({ path, full: values.has('full'), signal: io.signal })) {
      problems += 1;
      if (problems > SHOWN) continue;
      const { about, tenant, id, message } = problem;
      const what = [about, tenant, id].filter((part) => part !== undefined).join(' ');
      tell.thing('problem', problem, [`${what}: ${message}`]);
    }
    if (problems > SHOWN) tell.hint(`and ${problems - SHOWN} more`);
    tell.thing('check', { path, problems }, [problems === 0 ? 'The store is whole.' : `${problems} problems.`]);
    if (problems > 0) return EXIT.database;
    const health = await open().store.health();
    tell.thing('health', health, healthLines(health));
    return EXIT.ok;
  },
};

/** How the store stands, and what needs somebody to look at it. */
function healthLines(health: StoreHealth): readonly string[] {
  const { runs, queue, leases, timers, blocked, requests, recoveries, blobs, file } = health;
  const counted = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ');
  const since = (ms: number | null): string => (ms === null ? '' : `, the first for ${spanText(ms)}`);
  return [
    `runs       ${counted(runs) || 'none'}${health.isWhole ? '' : ' (counted in part)'}`,
    `queue      ${queue.ready} ready${since(queue.oldestMs)}; ${queue.inSessions} behind others of their session`,
    `leases     ${leases.held} held${leases.past > 0 ? `, ${leases.past} past: is there a worker?` : ''}`,
    `timers     ${timers.due} due${timers.nextAt === null ? '' : `; the next at ${timeText(timers.nextAt)}`}`,
    `requests   ${requests.open} open${since(requests.oldestMs)}`,
    ...(Object.keys(blocked).length === 0 ? [] : [`blocked    ${counted(blocked)}: see prusik runs --status blocked`]),
    ...(recoveries.count === 0
      ? []
      : [`recovered  ${recoveries.count} runs of lost workers, the last at ${timeText(recoveries.lastAt)}`]),
    `blobs      ${blobs.count}, ${bytesText(blobs.bytes)}`,
    ...(file === undefined
      ? []
      : [
          `file       ${bytesText(file.bytes)}, ${bytesText(file.freeBytes)} of it free; log ${bytesText(file.logBytes)}; schema ${file.schemaVersion}, generation ${file.generation}`,
        ]),
  ];
}
