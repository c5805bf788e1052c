import {
  checkSlotValue,
  PrusikError,
  readSlot,
  SLOT_LIMIT,
  threadOf,
  type Run,
  type Slot,
  type SlotChange,
  type StepSlots,
  type Store,
  type StoredSlot,
} from '@prusik/core';
import { bounded } from './bounded.ts';

/** The slots of one drive's run: what its steps have written, and what is on its way. Nobody else writes them while it holds its session. */
export interface RunSlots {
  open(): OpenSlots;
  /** A step's changes were not recorded: what is there is read again. */
  forget(): void;
}

/** What one execution of a step does with slots. */
export interface OpenSlots {
  readonly scope: StepSlots;
  /** What is to be written, from what the slots hold now. Called once, right before the outcome is committed. @throws {PrusikError} */
  settle(): readonly SlotChange[];
}

type Change = (stored: readonly StoredSlot[]) => StoredSlot;

export function createRunSlots(store: Store, run: Run, maxBytes: number): RunSlots {
  let held: Promise<readonly StoredSlot[]> | undefined;
  let latest: readonly StoredSlot[] = [];

  /** Read once; after that this drive is the only one that writes. */
  async function load(): Promise<readonly StoredSlot[]> {
    held ??= store.slots(threadOf(run)).then((stored) => (latest = stored));
    try {
      await held;
    } catch (cause) {
      held = undefined;
      throw cause;
    }
    return latest;
  }

  const written = <Value>(slot: Slot<Value>, value: unknown): StoredSlot => ({
    name: slot.name,
    value: bounded(`value of slot ${slot.name}`, checkSlotValue(slot, value), maxBytes),
  });

  function put(stored: readonly StoredSlot[], one: StoredSlot): readonly StoredSlot[] {
    const others = stored.filter(({ name }) => name !== one.name);
    if (others.length < SLOT_LIMIT) return [...others, one];
    throw new PrusikError('TOO_MANY_SLOTS', `There are ${SLOT_LIMIT} slots that hold something already`, {
      meta: { slot: one.name, maxSlots: SLOT_LIMIT },
    });
  }

  return {
    open() {
      const changes: Change[] = [];
      const after = (stored: readonly StoredSlot[]): readonly StoredSlot[] =>
        changes.reduce((all, change) => put(all, change(all)), stored);
      const add = async (change: Change): Promise<readonly StoredSlot[]> => {
        const before = after(await load());
        const now = put(before, change(before));
        changes.push(change);
        return now;
      };
      return {
        scope: {
          get: async (slot) => structuredClone(readSlot(slot, after(await load()))),
          async set(slot, value) {
            const one = written(slot, value);
            await add(() => one);
          },
          async update(slot, change) {
            const now = await add((stored) => written(slot, change(structuredClone(readSlot(slot, stored)))));
            return structuredClone(readSlot(slot, now));
          },
        },
        settle() {
          if (changes.length === 0) return [];
          const before = latest;
          latest = after(before);
          return latest.filter((one) => !before.includes(one));
        },
      };
    },
    forget() {
      held = undefined;
    },
  };
}
