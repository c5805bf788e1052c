/**
 * What the function awaits and no entry records: the messages of a thread, the check of a child's input. However long each takes, they are handed over
 * in the order in which they were asked for, one at a time, and no outcome of the journal between: otherwise a race of them would have another
 * winner on replay.
 */
export interface Reads {
  /** What `work` gives, when its turn comes; never when the drive is over before. */
  ask<T>(work: () => Promise<T> | T): Promise<T>;
  /** One was asked for and is not handed over yet. */
  pending(): boolean;
  /** Hands over the oldest, if it has come; says whether it did. */
  deliverNext(): boolean;
}

export function createReads(wake: () => void): Reads {
  const asked: { settle?: () => void }[] = [];
  return {
    ask<T>(work: () => Promise<T> | T) {
      return new Promise<T>((resolve, reject) => {
        const read: { settle?: () => void } = {};
        asked.push(read);
        const comesTo = (settle: () => void): void => {
          read.settle = settle;
          wake();
        };
        new Promise<T>((begun) => begun(work())).then(
          (value) => comesTo(() => resolve(value)),
          (error: unknown) => comesTo(() => reject(error)),
        );
      });
    },
    pending: () => asked.length > 0,
    deliverNext() {
      const settle = asked[0]?.settle;
      if (settle === undefined) return false;
      asked.shift();
      settle();
      return true;
    },
  };
}
