import type {
  Entry,
  LiveBlock,
  LiveText,
  LiveTextMark,
  StepDelta,
  StepExecution,
  StepReset,
  StepStart,
} from '@prusik/core';

/** Where the live events of one run go, in order and without repeats. */
export interface LiveSink {
  push(event: StepStart | StepDelta | StepReset): void;
  /** Characters that this reader will not get. */
  lose(characters: number): void;
}

/**
 * One rule for what comes from the drives of this process and from the store: a text stands at its place (step, epoch, attempt, block, offset), so what
 * is there already is left out, what is missing between is counted, and a later execution of a step begins with a reset.
 */
export interface LiveMerge {
  hear(event: StepStart | StepDelta): void;
  read(text: LiveText): void;
  /** What this reader has, for the store to leave out. */
  have(): readonly LiveTextMark[];
  /** An entry was delivered: what it ends is over. */
  passed(entry: Entry): void;
}

interface Mark {
  readonly epoch: number;
  readonly attempt: number;
  /** How far each block was told, by its id. */
  readonly at: Map<string, number>;
  over: boolean;
}

/** Steps that are over are remembered, because their text may come late; but not all of a long run's. */
const REMEMBERED = 256;

export function createLiveMerge(sink: LiveSink): LiveMerge {
  const marks = new Map<string, Mark>();
  let epoch = 0;
  /** Nothing of an earlier epoch is heard any more. */
  let floor = 0;

  function begin(start: StepStart): void {
    if (start.epoch < floor) return;
    const known = marks.get(start.key);
    if (known !== undefined && !isBefore(known, start)) return;
    floor = start.epoch;
    const { key, attempt } = start;
    // To one who was not there, too: it may go on with what an earlier reader has heard.
    if (known !== undefined || attempt > 1) sink.push({ type: 'step-reset', key, epoch: start.epoch, attempt });
    marks.delete(key);
    marks.set(key, { epoch: start.epoch, attempt, at: new Map(), over: false });
    sink.push(start);
  }

  function say(execution: StepExecution, block: LiveBlock, offset: number, text: string, head: number): void {
    const mark = marks.get(execution.key);
    if (mark === undefined || mark.over || isBefore(mark, execution) || isBefore(execution, mark)) return;
    let at = mark.at.get(block.id) ?? 0;
    if (offset > at) {
      sink.lose(offset - at);
      at = offset;
    }
    const fresh = text.slice(at - offset);
    if (fresh !== '') {
      const { key, epoch: of, attempt } = execution;
      sink.push({ type: 'step-delta', key, epoch: of, attempt, block, offset: at, text: fresh, joined: 1 });
      at += fresh.length;
    }
    if (head > at) sink.lose(head - at);
    mark.at.set(block.id, Math.max(at, head));
  }

  function end(key: string): void {
    const mark = marks.get(key);
    if (mark === undefined) return;
    mark.over = true;
    mark.at.clear();
    for (const [old, { over }] of marks) {
      if (marks.size <= REMEMBERED) return;
      if (over) marks.delete(old);
    }
  }

  return {
    hear(event) {
      if (event.type === 'step-start') begin(event);
      else say(event, event.block, event.offset, event.text, event.offset + event.text.length);
    },
    read({ step: key, kind, name, epoch: of, attempt, block, offset, text, head }) {
      begin({ type: 'step-start', key, kind, ...(name === undefined ? {} : { name }), epoch: of, attempt });
      say({ key, epoch: of, attempt }, block, offset, text, head);
    },
    have: () =>
      [...marks].flatMap(([step, { epoch: of, attempt, at }]) =>
        [...at].map(([block, offset]) => ({ step, block, epoch: of, attempt, offset })),
      ),
    passed(entry) {
      if (entry.type === 'step-end' || entry.type === 'step-pause') return end(entry.key);
      if (entry.type === 'run-claim') {
        epoch = entry.epoch;
        floor = Math.max(floor, epoch);
      }
      if (entry.type !== 'run-park' && entry.type !== 'run-block' && entry.type !== 'run-end') return;
      // The drive is over, and with it whatever its steps had to say.
      floor = Math.max(floor, epoch + 1);
    },
  };
}

function isBefore(a: Pick<StepExecution, 'epoch' | 'attempt'>, b: Pick<StepExecution, 'epoch' | 'attempt'>): boolean {
  return a.epoch < b.epoch || (a.epoch === b.epoch && a.attempt < b.attempt);
}
