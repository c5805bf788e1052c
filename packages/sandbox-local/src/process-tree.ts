import { readdirSync, readFileSync } from 'node:fs';

/** Pids of the children of a process's main thread; none when it is gone or the kernel does not tell. */
export function childrenOf(pid: number): readonly number[] {
  return numbersIn(`/proc/${pid}/task/${pid}/children`);
}

/** False once a process is gone, or a zombie that only waits to be reaped. */
export function isAlive(pid: number): boolean {
  try {
    const state = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.[0];
    return state !== undefined && state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}

/** Sends a signal to a process that may be gone. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

function numbersIn(path: string): readonly number[] {
  try {
    return readFileSync(path, 'latin1').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** A bound for what never ends in a tree that forks faster than it is read. */
const MOST = 10_000;

/** Pids of a process and of all its descendants that have not been adopted elsewhere. */
export function treeOf(pid: number): readonly number[] {
  const found = [pid];
  for (let index = 0; index < found.length && found.length < MOST; index++) {
    const parent = found[index] as number;
    for (const thread of threadsOf(parent)) found.push(...numbersIn(`/proc/${parent}/task/${thread}/children`));
  }
  return found;
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}
