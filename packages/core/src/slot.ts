import type { Json } from './json.ts';
import type { InferOutput, StandardSchema } from './schema.ts';
import { checkId } from './ids.ts';

/** A typed place for state of a session, or of a run that is in none. Made by {@link defineSlot}. */
export interface Slot<Value = unknown> {
  /** Unique within a session, at most 64 characters. */
  readonly name: string;
  readonly schema: StandardSchema<unknown, Value>;
  /** What it holds until something was written. */
  readonly initial: Value;
}

/**
 * A value that tools keep beside the conversation: what is in the basket, which file is open. It is written in the commit of the step that changes it,
 * and its schema is asked at every read and write, at once: one that answers later cannot be used.
 *
 * @throws {TypeError} for a name that cannot be one.
 */
export function defineSlot<Schema extends StandardSchema>(slot: {
  readonly name: string;
  readonly schema: Schema;
  readonly initial: NoInfer<InferOutput<Schema>>;
}): Slot<InferOutput<Schema>> {
  checkId('slot', slot.name);
  // The schema is said to give what it gives.
  return slot as Slot<InferOutput<Schema>>;
}

/** What a slot holds, as the store keeps it. */
export interface StoredSlot {
  readonly name: string;
  readonly value: Json;
}

/** A change of a slot; without a value it is emptied. */
export interface SlotChange {
  readonly name: string;
  readonly value?: Json;
}

/** Slots of one session that hold something, or of one run that is in none, at most. */
export const SLOT_LIMIT = 64;

/** What the body of a step does with slots. */
export interface StepSlots {
  /**
   * What it holds, as far as committed steps and this one have written.
   *
   * @throws {PrusikError} `SLOT_INVALID` for what is stored and does not fit the schema.
   */
  get<Value>(slot: Slot<Value>): Promise<Value>;
  /**
   * Written with the step's outcome; of two steps at once the one that is recorded last wins.
   *
   * @throws {PrusikError} `SLOT_INVALID`, `VALUE_TOO_LARGE` past 64 KiB.
   */
  set<Value>(slot: Slot<Value>, value: Value): Promise<void>;
  /**
   * Written with the step's outcome, from what the slot holds then, so that of several steps at once none undoes what another did. `change` must be
   * pure: it is called now, for what is returned, and once more when the step is recorded.
   *
   * @throws {PrusikError} as `set` does.
   */
  update<Value>(slot: Slot<Value>, change: (value: Value) => Value): Promise<Value>;
}
