import {
  sameRun,
  type LiveEvent,
  type RunEvent,
  type RunKey,
  type StepDelta,
  type StepReset,
  type StepStart,
} from '@prusik/core';

/** How far a reader may fall behind: past either, live events are dropped and counted. Committed entries wait in the store. */
const LIVE_EVENTS_LIMIT = 1_024;
const LIVE_CHARACTERS_LIMIT = 1_048_576;

/** Live events that wait for their reader. A delta joins the one before it of its block; what has no room becomes part of a gap. */
export interface LiveBuffer {
  push(run: RunKey, event: StepStart | StepDelta | StepReset): void;
  /** Counts what did not come. */
  lose(dropped: number, characters: number): void;
  /** Number of the last event that came; what comes later has a higher one. */
  last(): number;
  size(): number;
  /** The first of those up to number `upTo`. */
  take(upTo: number): RunEvent | undefined;
  /** The first of this run, or of this step of it. */
  takeOf(run: RunKey, key?: string): RunEvent | undefined;
}

interface Item {
  readonly n: number;
  readonly run: RunKey;
  event: LiveEvent;
}

/** @param reader The run that a gap is told of; it may hold events of all that the reader follows. */
export function createLiveBuffer(reader: RunKey): LiveBuffer {
  let items: Item[] = [];
  /** Taken off the front. */
  let gone = 0;
  let characters = 0;
  let last = 0;

  const isFull = (added: number): boolean =>
    items.length - gone >= LIVE_EVENTS_LIMIT || characters + added > LIVE_CHARACTERS_LIMIT;

  function add(run: RunKey, event: LiveEvent): void {
    last += 1;
    items.push({ n: last, run, event });
  }

  /** The delta of the same block that waits and that this one goes on. What other blocks of the step said between is beside it, not before it. */
  function before(
    run: RunKey,
    { key, epoch, attempt, block, offset }: StepDelta,
  ): { item: Item; delta: StepDelta } | undefined {
    for (let index = items.length - 1; index >= gone; index -= 1) {
      const item = items[index];
      if (item === undefined || item.event.type === 'gap') return undefined;
      if (item.event.key !== key || !sameRun(item.run, run)) continue;
      const delta = item.event;
      if (delta.type === 'step-delta' && delta.block.id !== block.id) continue;
      const goesOn =
        delta.type === 'step-delta' &&
        delta.epoch === epoch &&
        delta.attempt === attempt &&
        delta.offset + delta.text.length === offset;
      return goesOn ? { item, delta } : undefined;
    }
    return undefined;
  }

  function takeAt(index: number): RunEvent | undefined {
    const item = items[index];
    if (item === undefined) return undefined;
    if (index === gone) gone += 1;
    else items.splice(index, 1);
    if (gone === items.length || gone > LIVE_EVENTS_LIMIT) {
      items = items.slice(gone);
      gone = 0;
    }
    const { run, event } = item;
    if (event.type === 'step-delta') characters -= event.text.length;
    return { run, live: true, event };
  }

  function lose(dropped: number, lost: number): void {
    const end = items.length > gone ? items.at(-1) : undefined;
    if (end?.event.type === 'gap') {
      const { event } = end;
      end.event = { type: 'gap', dropped: event.dropped + dropped, characters: event.characters + lost };
    } else add(reader, { type: 'gap', dropped, characters: lost });
  }

  return {
    push(run, event) {
      const length = event.type === 'step-delta' ? event.text.length : 0;
      const room = characters + length <= LIVE_CHARACTERS_LIMIT;
      const joins = event.type === 'step-delta' && room ? before(run, event) : undefined;
      if (joins !== undefined && event.type === 'step-delta') {
        const { item, delta } = joins;
        item.event = { ...delta, text: delta.text + event.text, joined: delta.joined + event.joined };
        characters += length;
      } else if (isFull(length)) lose(1, length);
      else {
        add(run, event);
        characters += length;
      }
    },
    lose,
    last: () => last,
    size: () => items.length - gone,
    take(upTo) {
      const item = items[gone];
      return item !== undefined && item.n <= upTo ? takeAt(gone) : undefined;
    },
    takeOf(run, key) {
      for (let index = gone; index < items.length; index += 1) {
        const item = items[index];
        if (item === undefined || !sameRun(item.run, run)) continue;
        if (key === undefined || (item.event.type !== 'gap' && item.event.key === key)) return takeAt(index);
      }
      return undefined;
    },
  };
}
