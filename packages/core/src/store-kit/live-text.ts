import type { RunKey } from '../ids.ts';
import {
  LIVE_BLOCKS_LIMIT,
  LIVE_STORE_LIMIT,
  LIVE_TEXT_LIMIT,
  type LiveStep,
  type LiveText,
  type LiveTextMark,
  type LiveTextWrite,
  type NewLiveText,
} from '../live-text.ts';
import type { RunState } from './tables.ts';

/** Text in progress as a store keeps it: it keeps and finds, and what is allowed is decided above it. */
export interface LiveTextRows {
  /** Does all that `work` does, or nothing. Without `creates`, where nothing was ever kept, nothing is done. */
  transaction(creates: boolean, work: () => void): void;
  /** Reads in `work` see one state. Where nothing was ever kept it is not called. */
  snapshot<T>(work: () => T): T | undefined;
  /** A run's blocks, in the order in which they came. */
  blocks(run: RunKey): readonly LiveTextRow[];
  text(row: LiveTextRow, from: number): string;
  insert(run: RunKey, epoch: number, step: LiveStep): LiveTextRow;
  /** Adds to the kept text. */
  extend(row: LiveTextRow, text: string, head: number): void;
  remove(row: LiveTextRow): void;
  removeRun(run: RunKey): void;
  /** Runs with text, the oldest first. */
  runs(limit: number): readonly RunKey[];
  /** How many characters are kept, about. */
  size(): number;
}

/** What a store keeps of one block beside its text. */
export interface LiveTextRow extends LiveStep {
  /** The store's own number of the row. */
  readonly id: number;
  readonly epoch: number;
  /** Characters that are kept. */
  readonly kept: number;
  readonly head: number;
}

/** So many writes apart, what nobody will drop any more is looked for: texts of runs whose worker died and that went on, or ended, without text. */
const WRITES_BETWEEN_SWEEPS = 64;
const RUNS_A_SWEEP = 256;

export interface LiveTexts {
  /** @returns the runs that have new text. */
  write(writes: readonly LiveTextWrite[]): readonly RunKey[];
  read(run: RunKey, have: readonly LiveTextMark[]): readonly LiveText[];
  /** Drops what a lost worker left of runs that were removed: another run may have their names and epochs. */
  drop(runs: readonly RunKey[]): void;
}

/** What every store decides alike about text in progress. */
export function createLiveTexts(rows: LiveTextRows, stateOf: (run: RunKey) => RunState | undefined): LiveTexts {
  let writes = 0;

  function isHeld(run: RunKey, epoch: number): boolean {
    const state = stateOf(run);
    return state?.status === 'running' && state.epoch === epoch;
  }

  function writeOne({ run, epoch, texts, ended }: LiveTextWrite): boolean {
    const over = new Set(ended);
    let kept: LiveTextRow[] = [];
    for (const row of rows.blocks(run)) {
      if (row.epoch !== epoch || over.has(row.step)) rows.remove(row);
      else kept.push(row);
    }
    let added = false;
    for (const text of texts) {
      const known = kept.find(({ step }) => step === text.step);
      if (known !== undefined && known.attempt > text.attempt) continue;
      if (known !== undefined && known.attempt < text.attempt) {
        for (const row of kept) if (row.step === text.step) rows.remove(row);
        kept = kept.filter(({ step }) => step !== text.step);
      }
      const at = kept.findIndex(({ step, block }) => step === text.step && block.id === text.block.id);
      if (at < 0 && kept.length >= LIVE_BLOCKS_LIMIT) continue;
      const row = kept[at] ?? rows.insert(run, epoch, text);
      const grown = extended(row, text, LIVE_STORE_LIMIT - rows.size());
      if (at >= 0 && grown.head === row.head) continue;
      rows.extend(row, grown.text, grown.head);
      kept[at < 0 ? kept.length : at] = { ...row, kept: row.kept + grown.text.length, head: grown.head };
      added = true;
    }
    return added;
  }

  function sweep(): void {
    for (const run of rows.runs(RUNS_A_SWEEP)) {
      const [row] = rows.blocks(run);
      if (row !== undefined && !isHeld(run, row.epoch)) rows.removeRun(run);
    }
  }

  function beyond(row: LiveTextRow, epoch: number, mark: LiveTextMark | undefined): readonly LiveText[] {
    const { step, kind, name, attempt, block, head } = row;
    const offset = mark?.epoch === epoch && mark.attempt === attempt ? mark.offset : 0;
    if (row.epoch !== epoch || offset >= head) return [];
    const text = offset < row.kept ? rows.text(row, offset) : '';
    return [{ step, kind, ...(name === undefined ? {} : { name }), attempt, block, epoch, offset, text, head }];
  }

  return {
    write(all) {
      const held = all.filter(({ run, epoch }) => isHeld(run, epoch));
      const told: RunKey[] = [];
      const creates = held.some(({ texts }) => texts.length > 0);
      rows.transaction(creates, () => {
        if (creates && writes++ % WRITES_BETWEEN_SWEEPS === 0) sweep();
        for (const write of held) if (writeOne(write)) told.push(write.run);
      });
      return told;
    },
    read(run, have) {
      const state = stateOf(run);
      if (state?.status !== 'running') return [];
      const markOf = (row: LiveTextRow): LiveTextMark | undefined =>
        have.find(({ step, block }) => step === row.step && block === row.block.id);
      return rows.snapshot(() => rows.blocks(run).flatMap((row) => beyond(row, state.epoch, markOf(row)))) ?? [];
    },
    drop(runs) {
      if (runs.length > 0) rows.transaction(false, () => runs.forEach((run) => rows.removeRun(run)));
    },
  };
}

/** What of a text is new and has room. Once something was left out nothing that comes later may stand in its place. */
function extended(row: LiveTextRow, { offset, text, head }: NewLiveText, room: number): { text: string; head: number } {
  const isWhole = row.kept === row.head && offset <= row.kept;
  const fresh = isWhole ? text.slice(row.kept - offset) : '';
  const cut = fresh.slice(0, Math.max(0, Math.min(LIVE_TEXT_LIMIT - row.kept, room)));
  // Half of a surrogate pair is no character that every store could keep.
  const kept = cut.length < fresh.length && /[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut;
  return { text: kept, head: Math.max(row.head, head) };
}
