import { randomUUID } from 'node:crypto';
import { readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PrusikError } from '@prusik/core';
import { systemCode } from './directory.ts';
import { isRunning, ownProcessName } from './process-identity.ts';

/** `session` and `work` go beside each other, nothing beside `alone`; who asks for that waits for work to end, and for no session. */
type Hold = 'session' | 'work' | 'alone';

export interface WorkspaceLocks {
  /** @throws {PrusikError} `WORKSPACE_BUSY` (retryable) */
  take(name: string, hold: Hold, what: string): Promise<() => void>;
  /** Removes what dead processes left. */
  clean(): void;
}

const IN_WORDS: Readonly<Record<Hold, string>> = {
  session: 'a session is open on it',
  work: 'it is being read',
  alone: 'it is being changed',
};

/** How long what others do with the whole of a workspace is waited for. */
const PATIENCE_MS = 10_000;

/**
 * Who has what in use, in all processes of this machine. Each holder puts a file of its own into one folder and then looks for others that do not go with it: of two at
 * once at least one sees the other and takes its file back. Nothing is ever taken over: a file whose process is dead counts for nothing, and as
 * no two have the same name, removing it removes no other.
 */
export function createWorkspaceLocks(folder: string): WorkspaceLocks {
  const others = (name: string, own: string): readonly Hold[] => {
    try {
      return holdsBeside(name, own);
    } catch (error) {
      // No descriptor left, for one: what is not told to have been taken is not held.
      remove(join(folder, own));
      throw error;
    }
  };
  const holdsBeside = (name: string, own: string): readonly Hold[] => {
    const holds: Hold[] = [];
    for (const file of readdirSync(folder)) {
      if (file === own) continue;
      const [of, hold, process = ''] = file.split('!');
      if (of !== name) continue;
      if (isRunning(process)) holds.push(hold as Hold);
      else remove(join(folder, file));
    }
    return holds;
  };

  return {
    async take(name, hold, what) {
      const until = performance.now() + PATIENCE_MS;
      for (;;) {
        const own = `${name}!${hold}!${ownProcessName()}!${randomUUID()}`;
        const release = once(() => remove(join(folder, own)));
        writeFileSync(join(folder, own), '', { flag: 'wx' });
        for (;;) {
          const found = others(name, own);
          const inTheWay = hold === 'alone' ? found : found.filter((other) => other === 'alone');
          if (inTheWay.length === 0) return release;
          if (inTheWay.includes('session') || performance.now() > until) {
            release();
            throw new PrusikError(
              'WORKSPACE_BUSY',
              `${what} is in use: ${[...new Set(inTheWay)].map((other) => IN_WORDS[other]).join(', ')}. Try again when that has ended`,
              { retryable: true },
            );
          }
          // Who waits for work alone keeps its place, so that new work does not pass it for ever; everything else makes room.
          if (inTheWay.includes('alone')) break;
          await sleep(5);
        }
        release();
        await sleep(2 + Math.random() * 20);
      }
    },
    clean() {
      for (const file of readdirSync(folder)) if (!isRunning(file.split('!')[2] ?? '')) remove(join(folder, file));
    },
  };
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
}
