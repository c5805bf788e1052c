import type { Clock, Entry, RunEvent } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { fold, NO_PROGRESS } from '../src/cli/progress.ts';
import { createLiveView, createPlainView } from '../src/cli/progress-view.ts';
import type { Output } from '../src/cli/terminal.ts';

let seq = 0;
const event = (run: string, entry: Omit<Entry, 'seq' | 'at'> & Record<string, unknown>): RunEvent => ({
  run: { tenant: 'default', run },
  live: false,
  entry: { seq: ++seq, at: 0, ...entry } as Entry,
});
const ended = { fingerprint: '', attempt: 1, durationMs: 1 } as const;
const story: readonly RunEvent[] = [
  event('r', { type: 'run-start', definition: 'release', version: '1' }),
  event('r', { type: 'step-end', key: 'snapshot', kind: 'step', outcome: { ok: true }, ...ended }),
  event('r', { type: 'wait-start', key: 'writer \u001b[31msrc', kind: 'child', child: 'c', fingerprint: '' }),
  event('c', { type: 'run-start', definition: 'writer', version: '1' }),
  event('c', {
    type: 'step-end',
    key: 'model:1',
    kind: 'model',
    outcome: { ok: true },
    usage: { inputTokens: 1_000, outputTokens: 234 },
    ...ended,
  }),
  event('c', { type: 'step-end', key: 'tool:1', kind: 'tool', name: 'read_diff', outcome: { ok: true }, ...ended }),
  event('c', { type: 'run-end', status: 'completed' }),
  event('r', { type: 'wait-start', key: 'publish:approval', kind: 'request', request: 'q', fingerprint: '' }),
];

/** A terminal that keeps what was written, and a clock that is moved by hand. */
function stage(isTTY: boolean): { output: Output; writes: string[]; clock: Clock; tick: () => void } {
  const writes: string[] = [];
  let now = 0;
  let wake: (() => void) | undefined;
  return {
    writes,
    output: { write: (text) => void writes.push(text), isTTY, columns: 50, rows: 24, colors: false },
    clock: {
      now: () => now,
      monotonic: () => now,
      after(_, called) {
        wake = called;
        return {
          [Symbol.dispose]() {
            wake = undefined;
          },
        };
      },
    },
    tick() {
      now += 100;
      const woken = wake;
      wake = undefined;
      woken?.();
    },
  };
}

describe('a step that is put off', () => {
  it('DUR-13: says what it waits for', () => {
    const paused = event('r', {
      type: 'step-pause',
      key: 'model:1',
      kind: 'model',
      fingerprint: '',
      attempt: 1,
      until: 60_000,
      failures: 0,
      capacityMs: 60_000,
      error: { code: 'MODEL_CALL_FAILED', message: 'no room' },
    });

    const { parts } = [...story.slice(0, 1), paused].reduce(fold, NO_PROGRESS);

    expect(parts).toMatchObject([{ state: 'waits to try again: MODEL_CALL_FAILED', ended: false }]);
  });
});

describe('the progress of a release', () => {
  it('is a fold of its events: parts by the key of their call, calls and tokens', () => {
    const progress = story.reduce(fold, NO_PROGRESS);

    expect(progress).toMatchObject({ modelCalls: 1, toolCalls: 1, tokens: 1_234 });
    expect(progress.parts).toMatchObject([
      { name: 'release', state: 'waits for your decision', ended: false },
      { name: 'writer \u001b[31msrc', state: 'done', ended: true, calls: 2 },
    ]);
  });

  it('says of a step that failed what could not be done', () => {
    const failed = { ok: false, error: { code: 'X', message: 'x' } } as const;
    const states = ['snapshot', 'publish', 'other'].map((key) => {
      const progress = fold(
        NO_PROGRESS,
        event('r', { type: 'step-end', key, kind: 'step', outcome: failed, ...ended }),
      );
      return progress.parts[0]?.state;
    });

    expect(states).toEqual([
      'could not take a snapshot of the repository',
      'could not publish the notes',
      'other failed',
    ]);
  });

  it('is plain lines where there is no terminal, without anything that would drive one', () => {
    const { output, writes, clock } = stage(false);
    const view = createPlainView(output, clock);

    for (const one of story) view.take(one);
    view.finish();

    expect(writes.join('')).toBe(
      [
        '   0.0 s release: took a snapshot of the repository',
        '   0.0 s writer [31msrc: starting',
        '   0.0 s writer [31msrc: done (2 steps)',
        '   0.0 s release: waits for your decision',
        '   0.0 s 1 model call, 1 tool call, 1,234 tokens',
        '',
      ].join('\n'),
    );
  });

  it('makes room on a low terminal by what is done, and starts a new block after other text', () => {
    const { output, writes, clock, tick } = stage(true);
    const view = createLiveView({ ...output, rows: 5 }, clock);
    for (const one of story) view.take(one);
    view.take(event('d', { type: 'run-start', definition: 'other writer', version: '1' }));
    view.finish();
    expect(writes.at(-1)).not.toContain('[31msrc');
    expect(writes.at(-1)).toContain('and 1 more that are done');

    view.take(event('d', { type: 'run-end', status: 'completed' }));
    tick();

    expect(writes).toHaveLength(2);
    expect(writes[1]?.startsWith('\u001b[2K')).toBe(true);
  });

  it('is drawn in place on a terminal, once a frame and in one write, within its width', () => {
    const { output, writes, clock, tick } = stage(true);
    const view = createLiveView(output, clock);

    for (const one of story.slice(0, 5)) view.take(one);
    expect(writes).toEqual([]);
    tick();
    expect(writes).toHaveLength(1);
    for (const one of story.slice(5)) view.take(one);
    view.finish();
    tick();

    expect(writes).toHaveLength(2);
    // Up over the three lines that stand there, each cleared before it is written.
    expect(writes[1]?.startsWith('\u001b[3A\u001b[2K')).toBe(true);
    // oxlint-disable-next-line no-control-regex -- what drives the terminal is taken out to measure the rest
    for (const line of (writes[1] ?? '').replaceAll(/\u001b\[\d*[A-K]/g, '').split('\n')) {
      expect(line.length).toBeLessThan(50);
      expect(line).not.toContain('\u001b');
    }
  });
});
