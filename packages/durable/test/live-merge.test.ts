import {
  PLAIN_TEXT,
  type Entry,
  type LiveBlock,
  type LiveText,
  type StepDelta,
  type StepReset,
  type StepStart,
} from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { createLiveBoard } from '../src/live-board.ts';
import { createLiveMerge } from '../src/live-merge.ts';
import { key } from './support.ts';

interface Execution {
  readonly epoch?: number;
  readonly attempt?: number;
}

const start = ({ epoch = 1, attempt = 1 }: Execution = {}): StepStart => ({
  type: 'step-start',
  key: 's',
  kind: 'model',
  epoch,
  attempt,
});
const delta = (text: string, offset: number, { epoch = 1, attempt = 1 }: Execution = {}): StepDelta => ({
  type: 'step-delta',
  key: 's',
  epoch,
  attempt,
  block: PLAIN_TEXT,
  offset,
  text,
  joined: 1,
});
const stored = (text: string, offset: number, { epoch = 1, attempt = 1 }: Execution = {}): LiveText => ({
  step: 's',
  kind: 'model',
  epoch,
  attempt,
  block: PLAIN_TEXT,
  offset,
  text,
  head: offset + text.length,
});

/** A merge, and what comes out of it: texts at their places, `-n` for n characters that are lost. */
function merging() {
  const out: string[] = [];
  const merge = createLiveMerge({
    push: (event: StepStart | StepDelta | StepReset) =>
      out.push(
        event.type === 'step-delta' ? `${event.offset} ${event.text}` : `${event.type} ${event.epoch}.${event.attempt}`,
      ),
    lose: (characters) => out.push(`-${characters}`),
  });
  const passed = (entry: object): void => merge.passed({ seq: 1, at: 0, ...entry } as Entry);
  return { merge, out, passed };
}

describe('text from the drives of this process and from the store', () => {
  it('EVT-2: is put together by its place: what is there already is left out', () => {
    const { merge, out } = merging();
    merge.read(stored('once upon', 0));
    merge.hear(start());
    merge.hear(delta('upon a ti', 5));
    merge.read(stored('once upon a time', 0));
    expect(out).toEqual(['step-start 1.1', '0 once upon', '9  a ti', '14 me']);
    expect(merge.have()).toEqual([{ step: 's', block: 'text', epoch: 1, attempt: 1, offset: 16 }]);
  });

  it('EVT-2: blocks of one step are put together each on its own', () => {
    const { merge, out } = merging();
    const call: LiveBlock = { id: 'c1', kind: 'tool-input', tool: 'search' };
    merge.hear(start());
    merge.hear(delta('hm', 0));
    merge.hear({ ...delta('{"a', 0), block: call });
    merge.read(stored('hmm', 0));
    merge.read({ ...stored('{"a":1}', 0), block: call });
    expect(out).toEqual(['step-start 1.1', '0 hm', '0 {"a', '2 m', '3 ":1}']);
    expect(merge.have().map(({ block, offset }) => [block, offset])).toEqual([
      ['text', 3],
      ['c1', 7],
    ]);
  });

  it('EVT-3: what is missing between, and at the end, is counted', () => {
    const { merge, out } = merging();
    merge.hear(start());
    merge.hear(delta('far', 4));
    merge.read({ ...stored('', 7), head: 9 });
    merge.read({ ...stored('', 9), head: 9 });
    merge.hear(delta('!', 9));
    expect(out).toEqual(['step-start 1.1', '-4', '4 far', '-2', '9 !']);
  });

  it('EVT-5: a later attempt and a later epoch begin with a reset, and what earlier ones say late is not heard', () => {
    const { merge, out } = merging();
    merge.hear(start());
    merge.hear(delta('dead', 0));
    merge.hear(start({ epoch: 2 }));
    merge.hear(delta('late', 4));
    merge.hear(start());
    merge.read(stored('dead and late', 0));
    merge.hear(delta('alive', 0, { epoch: 2 }));
    merge.read(stored('again', 0, { epoch: 2, attempt: 2 }));
    expect(out).toEqual([
      'step-start 1.1',
      '0 dead',
      'step-reset 2.1',
      'step-start 2.1',
      '0 alive',
      'step-reset 2.2',
      'step-start 2.2',
      '0 again',
    ]);
  });

  it('EVT-5: a repeated attempt is announced to one who was not there for the first', () => {
    const { merge, out } = merging();
    merge.hear(start({ attempt: 2 }));
    expect(out).toEqual(['step-reset 1.2', 'step-start 1.2']);
  });

  it('I3: nothing is heard of a step after its end, nor of a drive that is over', () => {
    const { merge, out, passed } = merging();
    merge.hear(start());
    merge.hear(delta('said', 0));
    passed({ type: 'run-claim', epoch: 1 });
    passed({ type: 'step-end', key: 's' });
    merge.hear(delta('late', 4));
    merge.read(stored('said late', 0));
    passed({ type: 'run-park' });
    merge.read({ ...stored('of another step', 0), step: 't' });
    expect(out).toEqual(['step-start 1.1', '0 said']);
    passed({ type: 'run-claim', epoch: 3 });
    merge.read({ ...stored('of the lost drive', 0, { epoch: 2 }), step: 't' });
    expect(out).toHaveLength(2);
  });

  it('I9: steps that are over are remembered within a bound', () => {
    const { merge, passed } = merging();
    for (let n = 0; n < 1_000; n += 1) {
      merge.read({ ...stored('x', 0), step: `s${n}` });
      passed({ type: 'step-end', key: `s${n}` });
    }
    expect(merge.have().length).toBeLessThanOrEqual(256);
  });
});

