/** Runs work at most `limit` at a time, first come, first served. */
export type Slots = <T>(work: () => Promise<T>) => Promise<T>;

export function createSlots(limit: number): Slots {
  let free = limit;
  const queue: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    // The slot is handed over, not freed and taken: nobody can come in between.
    else await new Promise<void>((enter) => queue.push(enter));
    try {
      return await work();
    } finally {
      const enter = queue.shift();
      if (enter === undefined) free += 1;
      else enter();
    }
  };
}
