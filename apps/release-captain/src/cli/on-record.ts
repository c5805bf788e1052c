import type { RunKey } from '@prusik/core';
import type { App } from '../app.ts';

/** How far a tree of runs is on record. */
export interface OnRecord {
  /** Last entry of each run. */
  readonly seqs: ReadonlyMap<string, number>;
  /** Steps that ended, in all runs together. */
  readonly steps: number;
}

export const NOTHING_ON_RECORD: OnRecord = { seqs: new Map(), steps: 0 };

const PAGE = 200;

/** What a tree has done before now. It may be read while another process writes: what comes later is news. */
export async function readOnRecord({ store }: App, { tenant, run: root }: RunKey): Promise<OnRecord> {
  const seqs = new Map<string, number>();
  let steps = 0;
  for (let cursor: { readonly after?: string } | undefined = {}; cursor !== undefined;) {
    const page = await store.listRuns({ tenant, root, limit: PAGE, ...cursor });
    for (const { key } of page.items) {
      let seq = 0;
      for (let more = true; more;) {
        const entries = await store.entries(key, { after: seq, limit: PAGE });
        seq = entries.at(-1)?.seq ?? seq;
        steps += entries.filter(({ type }) => type === 'step-end').length;
        more = entries.length > 0;
      }
      seqs.set(key.run, seq);
    }
    cursor = page.next === undefined ? undefined : { after: page.next };
  }
  return { seqs, steps };
}