describe('the board of an engine', () => {
  it('I1: a drive that lost its run has no say any more, and what it had under way is over', () => {
    const over: string[] = [];
    const board = createLiveBoard({
      said: () => undefined,
      over: (blocks) => over.push(...blocks.map(({ epoch, text }) => `${epoch} ${text}`)),
    });
    const heard: string[] = [];
    board.listen(key('r'), (event) => heard.push(event.type === 'step-delta' ? event.text : `start ${event.epoch}`));
    const dead = board.speaker(key('r'), 1);
    const alive = board.speaker(key('r'), 2);
    dead({ type: 'start', key: 's', kind: 'step', attempt: 1 });
    dead({ type: 'text', key: 's', attempt: 1, block: PLAIN_TEXT, text: 'dead' });
    alive({ type: 'start', key: 's', kind: 'step', attempt: 1 });
    dead({ type: 'text', key: 's', attempt: 1, block: PLAIN_TEXT, text: 'late' });
    dead({ type: 'start', key: 't', kind: 'step', attempt: 1 });
    alive({ type: 'text', key: 's', attempt: 1, block: PLAIN_TEXT, text: 'alive' });
    alive({ type: 'over', key: 's' });

    expect(heard).toEqual(['start 1', 'dead', 'start 2', 'alive']);
    expect(over).toEqual(['1 dead', '2 alive']);
  });

  it('I9: one execution says so many texts side by side, and one more is a TypeError', () => {
    let said = 0;
    const board = createLiveBoard({ said: () => (said += 1), over: () => undefined });
    const speak = board.speaker(key('r'), 1);
    speak({ type: 'start', key: 's', kind: 'step', attempt: 1 });
    const say = (id: string): void =>
      speak({ type: 'text', key: 's', attempt: 1, block: { id, kind: 'text' }, text: 'x' });
    for (let n = 0; n < 1_000; n += 1) say(`b${n}`);
    expect(() => say('one more')).toThrow(TypeError);
    expect(() => say('')).toThrow(TypeError);
    say('b0');
    expect(said).toBe(1_001);
  });
});
