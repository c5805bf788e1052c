import {
  isPrusikError,
  runKeyText,
  sameRun,
  WRITE_ITEMS_LIMIT,
  type Clock,
  type LiveTextWrite,
  type NewLiveText,
  type RunKey,
  type Store,
} from '@prusik/core';
import type { EngineWarning } from './engine-types.ts';
import type { BoardBlock, BoardWriter } from './live-board.ts';

/** How long text is gathered before it is written: with the store's look every 100 ms a reader elsewhere is 150 ms behind at most. */
const FLUSH_MS = 50;
/** Of one write, with room for escapes: what the store would refuse as too large would keep the text of all others from being written too. */
const PORTION_CHARACTERS = 1_048_576;

/**
 * Writes the text of steps under way to the store. Nobody knows whether anybody reads it elsewhere, so it is written as it comes, and only then.
 * No step waits for it; a write that fails is told once and made up for by the next.
 */
export function createLiveWriter(
  store: Store,
  clock: Clock,
  warn: (warning: EngineWarning) => void,
): BoardWriter & Disposable {
  /** How far each block is in the store. */
  const written = new WeakMap<BoardBlock, number>();
  const unwritten = new Set<BoardBlock>();
  /** Of steps that are over, one for each. */
  let over = new Set<BoardBlock>();
  let timer: Disposable | undefined;
  let writing = false;
  let warned = false;
  let disposed = false;

  function later(): void {
    if (!disposed) timer ??= clock.after(FLUSH_MS, flush);
  }

  function flush(): void {
    timer?.[Symbol.dispose]();
    timer = undefined;
    if (writing || (unwritten.size === 0 && over.size === 0)) return;
    void write();
  }

  /** One at a time, so that a step that is over is dropped after the last text that was written of it. */
  async function write(): Promise<void> {
    writing = true;
    const said = takePortion();
    const ended = over;
    over = new Set();
    const heads = new Map([...said].map((block) => [block, block.head]));
    try {
      await store.writeLiveText(writesOf(said, ended));
      for (const [block, head] of heads) written.set(block, head);
    } catch (cause) {
      for (const block of said) unwritten.add(block);
      for (const block of ended) over.add(block);
      fail(cause);
    }
    writing = false;
    for (const step of over) for (const block of unwritten) if (isOfOne(step, block)) unwritten.delete(block);
    if (unwritten.size > 0 || over.size > 0) later();
  }

  function takePortion(): ReadonlySet<BoardBlock> {
    const portion = new Set<BoardBlock>();
    let characters = 0;
    for (const block of unwritten) {
      characters += textOf(block, written.get(block) ?? 0).text.length;
      if (portion.size > 0 && (characters > PORTION_CHARACTERS || portion.size === WRITE_ITEMS_LIMIT)) break;
      portion.add(block);
      unwritten.delete(block);
    }
    return portion;
  }

  function fail(cause: unknown): void {
    // Another process was at the file.
    if (isPrusikError(cause, 'STORE_BUSY')) return;
    // Without a store there is nobody to read it either.
    if (isPrusikError(cause, 'STORE_CLOSED')) return dispose();
    if (!warned)
      warn({ code: 'LIVE_TEXT_UNAVAILABLE', message: 'Text in progress does not reach other processes', cause });
    warned = true;
  }

  function writesOf(said: ReadonlySet<BoardBlock>, ended: ReadonlySet<BoardBlock>): readonly LiveTextWrite[] {
    const writes = new Map<string, { run: RunKey; epoch: number; texts: NewLiveText[]; ended: string[] }>();
    const of = ({ run, epoch }: BoardBlock) => {
      const name = `${epoch} ${runKeyText(run)}`;
      const found = writes.get(name) ?? { run, epoch, texts: [], ended: [] };
      writes.set(name, found);
      return found;
    };
    for (const block of said) of(block).texts.push(textOf(block, written.get(block) ?? 0));
    for (const block of ended) of(block).ended.push(block.step);
    return [...writes.values()];
  }

  function dispose(): void {
    disposed = true;
    timer?.[Symbol.dispose]();
    timer = undefined;
    unwritten.clear();
    over.clear();
  }

  return {
    said(block) {
      if (disposed) return;
      unwritten.add(block);
      later();
    },
    over(blocks) {
      for (const block of blocks) unwritten.delete(block);
      const [first] = blocks;
      if (disposed || first === undefined || !(writing || blocks.some((block) => written.has(block)))) return;
      over.add(first);
      // Before its outcome is committed: nobody must find the text of a step that has ended.
      flush();
    },
    [Symbol.dispose]: dispose,
  };
}

/** Whether they are of one execution of one step. */
function isOfOne(a: BoardBlock, b: BoardBlock): boolean {
  return a.step === b.step && a.attempt === b.attempt && a.epoch === b.epoch && sameRun(a.run, b.run);
}

function textOf({ step, kind, name, attempt, block, text, head }: BoardBlock, from: number): NewLiveText {
  const offset = Math.min(from, text.length);
  return {
    step,
    kind,
    ...(name === undefined ? {} : { name }),
    attempt,
    block,
    offset,
    text: text.slice(offset),
    head,
  };
}
