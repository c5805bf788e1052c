import { describe, expect, it } from 'vitest';
import {
  advanceCursor,
  emptyView,
  foldEvents,
  PLAIN_TEXT,
  type Effect,
  type Entry,
  type EntryBody,
  type EventCursor,
  type LiveBlock,
  type LiveEvent,
  type RunEvent,
  type RunKey,
  type TreeView,
} from '../src/index.ts';

const root: RunKey = { tenant: 'acme', run: 'root' };
const keyOf = (run: string): RunKey => ({ tenant: 'acme', run });

/** The same numbers for the same seed. */
function chance(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const stored = (view: TreeView): TreeView => JSON.parse(JSON.stringify(view)) as TreeView;

/** What a tree of two runs may go through: drives that die at any point, retries, parks, blocks, cancel, in an order that a journal can have. */
function history(seed: number): readonly RunEvent[] {
  const random = chance(seed);
  const events: RunEvent[] = [];
  const seq = new Map<string, number>();
  const add = (run: string, body: EntryBody): void => {
    const next = (seq.get(run) ?? 0) + 1;
    seq.set(run, next);
    events.push({ run: keyOf(run), live: false, entry: { ...body, seq: next, at: events.length } as Entry });
  };
  const hear = (run: string, event: LiveEvent): void => {
    events.push({ run: keyOf(run), live: true, event });
  };
  const effects: readonly Effect[] = ['repeatable', 'keyed', 'once'];
  const names = ['plain', '__proto__', 'constructor', '1', '10'];

  function drives(run: string, child: string | undefined): void {
    add(run, { type: 'run-start', definition: 'd', version: '1', messages: { from: 1, count: 1 } });
    let epoch = 0;
    let done = 0;
    const steps = 1 + random(5);
    while (done < steps) {
      epoch += 1;
      let claimed = false;
      const claim = (): void => {
        if (claimed) return;
        claimed = true;
        add(run, { type: 'run-claim', worker: 'w', epoch, attempt: 1, definitionHash: '' });
      };
      const survives = random(3) > 0;
      const key = `${names[done] ?? 's'}`;
      const effect = effects[random(3)] ?? 'once';
      for (let attempt = 1; ; attempt += 1) {
        if (attempt > 1 || epoch > 1) hear(run, { type: 'step-reset', key, epoch, attempt });
        hear(run, { type: 'step-start', key, kind: 'model', epoch, attempt, name: 'm' });
        if (effect === 'once' && attempt === 1) {
          claim();
          add(run, { type: 'step-intent', key, kind: 'model', fingerprint: '', effect, attempt });
        }
        let offset = 0;
        for (let n = random(4); n > 0; n -= 1) {
          const text = 'abcdef'.slice(0, 1 + random(5));
          hear(run, { type: 'step-delta', key, epoch, attempt, block: PLAIN_TEXT, offset, text, joined: 1 });
          offset += text.length;
        }
        if (random(3) > 0 || effect === 'once') break;
        if (random(3) > 0) continue;
        claim();
        const error = { code: 'BUSY', message: '' };
        const pause = { failures: 1, capacityMs: 0, until: 9, error, fingerprint: '' };
        add(run, { type: 'step-pause', key, kind: 'model', attempt, ...pause });
        if (random(3) > 0) continue;
        add(run, { type: 'run-end', status: 'cancelled', error });
        return;
      }
      if (!survives) continue;
      claim();
      const outcome = random(4) > 0 ? { ok: true, value: 'v' } : { ok: false, error: { code: 'X', message: '' } };
      add(run, {
        type: 'step-end',
        key,
        kind: 'model',
        fingerprint: '',
        attempt: 1,
        outcome: outcome as Extract<EntryBody, { type: 'step-end' }>['outcome'],
        durationMs: 1,
        messages: { from: 2, count: 1 },
        usage: { inputTokens: 3, outputTokens: 1 },
      });
      done += 1;
      if (random(4) === 0) add(run, { type: 'note', name: 'n', data: done });
      if (random(4) === 0) {
        add(run, { type: 'wait-start', key: `w${done}`, kind: 'request', fingerprint: '', request: `q${done}` });
        add(run, { type: 'run-park', waits: [`w${done}`], wakeAt: null });
        epoch += 1;
        claimed = false;
        claim();
        add(run, { type: 'wait-end', key: `w${done}`, kind: 'request', fingerprint: '', outcome: { ok: true } });
      } else if (random(6) === 0) {
        add(run, { type: 'run-block', code: 'C', message: 'm', request: `i${done}` });
        epoch += 1;
        claimed = false;
        claim();
        add(run, { type: 'run-unblock', request: `i${done}`, choice: 'retry' });
      }
      if (child !== undefined && done === 1) {
        add(run, { type: 'wait-start', key: 'child', kind: 'child', fingerprint: '', child });
        drives(child, undefined);
        if (random(2) === 0)
          add(run, { type: 'wait-end', key: 'child', kind: 'child', fingerprint: '', outcome: { ok: true } });
      }
      if (random(5) === 0) {
        // The worker dies in the middle of a step, and somebody cancels.
        hear(run, { type: 'step-start', key: 'cut off', kind: 'tool', epoch, attempt: 1 });
        add(run, { type: 'run-cancel', reason: 'enough' });
        add(run, { type: 'run-end', status: 'cancelled', error: { code: 'RUN_CANCELLED', message: '' } });
        return;
      }
    }
    add(run, { type: 'run-end', status: 'completed', output: 1 });
  }

  drives(root.run, random(2) === 0 ? 'child' : undefined);
  return events;
}

const SEEDS = Array.from({ length: 150 }, (_, seed) => seed);
const committed = (events: readonly RunEvent[]): readonly RunEvent[] => events.filter(({ live }) => !live);

describe('EVT-5: the view of a run', () => {
  it('is the same wherever the events are cut, and whatever is heard twice after the cut', () => {
    for (const seed of SEEDS) {
      const events = history(seed);
      const whole = foldEvents(emptyView(root), events);
      for (let cut = 0; cut <= events.length; cut += 1) {
        const first = stored(foldEvents(emptyView(root), events.slice(0, cut)));
        expect(foldEvents(first, events.slice(cut))).toEqual(whole);
        // At least once is enough: what was delivered before the crash of a reader and not stored comes again.
        const overlap = Math.max(0, cut - 3);
        expect(foldEvents(first, [...committed(events.slice(overlap, cut)), ...events.slice(cut)])).toEqual(whole);
      }
    }
  });

  it('comes to what the journal alone says, whatever live events were heard, missed, or came too late', () => {
    for (const seed of SEEDS) {
      const events = history(seed);
      const random = chance(seed + 1_000);
      const journal = foldEvents(emptyView(root), committed(events));
      const live = events.filter((event) => event.live);
      const mangled = events.flatMap((event) => {
        const late = live[random(live.length)];
        const gap: RunEvent = { run: event.run, live: true, event: { type: 'gap', dropped: 1, characters: 2 } };
        if (event.live && random(3) === 0) return [gap];
        return late !== undefined && random(4) === 0 ? [event, late] : [event];
      });
      expect(foldEvents(emptyView(root), events)).toEqual(journal);
      expect(foldEvents(emptyView(root), [...mangled, ...live])).toEqual(journal);
      expect(stored(journal)).toEqual(journal);
    }
  });

  it('EVT-1: nothing is open in it once the run is over', () => {
    for (const seed of SEEDS) {
      const { runs } = foldEvents(emptyView(root), history(seed));
      for (const view of Object.values(runs)) {
        expect(Object.values(view.steps).filter(({ state }) => state === 'running' || state === 'paused')).toEqual([]);
        expect(Object.values(view.waits).filter(({ open }) => open)).toEqual([]);
        expect([view.live, view.requests, view.blocked]).toEqual([{}, [], undefined]);
      }
    }
  });

  it('its cursor is what reading goes on from: the root, and every child that has not ended', () => {
    for (const seed of SEEDS) {
      const events = history(seed);
      let cursor: EventCursor = {};
      for (const event of events) cursor = advanceCursor(root, cursor, event);
      expect(foldEvents(emptyView(root), events).cursor).toEqual(cursor);
      expect(Object.keys(cursor)).toEqual([root.run]);
    }
  });
});

describe('text in progress', () => {
  const hear = (event: LiveEvent): RunEvent => ({ run: root, live: true, event });
  const say = (text: string, offset: number, execution: { epoch?: number; attempt?: number } = {}): RunEvent =>
    hear({
      type: 'step-delta',
      key: 's',
      epoch: 1,
      attempt: 1,
      block: PLAIN_TEXT,
      offset,
      text,
      joined: 1,
      ...execution,
    });
  const textOf = (...events: readonly RunEvent[]) => {
    const [block] = foldEvents(emptyView(root), events).runs['root']?.live['s']?.blocks ?? [];
    return { text: block?.text ?? '', missing: block?.missing ?? 0 };
  };

  it('EVT-3: a hole is counted, and what is heard twice is text once', () => {
    expect(textOf(say('hello', 0), say('lo wor', 3), say('d', 10))).toEqual({ text: 'hello word', missing: 1 });
  });

  it('EVT-5: a repeated attempt and another epoch begin anew, and what an earlier one says late is left out', () => {
    const again = { attempt: 2 };
    expect(textOf(say('first', 0), say('sec', 0, again), say('!', 5), say('ond', 3, again)).text).toBe('second');
    const taken = { epoch: 2 };
    expect(textOf(say('dead', 0, again), say('alive', 0, taken), say('!', 4, again)).text).toBe('alive');
    expect(textOf(say('dead', 0), hear({ type: 'step-reset', key: 's', epoch: 2, attempt: 1 })).text).toBe('');
  });
});

describe('blocks of text in progress', () => {
  const say = (block: LiveBlock, offset: number, text: string, attempt = 1): RunEvent => ({
    run: root,
    live: true,
    event: { type: 'step-delta', key: 's', epoch: 1, attempt, block, offset, text, joined: 1 },
  });
  const call: LiveBlock = { id: 'c1', kind: 'tool-input', tool: 'search' };
  const thought: LiveBlock = { id: 'r', kind: 'reasoning' };
  const blocksOf = (...events: readonly RunEvent[]) =>
    foldEvents(emptyView(root), events).runs['root']?.live['s']?.blocks;

  it('EVT-5: each block is a text of its own, in the order in which they were begun', () => {
    const events = [say(thought, 0, 'hm'), say(call, 0, '{"a'), say(thought, 2, 'm'), say(call, 4, ':1}')];
    expect(blocksOf(...events)).toEqual([
      { ...thought, text: 'hmm', missing: 0 },
      { ...call, text: '{"a:1}', missing: 1 },
    ]);
  });

  it('EVT-5: a repeated attempt begins without the blocks of the one before', () => {
    expect(blocksOf(say(thought, 0, 'hm'), say(call, 0, '{}', 2))).toEqual([{ ...call, text: '{}', missing: 0 }]);
  });
});

it('TEL-1: a step shows the facts that it told of itself', () => {
  const facts = { of: 'tool', callId: 'c1', source: 'far', error: 'FAR_SAYS_NO' } as const;
  const at = (seq: number, body: EntryBody): RunEvent => ({
    run: root,
    live: false,
    entry: { ...body, seq, at: seq } as Entry,
  });
  const step = { kind: 'tool', fingerprint: '', attempt: 1, outcome: { ok: true }, durationMs: 0 } as const;
  const { steps = {} } =
    foldEvents(emptyView(root), [
      at(1, { type: 'run-start', definition: 'd', version: '1' }),
      at(2, { type: 'step-end', key: 's', ...step, facts }),
      at(3, { type: 'step-end', key: 't', ...step }),
    ]).runs['root'] ?? {};

  expect(steps['s']?.facts).toEqual(facts);
  expect(steps['t']).not.toHaveProperty('facts');
});

describe('the live part of the view', () => {
  const at = (seq: number, body: EntryBody): RunEvent => ({
    run: root,
    live: false,
    entry: { ...body, seq, at: seq } as Entry,
  });
  const say = (key: string, epoch: number, attempt = 1): RunEvent => ({
    run: root,
    live: true,
    event: { type: 'step-delta', key, epoch, attempt, block: PLAIN_TEXT, offset: 0, text: 'x', joined: 1 },
  });
  const start = at(1, { type: 'run-start', definition: 'd', version: '1' });
  const claim = (seq: number, epoch: number): RunEvent =>
    at(seq, { type: 'run-claim', worker: 'w', epoch, attempt: 1, definitionHash: '' });
  const end = (seq: number): RunEvent => {
    const outcome = { ok: true } as const;
    return at(seq, { type: 'step-end', key: 's', kind: 'step', fingerprint: '', attempt: 1, outcome, durationMs: 0 });
  };
  const liveAfter = (...events: readonly RunEvent[]): readonly string[] =>
    Object.keys(foldEvents(emptyView(root), events).runs['root']?.live ?? {});

  it('EVT-1: has what is under way, and no longer what has ended or whose drive is over', () => {
    expect(liveAfter(start, say('s', 1), say('t', 1))).toEqual(['s', 't']);
    expect(liveAfter(start, say('s', 1), say('t', 1), claim(2, 1), end(3))).toEqual(['t']);
    expect(liveAfter(start, say('s', 1), claim(2, 2))).toEqual([]);
    expect(liveAfter(start, say('s', 1), say('t', 2))).toEqual(['t']);
  });

  it('EVT-5: does not take up what comes too late', () => {
    expect(liveAfter(start, claim(2, 1), end(3), say('s', 1))).toEqual([]);
    const park = at(3, { type: 'run-park', waits: [], wakeAt: null });
    expect(liveAfter(start, claim(2, 1), park, say('s', 1))).toEqual([]);
    expect(liveAfter(start, claim(2, 1), park, say('s', 2))).toEqual(['s']);
    const error = { code: 'BUSY', message: '' };
    const pause = at(3, {
      type: 'step-pause',
      key: 's',
      kind: 'step',
      fingerprint: '',
      attempt: 1,
      until: 9,
      error,
      failures: 1,
      capacityMs: 0,
    });
    expect(liveAfter(start, claim(2, 1), say('s', 1), pause, say('s', 1))).toEqual([]);
    expect(liveAfter(start, claim(2, 1), pause, say('s', 1, 2))).toEqual(['s']);
  });
});

it('EVT-2: an entry that is missing is an error, and not another state', () => {
  const entry = (seq: number): RunEvent => ({
    run: root,
    live: false,
    entry: { type: 'note', name: 'n', data: null, seq, at: 0 },
  });
  const start: RunEvent = {
    run: root,
    live: false,
    entry: { type: 'run-start', definition: 'd', version: '1', seq: 1, at: 0 },
  };
  expect(() => foldEvents(emptyView(root), [start, entry(3)])).toThrow(TypeError);
});
