import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Effect, RunKey, Store } from '@prusik/core';

/** What happened in the world, as it is told outside of every store. */
export type EffectLine =
  /** A step's body acted. */
  | {
      readonly type: 'effect';
      readonly run: RunKey;
      readonly step: string;
      readonly effect: Effect;
      readonly idempotencyKey: string;
    }
  /** The store answered that the outcome of a step or wait is committed. */
  | {
      readonly type: 'acknowledged';
      readonly run: RunKey;
      readonly key: string;
      readonly seq: number;
      /** Under which the holder wrote. */
      readonly epoch: number;
    };

/** Writes one line of what happened outside of the store; it is with the reader when the call returns. */
export type WriteLine = (line: EffectLine) => void;

const PATIENCE = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes lines to a pipe of the parent's. When the call returns the kernel has the line, so that what happened before a SIGKILL is
 * known, and what did not happen is not told.
 */
export function writeLinesTo(fd: number): WriteLine {
  return (line) => {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    for (let written = 0; written < bytes.length;) {
      try {
        written += writeSync(fd, bytes, written);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        Atomics.wait(PATIENCE, 0, 0, 1); // the pipe is full until the parent reads
      }
    }
  };
}

/** Reads lines until the pipe's other end is gone; one that was cut off by a death is left out. */
export async function readLinesFrom(pipe: Readable, write: WriteLine): Promise<void> {
  for await (const text of createInterface({ input: pipe })) {
    const line = parse(text);
    if (line !== undefined) write(line);
  }
}

function parse(text: string): EffectLine | undefined {
  try {
    return JSON.parse(text) as EffectLine;
  } catch {
    return undefined;
  }
}

/** A store that tells of every outcome when, and only when, its commit was answered. */
export function acknowledgingStore(inner: Store, write: WriteLine): Store {
  return {
    ...inner,
    async commit(commit) {
      const answer = await inner.commit(commit);
      if (answer.outcome !== 'committed') return answer;
      const first = answer.seq - commit.entries.length + 1;
      for (const [index, entry] of commit.entries.entries()) {
        if (entry.type === 'step-end' || entry.type === 'wait-end')
          write({ type: 'acknowledged', run: commit.run, key: entry.key, seq: first + index, epoch: commit.epoch });
      }
      return answer;
    },
  };
}
