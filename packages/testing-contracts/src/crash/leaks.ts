import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What this process holds, counted before something is done and compared after it. */
export interface LeakCounter {
  /**
   * What there is more of than at the start, such as `+1 Timeout` or `+2 child process`. Handles close a little after they are told to, so
   * it looks again for up to `withinMs`. @default 2_000
   */
  leaks(withinMs?: number): Promise<readonly string[]>;
}

/**
 * Counts timers, handles, requests, listeners on `process`, and on Linux open files and child processes. Make it after everything that is
 * to stay, a worker of the test runner's too, has been set up.
 */
export function leakCounter(): LeakCounter {
  const before = count();
  const grown = (): readonly string[] =>
    [...count()].flatMap(([what, now]) => {
      const more = now - (before.get(what) ?? 0);
      return more > 0 ? [`+${more} ${what}`] : [];
    });
  return {
    async leaks(withinMs = 2_000) {
      for (let waited = 0; ; waited += 20) {
        const found = grown();
        if (found.length === 0 || waited >= withinMs) return found;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

function count(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const add = (what: string, more = 1): void => void counts.set(what, (counts.get(what) ?? 0) + more);
  for (const resource of process.getActiveResourcesInfo()) add(resource);
  for (const event of process.eventNames()) add(`listener of ${String(event)}`, process.listenerCount(event));
  for (const file of openFiles()) add(`open file ${file}`);
  add('child process', children());
  return counts;
}

/** By name where the name says something: what is anonymous shows among the handles. */
function openFiles(): readonly string[] {
  return list('/proc/self/fd').flatMap((fd) => {
    try {
      const file = readlinkSync(`/proc/self/fd/${fd}`);
      return file.startsWith('/') && !/^\/(proc|dev)\//.test(file) ? [file] : [];
    } catch {
      return []; // the descriptor of the listing itself
    }
  });
}

function children(): number {
  return list('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === process.pid).length;
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not Linux
  }
}
