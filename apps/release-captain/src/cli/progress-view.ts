import type { Clock, RunEvent } from '@prusik/core';
import { count } from '../notes/semver.ts';
import { fold, NO_PROGRESS, type PartProgress, type Progress } from './progress.ts';
import { paint, printable, type Output } from './terminal.ts';

/** Shows a release while it runs. */
export interface ProgressView {
  /** @param old Counts and names its part, and is no news. @default false */
  take(event: RunEvent, old?: boolean): void;
  /** Leaves the last state standing; nothing is drawn after it. */
  finish(): Progress;
}

const FRAME_MS = 100;
const PARTS_SHOWN = 16;

/** A block of lines that is drawn again in place, at most ten times a second, each time in one write: nothing flickers. */
export function createLiveView(output: Output, clock: Clock): ProgressView {
  const started = clock.monotonic();
  let progress = NO_PROGRESS;
  let drawn = 0;
  let timer: Disposable | undefined;

  const draw = (): void => {
    timer = undefined;
    const lines = linesOf(progress, clock.monotonic() - started, output);
    const up = drawn === 0 ? '' : `\u001b[${drawn}A`;
    output.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}\u001b[0J`);
    drawn = lines.length;
  };
  return {
    take(event) {
      progress = fold(progress, event);
      timer ??= clock.after(FRAME_MS, draw);
    },
    finish() {
      timer?.[Symbol.dispose]();
      if (progress.parts.length > 0) draw();
      // Other text follows: the next block stands below it.
      drawn = 0;
      return progress;
    },
  };
}

/** One line for each change that a reader of a log wants to know, and none twice. */
export function createPlainView(output: Output, clock: Clock): ProgressView {
  const started = clock.monotonic();
  let progress = NO_PROGRESS;
  return {
    take(event, old = false) {
      const before = progress;
      progress = fold(progress, event);
      if (event.live || old) return;
      for (const [index, part] of progress.parts.entries()) {
        const past = before.parts[index];
        if (past === part || !isNews(part, past, event)) continue;
        output.write(
          `${seconds(clock.monotonic() - started)} ${printable(part.name)}: ${printable(part.state)}${callsOf(part)}\n`,
        );
      }
    },
    finish() {
      output.write(`${totals(progress, clock.monotonic() - started)}\n`);
      return progress;
    },
  };
}

/** Calls of a model or a tool are counted, not listed. */
function isNews(part: PartProgress, old: PartProgress | undefined, event: Extract<RunEvent, { live: false }>): boolean {
  if (part.state === '' || part.state === old?.state) return false;
  return event.entry.type !== 'step-end' || event.entry.kind === 'step' || event.entry.key === 'publish';
}

function linesOf(progress: Progress, elapsedMs: number, output: Output): readonly string[] {
  const shown = partsThatFit(progress.parts, Math.min(PARTS_SHOWN, output.rows - 3));
  const more = progress.parts.length - shown.length;
  const width = Math.max(20, output.columns - 1);
  const names = Math.min(32, Math.max(...shown.map(({ name }) => name.length), 0));
  return [
    ...shown.map((part) => {
      const mark = part.ended ? (part.state === 'done' ? '✓' : '✗') : '·';
      const text = `${mark} ${printable(part.name).slice(0, names).padEnd(names)}  ${printable(part.state)}${callsOf(part)}`;
      const style = part.ended ? (part.state === 'done' ? 'green' : 'red') : 'bold';
      return paint(output, style, text.slice(0, width));
    }),
    ...(more > 0 ? [`  and ${more} more that are done`] : []),
    paint(output, 'dim', totals(progress, elapsedMs).slice(0, width)),
  ];
}

/** A block taller than the terminal could not be drawn in place: what is done makes room first. */
function partsThatFit(parts: readonly PartProgress[], room: number): readonly PartProgress[] {
  const excess = parts.length - Math.max(1, room);
  const doneFirst = parts.toSorted((a, b) => Number(b.ended) - Number(a.ended));
  const hidden = new Set(doneFirst.slice(0, Math.max(0, excess)));
  return parts.filter((part) => !hidden.has(part));
}

function callsOf({ calls, ended }: PartProgress): string {
  return ended && calls > 0 ? ` (${count(calls, 'step')})` : '';
}

function totals({ modelCalls, toolCalls, tokens }: Progress, elapsedMs: number): string {
  return `${seconds(elapsedMs)} ${count(modelCalls, 'model call')}, ${count(toolCalls, 'tool call')}, ${tokens.toLocaleString('en-US')} tokens`;
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1).padStart(6)} s`;
