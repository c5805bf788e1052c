import {
  checkId,
  disposable,
  LIVE_TEXT_LIMIT,
  runKeyText,
  type LiveBlock,
  type LiveStep,
  type RunKey,
  type StepDelta,
  type StepKind,
  type StepStart,
} from '@prusik/core';

/** What an execution of a step tells. */
export type StepNews =
  | {
      readonly type: 'start';
      readonly key: string;
      readonly kind: StepKind;
      readonly name?: string;
      readonly attempt: number;
    }
  | {
      readonly type: 'text';
      readonly key: string;
      readonly attempt: number;
      readonly block: LiveBlock;
      readonly text: string;
    }
  /** No attempt follows; its outcome is not committed yet. */
  | { readonly type: 'over'; readonly key: string };

/** A block of a step under way in this process, and the beginning of its text. */
export interface BoardBlock extends LiveStep {
  readonly run: RunKey;
  readonly epoch: number;
  readonly text: string;
  /** How far it has come; past the end of `text` once that is full. */
  readonly head: number;
}

/**
 * The steps under way in the drives of this engine, with their text so far: told to whoever listens here, and written from here for readers in
 * other processes. A step that says nothing costs a row in a map.
 */
export interface LiveBoard {
  /** What the steps of one drive have to say goes through its own speaker. @throws {TypeError} for a block that is none, or is one too many. */
  speaker(run: RunKey, epoch: number): (news: StepNews) => void;
  /** Calls back with what stands, at once, and then with what comes. */
  listen(run: RunKey, on: (event: StepStart | StepDelta) => void): Disposable;
}

export interface BoardWriter {
  said(block: BoardBlock): void;
  /** The execution that said these says no more. */
  over(blocks: readonly BoardBlock[]): void;
}

/** Characters of all texts that are held here; a block past it says the rest to its listeners only. */
const BOARD_LIMIT = 16_777_216;
/** Of one execution: each costs memory, however little it says. */
const BLOCKS_LIMIT = 1_000;

interface Kept extends BoardBlock {
  text: string;
  head: number;
  /** The first half of a surrogate pair whose second half has not come. */
  half: string;
}

/** A step under way. */
interface Speech {
  readonly start: StepStart;
  readonly blocks: Map<string, Kept>;
}

/** One drive and its steps under way. */
interface Speaking {
  readonly epoch: number;
  readonly steps: Map<string, Speech>;
}

export function createLiveBoard(writer: BoardWriter): LiveBoard {
  const drives = new Map<string, Speaking>();
  const listeners = new Map<string, Set<(event: StepStart | StepDelta) => void>>();
  let held = 0;

  function tell(name: string, event: StepStart | StepDelta): void {
    for (const on of listeners.get(name) ?? []) on(event);
  }

  function end({ steps }: Speaking, { start, blocks }: Speech): void {
    steps.delete(start.key);
    if (blocks.size === 0) return;
    for (const { text } of blocks.values()) held -= text.length;
    writer.over([...blocks.values()]);
  }

  function say(name: string, kept: Kept, said: string): void {
    // Whole characters only, since not every store can keep half of one.
    const text = kept.half + said;
    const complete = cutTo(text, text.length);
    kept.half = text.slice(complete.length);
    const whole = complete.toWellFormed();
    if (whole === '') return;
    const offset = kept.head;
    kept.head += whole.length;
    if (kept.text.length === offset) {
      const room = cutTo(whole, Math.min(LIVE_TEXT_LIMIT - offset, BOARD_LIMIT - held));
      kept.text += room;
      held += room.length;
    }
    writer.said(kept);
    if (listeners.size > 0) tell(name, deltaOf(kept, offset, whole));
  }

  return {
    speaker(run, epoch) {
      const name = runKeyText(run);
      const mine: Speaking = { epoch, steps: new Map() };

      /** A drive that lost its run may not know it yet, and has no say any more. */
      function takesTheFloor(): boolean {
        const other = drives.get(name);
        if (other === mine) return true;
        if (other !== undefined && other.epoch > epoch) return false;
        for (const step of other?.steps.values() ?? []) end(other ?? mine, step);
        drives.set(name, mine);
        return true;
      }

      function blockOf({ start, blocks }: Speech, { id, kind, tool }: LiveBlock): Kept {
        const known = blocks.get(id);
        if (known !== undefined) return known;
        checkId('block', id);
        if (blocks.size >= BLOCKS_LIMIT)
          throw new TypeError(`Step ${start.key} says more than ${BLOCKS_LIMIT} texts side by side`);
        const named = start.name === undefined ? {} : { name: start.name };
        const block = { id, kind, ...(tool === undefined ? {} : { tool }) };
        const { key: step, kind: stepKind, attempt } = start;
        const begun: Kept = { run, step, kind: stepKind, ...named, epoch, attempt, block, text: '', head: 0, half: '' };
        blocks.set(id, begun);
        return begun;
      }

      return (news) => {
        const known = mine.steps.get(news.key);
        if (news.type === 'start') {
          if (!takesTheFloor()) return;
          if (known !== undefined) end(mine, known);
          const { key, kind, attempt } = news;
          const named = news.name === undefined ? {} : { name: news.name };
          const start: StepStart = { type: 'step-start', key, kind, ...named, epoch, attempt };
          mine.steps.set(key, { start, blocks: new Map() });
          if (listeners.size > 0) tell(name, start);
        } else if (known === undefined) return;
        else if (news.type === 'text') {
          if (news.attempt === known.start.attempt) say(name, blockOf(known, news.block), news.text);
        } else {
          end(mine, known);
          if (mine.steps.size === 0 && drives.get(name) === mine) drives.delete(name);
        }
      };
    },
    listen(run, on) {
      const name = runKeyText(run);
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set.add(on));
      for (const { start, blocks } of drives.get(name)?.steps.values() ?? []) {
        on(start);
        for (const block of blocks.values()) if (block.text !== '') on(deltaOf(block, 0, block.text));
      }
      return disposable(() => {
        set.delete(on);
        if (set.size === 0 && listeners.get(name) === set) listeners.delete(name);
      });
    },
  };
}

/** The first `length` characters, and not the first half of a surrogate pair at their end. */
function cutTo(text: string, length: number): string {
  const cut = text.slice(0, Math.max(0, length));
  return /[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut;
}

function deltaOf({ step, epoch, attempt, block }: BoardBlock, offset: number, text: string): StepDelta {
  return { type: 'step-delta', key: step, epoch, attempt, block, offset, text, joined: 1 };
}
