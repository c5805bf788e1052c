import {
  isPrusikError,
  runKeyText,
  type Clock,
  type LiveTextWrite,
  type NewLiveText,
  type RunKey,
  type Store,
} from '@prusik/core';
import type { EngineWarning } from './engine-types.ts';
import type { BoardStep, BoardWriter } from './live-board.ts';

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
  /** How far each step’s text is in the store. */
  const written = new WeakMap<BoardStep, number>();
  const unwritten = new Set<BoardStep>();
  let over = new Set<BoardStep>();
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
    const heads = new Map([...said].map((step) => [step, step.head]));
    try {
      await store.writeLiveText(writesOf(said, ended));
      for (const [step, head] of heads) written.set(step, head);
    } catch (cause) {
      for (const step of said) unwritten.add(step);
      for (const step of ended) over.add(step);
      fail(cause);
    }
    writing = false;
    for (const step of over) unwritten.delete(step);
    if (unwritten.size > 0 || over.size > 0) later();
  }

  function takePortion(): ReadonlySet<BoardStep> {
    const portion = new Set<BoardStep>();
    let characters = 0;
    for (const step of unwritten) {
      characters += textOf(step, written.get(step) ?? 0).text.length;
      if (portion.size > 0 && characters > PORTION_CHARACTERS) break;
      portion.add(step);
      unwritten.delete(step);
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

  function writesOf(said: ReadonlySet<BoardStep>, ended: ReadonlySet<BoardStep>): readonly LiveTextWrite[] {
    const writes = new Map<string, { run: RunKey; epoch: number; texts: NewLiveText[]; ended: string[] }>();
    const of = ({ run, epoch }: BoardStep) => {
      const name = `${epoch} ${runKeyText(run)}`;
      const found = writes.get(name) ?? { run, epoch, texts: [], ended: [] };
      writes.set(name, found);
      return found;
    };
    for (const step of said) of(step).texts.push(textOf(step, written.get(step) ?? 0));
    for (const step of ended) of(step).ended.push(step.step);
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
    said(step) {
      if (disposed) return;
      unwritten.add(step);
      later();
    },
    over(step) {
      unwritten.delete(step);
      if (disposed || (!written.has(step) && !writing)) return;
      over.add(step);
      // Before its outcome is committed: nobody must find the text of a step that has ended.
      flush();
    },
    [Symbol.dispose]: dispose,
  };
}

function textOf({ step, kind, name, attempt, text, head }: BoardStep, from: number): NewLiveText {
  const offset = Math.min(from, text.length);
  return { step, kind, ...(name === undefined ? {} : { name }), attempt, offset, text: text.slice(offset), head };
}
