/** Runs work at most `limit` at a time, first come, first served; work that is `alone` while nothing else of it runs. */
export type Slots = <T>(work: () => Promise<T>, alone?: boolean) => Promise<T>;

export function createSlots(limit: number): Slots {
  let running = 0;
  let closed = false;
  const queue: { readonly alone: boolean; readonly enter: () => void }[] = [];

  const fits = (alone: boolean): boolean => (alone ? running === 0 : !closed && running < limit);

  function take(alone: boolean): void {
    running += 1;
    closed = alone;
  }

  return async (work, alone = false) => {
    if (queue.length === 0 && fits(alone)) take(alone);
    else await new Promise<void>((enter) => queue.push({ alone, enter }));
    try {
      return await work();
    } finally {
      running -= 1;
      closed = false;
      // Slots are handed over, not freed and taken: nobody can come in between.
      for (let [first] = queue; first !== undefined && fits(first.alone); [first] = queue) {
        queue.shift();
        take(first.alone);
        first.enter();
      }
    }
  };
}
