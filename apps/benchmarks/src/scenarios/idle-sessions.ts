import { createSessions } from '@prusik/sessions';
import { alternate, atMost, heapInUse, toRow } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { withEngine } from '../workload.ts';

const scenario = 'idle-sessions';

/** Heap of one open session; `resources` gives each something of its own. */
function openSessions(path: string, count: number, resources: boolean): Promise<number> {
  return withEngine({ path, definitions: [] }, async (engine) => {
    const sessions = resources ? createSessions(engine, { open: () => ({}) }) : createSessions(engine);
    const before = heapInUse();
    const open: AsyncDisposable[] = [];
    for (let n = 0; n < count; n += 1) open.push(await sessions.open(`session-${n}`));
    const bytes = heapInUse() - before;
    await Promise.all(open.map((session) => session[Symbol.asyncDispose]()));
    await sessions[Symbol.asyncDispose]();
    return bytes / count;
  });
}

export const idleSessions: Scenario = {
  name: scenario,
  about: '10,000 open sessions that do nothing: memory of each',
  async run(bench: Bench) {
    const count = bench.count(10_000);
    const { plain, withResources } = await alternate(bench, {
      plain: () => openSessions(bench.newPath(), count, false),
      withResources: () => openSessions(bench.newPath(), count, true),
    });
    const goal = atMost(2_048, 'B');
    return [
      { row: toRow({ scenario, subject: `${count} sessions`, unit: 'B/session' }, plain), goal },
      { row: toRow({ scenario, subject: `${count} sessions with resources`, unit: 'B/session' }, withResources), goal },
    ];
  },
};
