import {
  LIVE_TEXT_LIMIT,
  runKeyText,
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
  | { readonly type: 'text'; readonly key: string; readonly attempt: number; readonly text: string }
  /** No attempt follows; its outcome is not committed yet. */
  | { readonly type: 'over'; readonly key: string };

/** A step under way in this process, and the beginning of its text. */
export interface BoardStep extends LiveStep {
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
  /** What the steps of one drive have to say goes through its own speaker. */
  speaker(run: RunKey, epoch: number): (news: StepNews) => void;
  /** Calls back with what stands, at once, and then with what comes. */
  listen(run: RunKey, on: (event: StepStart | StepDelta) => void): Disposable;
}

export interface BoardWriter {
  said(step: BoardStep): void;
  /** This execution says no more. */
  over(step: BoardStep): void;
}

/** Characters of all texts that are held here; a step past it says the rest to its listeners only. */
const BOARD_LIMIT = 16_777_216;

interface Kept extends BoardStep {
  text: string;
  head: number;
  /** The first half of a surrogate pair whose second half has not come. */
  half: string;
}

/** One drive and its steps under way. */
interface Speaking {
  readonly epoch: number;
  readonly steps: Map<string, Kept>;
}

export function createLiveBoard(writer: BoardWriter): LiveBoard {
  const drives = new Map<string, Speaking>();
  const listeners = new Map<string, Set<(event: StepStart | StepDelta) => void>>();
  let held = 0;

  function tell(name: string, event: StepStart | StepDelta): void {
    for (const on of listeners.get(name) ?? []) on(event);
  }

  function end({ steps }: Speaking, step: Kept): void {
    steps.delete(step.step);
    held -= step.text.length;
    writer.over(step);
  }

  function say(name: string, step: Kept, said: string): void {
    // Whole characters only, since not every store can keep half of one.
    const text = step.half + said;
    const complete = cutTo(text, text.length);
    step.half = text.slice(complete.length);
    const whole = complete.toWellFormed();
    if (whole === '') return;
    const offset = step.head;
    step.head += whole.length;
    if (step.text.length === offset) {
      const kept = cutTo(whole, Math.min(LIVE_TEXT_LIMIT - offset, BOARD_LIMIT - held));
      step.text += kept;
      held += kept.length;
    }
    writer.said(step);
    if (listeners.size > 0) tell(name, deltaOf(step, offset, whole));
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

      return (news) => {
        const known = mine.steps.get(news.key);
        if (news.type === 'start') {
          if (!takesTheFloor()) return;
          if (known !== undefined) end(mine, known);
          const { key: step, kind, attempt } = news;
          const named = news.name === undefined ? {} : { name: news.name };
          const begun: Kept = { run, step, kind, ...named, epoch, attempt, text: '', head: 0, half: '' };
          mine.steps.set(step, begun);
          if (listeners.size > 0) tell(name, startOf(begun));
        } else if (known === undefined) return;
        else if (news.type === 'text') {
          if (news.attempt === known.attempt) say(name, known, news.text);
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
      for (const step of drives.get(name)?.steps.values() ?? []) {
        on(startOf(step));
        if (step.text !== '') on(deltaOf(step, 0, step.text));
      }
      return {
        [Symbol.dispose]() {
          set.delete(on);
          if (set.size === 0 && listeners.get(name) === set) listeners.delete(name);
        },
      };
    },
  };
}

/** The first `length` characters, and not the first half of a surrogate pair at their end. */
function cutTo(text: string, length: number): string {
  const cut = text.slice(0, Math.max(0, length));
  return /[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut;
}

function startOf({ step, kind, name, epoch, attempt }: BoardStep): StepStart {
  return { type: 'step-start', key: step, kind, ...(name === undefined ? {} : { name }), epoch, attempt };
}

function deltaOf({ step, epoch, attempt }: BoardStep, offset: number, text: string): StepDelta {
  return { type: 'step-delta', key: step, epoch, attempt, offset, text, joined: 1 };
}
