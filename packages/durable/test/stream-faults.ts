import { PLAIN_TEXT, type RunEvent, type RunKey } from '@prusik/core';
import type { StreamEngine, StreamOptions } from '@prusik/testing-contracts';

type Events = AsyncIterableIterator<RunEvent>;

/** A way in which events can be wrong, and a test of the suite that has to notice. */
export interface StreamFault {
  readonly name: string;
  /** Part of the title of that test, and of no other. */
  readonly caughtBy: string;
  /** Called once per engine; `nth` counts the engines of a test from 1. */
  readonly events: (sound: StreamEngine, nth: number) => (key: RunKey, options?: StreamOptions) => Events;
}

const fault = (name: string, caughtBy: string, events: StreamFault['events']): StreamFault => ({
  name,
  caughtBy,
  events,
});

/** Every event becomes none, itself, or several. */
function mapped(sound: Events, change: (event: RunEvent) => readonly RunEvent[]): Events {
  const ready: RunEvent[] = [];
  const iterator: Events = {
    async next() {
      for (;;) {
        const event = ready.shift();
        if (event !== undefined) return { done: false, value: event };
        const result = await sound.next();
        if (result.done === true) return result;
        ready.push(...change(result.value));
      }
    },
    return: async () => (await sound.return?.()) ?? { done: true, value: undefined },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

const mapping = (
  name: string,
  caughtBy: string,
  change: (nth: number) => (event: RunEvent) => readonly RunEvent[],
): StreamFault =>
  fault(name, caughtBy, (engine, nth) => (key, options) => mapped(engine.events(key, options), change(nth)));

const without = (name: string, caughtBy: string, drops: (event: RunEvent) => boolean): StreamFault =>
  mapping(name, caughtBy, () => (event) => (drops(event) ? [] : [event]));

/** Other options than were asked for. */
const asking = (name: string, caughtBy: string, change: (options: StreamOptions) => StreamOptions): StreamFault =>
  fault(
    name,
    caughtBy,
    (engine) =>
      (key, options = {}) =>
        engine.events(key, change(options)),
  );

const isLive = (event: RunEvent, type: string): boolean => event.live && event.event.type === type;
const isEntry = (event: RunEvent, type: string): boolean => !event.live && event.entry.type === type;

/** Live events are kept back until the next entry has gone. */
function liveAfterEntries(): (event: RunEvent) => readonly RunEvent[] {
  let kept: RunEvent[] = [];
  return (event) => {
    if (event.live) {
      kept.push(event);
      return [];
    }
    const now = kept;
    kept = [];
    return [event, ...now];
  };
}

/** Pulls as fast as it can, whether anybody asks or not. */
function eager(sound: Events): Events {
  const ready: RunEvent[] = [];
  let over = false;
  let wake = (): void => undefined;
  void (async () => {
    for await (const event of sound) {
      ready.push(event);
      wake();
    }
    over = true;
    wake();
  })().catch(() => undefined);
  const iterator: Events = {
    async next() {
      while (ready.length === 0 && !over) await new Promise<void>((resolve) => (wake = resolve));
      const event = ready.shift();
      return event === undefined ? { done: true, value: undefined } : { done: false, value: event };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

async function* generator(sound: Events): AsyncGenerator<RunEvent, void, void> {
  yield* sound;
}

export const STREAM_FAULTS: readonly StreamFault[] = [
  mapping('the last entry of a page is lost', 'entries come in the order of their numbers', () => {
    return (event) => (!event.live && event.entry.seq === 200 ? [] : [event]);
  }),
  mapping('an entry comes twice', 'entries come in the order of their numbers', () => {
    return (event) => (!event.live && event.entry.seq === 201 ? [event, event] : [event]);
  }),
  asking('the entry at the cursor comes again', 'after every cursor come', ({ after, ...rest }) => ({
    ...rest,
    after: typeof after === 'number' && after > 0 ? after - 1 : (after ?? 0),
  })),
  fault(
    'a reader ends when its run is parked',
    'whoever reads while the run is written',
    (engine) => (key, options) => {
      const sound = engine.events(key, options);
      let parked = false;
      const iterator: Events = {
        async next() {
          if (parked) return { done: true, value: undefined };
          const result = await sound.next();
          if (result.done !== true) parked = isEntry(result.value, 'run-park');
          return result;
        },
        [Symbol.asyncIterator]: () => iterator,
      };
      return iterator;
    },
  ),
  fault(
    'a cursor means nothing elsewhere',
    'a reader goes on with its cursor on another handle',
    (engine, nth) => (key, options) => engine.events(key, nth > 1 ? { ...options, after: 0 } : options),
  ),
  asking('any cursor is taken for the beginning', 'a cursor that is none', (options) => ({ ...options, after: 0 })),
  mapping('what a step says comes after its end', 'what a step says comes before', liveAfterEntries),
  mapping('text does not say where it stands', 'what a step says comes before', () => (event) => [
    event.live && event.event.type === 'step-delta' ? { ...event, event: { ...event.event, offset: 0 } } : event,
  ]),
  without('nobody is told of a repeated attempt', 'a repeated attempt begins', (event) => isLive(event, 'step-reset')),
  mapping('another handle gets no text', 'text in progress reaches a reader on another handle', (nth) => {
    return (event) => (nth > 1 && isLive(event, 'step-delta') ? [] : [event]);
  }),
  mapping('another handle gets text twice', 'text in progress reaches a reader on another handle', (nth) => {
    return (event) => (nth > 1 && isLive(event, 'step-delta') ? [event, event] : [event]);
  }),
  mapping('text comes from when the reader came', 'a reader that comes in the middle', () => (event) => {
    return event.live && event.event.type === 'step-delta' && event.event.offset === 0 ? [] : [event];
  }),
  mapping('a block does not say what it is', 'blocks that a step says side by side', () => (event) => [
    event.live && event.event.type === 'step-delta'
      ? { ...event, event: { ...event.event, block: { ...event.event.block, kind: 'text' } } }
      : event,
  ]),
  mapping('blocks of a step are one text', 'blocks that a step says side by side', () => (event) => [
    event.live && event.event.type === 'step-delta'
      ? { ...event, event: { ...event.event, block: PLAIN_TEXT } }
      : event,
  ]),
  fault(
    'a slow reader holds everything',
    'a slow reader loses live events',
    (engine) => (key, options) => eager(engine.events(key, options)),
  ),
  without('what is dropped is not told', 'a slow reader loses live events', (event) => isLive(event, 'gap')),
  mapping('characters that are dropped are not counted', 'a slow reader loses live events', () => (event) => [
    event.live && event.event.type === 'gap' ? { ...event, event: { ...event.event, characters: 0 } } : event,
  ]),
  mapping('a slow reader loses entries', 'a slow reader loses live events', () => {
    let entries = 0;
    return (event) => (isEntry(event, 'step-end') && (entries += 1) > 1_024 ? [] : [event]);
  }),
  mapping('deltas that are joined count as one', 'deltas of one step are joined', () => (event) => [
    event.live && event.event.type === 'step-delta' ? { ...event, event: { ...event.event, joined: 1 } } : event,
  ]),
  fault(
    'deltas are not joined',
    'deltas of one step are joined',
    (engine) => (key, options) =>
      mapped(engine.events(key, options), (event) => {
        if (!event.live || event.event.type !== 'step-delta') return [event];
        const { event: delta } = event;
        const words = delta.text.split(/(?<= )/);
        return words.map((text) => ({ ...event, event: { ...delta, text, joined: delta.joined / words.length } }));
      }),
  ),
  asking('closing a reader cancels its run', 'a reader that is closed, aborted or throws', (options) => ({
    ...options,
    cancelOnClose: true,
  })),
  asking('cancelOnClose does nothing', 'cancelOnClose asks the run to cancel', (options) => ({
    ...options,
    cancelOnClose: false,
  })),
  fault('cancelOnClose cancels with the engine', 'cancelOnClose asks for nothing', (engine) => (key, options = {}) => {
    const sound = engine.events(key, { ...options, cancelOnClose: false });
    const iterator: Events = {
      async next() {
        try {
          return await sound.next();
        } catch (error) {
          if (options.cancelOnClose === true) throw Object.assign(new Error('cancelled'), { cause: error });
          throw error;
        }
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }),
  fault(
    'closing waits for the read',
    'a reader is closed while a read is under way',
    (engine) => (key, options) => generator(engine.events(key, options)),
  ),
  mapping('reads are answered out of order', 'reads that are under way at once', () => {
    let first: RunEvent | undefined;
    return (event) => {
      if (isEntry(event, 'run-start')) {
        first = event;
        return [];
      }
      const now = first === undefined ? [event] : [event, first];
      first = undefined;
      return now;
    };
  }),
  fault('a closed reader goes on watching', 'a thousand readers', (engine) => (key, options) => {
    const sound = engine.events(key, options);
    const iterator: Events = {
      next: () => sound.next(),
      return: async () => ({ done: true, value: undefined }),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }),
  fault(
    'a reader just ends with its engine',
    'a reader that waits ends with ENGINE_CLOSED',
    (engine) => (key, options) => {
      const sound = engine.events(key, options);
      const iterator: Events = {
        next: () => sound.next().catch(() => ({ done: true, value: undefined })),
        [Symbol.asyncIterator]: () => iterator,
      };
      return iterator;
    },
  ),
  asking('the runs below are left out', 'with tree come all entries', (options) => ({ ...options, tree: false })),
  mapping('a parent ends before its children', 'with tree come all entries', () => {
    let kept: RunEvent | undefined;
    return (event) => {
      if (isEntry(event, 'run-end') && event.run.run !== 'r' && kept === undefined) {
        kept = event;
        return [];
      }
      return isEntry(event, 'run-end') && event.run.run === 'r' && kept !== undefined ? [event, kept] : [event];
    };
  }),
  fault(
    'children that were begun before the cursor are not followed',
    'the cursor of a tree goes on',
    (engine) =>
      (key, options = {}) => {
        const begun = new Set([key.run]);
        const all = options.after === undefined || Object.keys(options.after).length === 0;
        return mapped(engine.events(key, options), (event) => {
          if (!event.live && event.entry.type === 'wait-start' && event.entry.child !== undefined)
            begun.add(event.entry.child);
          return all || begun.has(event.run.run) ? [event] : [];
        });
      },
  ),
  asking('the cursor of a tree is the root’s', 'the cursor of a tree goes on', ({ after, ...options }) => ({
    ...options,
    after: typeof after === 'object' ? (after['r'] ?? 0) : (after ?? 0),
  })),
  asking('with a number no child is followed', 'with a number for a cursor', ({ after, ...options }) => ({
    ...options,
    after: typeof after === 'number' && after > 0 ? { r: after } : (after ?? 0),
  })),
];
