import { runKeyText, type LiveTextRow, type LiveTextRows, type RunKey } from '@prusik/core';

interface Kept {
  row: LiveTextRow;
  text: string;
}

interface OfRun {
  readonly run: RunKey;
  readonly blocks: Map<number, Kept>;
}

/** Text in progress, in maps. What is decided about it is decided before the first change, so nothing has to be undone. */
export function liveTextRows(): LiveTextRows {
  const runs = new Map<string, OfRun>();
  const byId = new Map<number, OfRun>();
  let lastId = 0;
  let size = 0;

  function removeBlock(ofRun: OfRun, id: number): void {
    size -= ofRun.blocks.get(id)?.text.length ?? 0;
    ofRun.blocks.delete(id);
    byId.delete(id);
    if (ofRun.blocks.size === 0) runs.delete(runKeyText(ofRun.run));
  }

  return {
    transaction(creates, work) {
      if (creates || runs.size > 0) work();
    },
    snapshot: (work) => work(),
    blocks: (run) => [...(runs.get(runKeyText(run))?.blocks.values() ?? [])].map(({ row }) => row),
    text: ({ id }, from) => byId.get(id)?.blocks.get(id)?.text.slice(from) ?? '',
    insert(run, epoch, { step, kind, name, attempt, block }) {
      lastId += 1;
      const named = name === undefined ? {} : { name };
      const row: LiveTextRow = { id: lastId, step, kind, ...named, attempt, block, epoch, kept: 0, head: 0 };
      const ofRun = runs.get(runKeyText(run)) ?? { run, blocks: new Map() };
      runs.set(runKeyText(run), ofRun);
      ofRun.blocks.set(row.id, { row, text: '' });
      byId.set(row.id, ofRun);
      return row;
    },
    extend({ id }, text, head) {
      const kept = byId.get(id)?.blocks.get(id);
      if (kept === undefined) return;
      kept.text += text;
      kept.row = { ...kept.row, kept: kept.text.length, head };
      size += text.length;
    },
    remove({ id }) {
      const ofRun = byId.get(id);
      if (ofRun !== undefined) removeBlock(ofRun, id);
    },
    removeRun(run) {
      const ofRun = runs.get(runKeyText(run));
      if (ofRun === undefined) return;
      for (const id of ofRun.blocks.keys()) removeBlock(ofRun, id);
    },
    runs: (limit) => [...runs.values()].slice(0, limit).map(({ run }) => run),
    size: () => size,
  };
}
