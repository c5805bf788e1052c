import type { Store } from '@prusik/core';
import { exportRun, exportSession, flowchart, readFlow, sequenceDiagram, type ExportOptions } from '@prusik/records';
import type { Order, Tell } from './order.ts';

/** What is exported and drawn of everything that has happened; as it is it is the journal. */
export async function tellRecords({ isLeaky }: Order, store: Store, tell: Tell): Promise<void> {
  const { items } = await store.listRuns({ tenant: 'default', limit: 100 });
  const sessions = new Set(items.flatMap(({ session }) => (session === undefined ? [] : [session])));
  tell('summaries', items);
  tell('health', await store.health());
  const roots = items.filter(({ session, parent }) => session === undefined && parent === undefined);
  const how: readonly (readonly [sink: string, options: ExportOptions])[] = [
    ['journal', { redact: 'none' }],
    ['export', isLeaky ? { redact: 'none' } : {}],
    ['export without content', { redact: 'content' }],
  ];
  for (const [sink, options] of how) {
    for (const { key } of roots) tell(sink, await joined(exportRun(store, key, options)));
    for (const session of sessions)
      tell(sink, await joined(exportSession(store, { tenant: 'default', session }, options)));
  }
  for (const { key } of roots) {
    const flow = await readFlow(store, key);
    tell(
      'flow',
      [flow, flowchart(flow), sequenceDiagram(flow)]
        .map((part) => (typeof part === 'string' ? part : JSON.stringify(part)))
        .join('\n'),
    );
  }
}

async function joined(lines: AsyncIterable<string>): Promise<string> {
  let whole = '';
  for await (const line of lines) whole += line;
  return whole;
}
