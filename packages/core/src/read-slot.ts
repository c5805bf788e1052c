import { PrusikError } from './errors.ts';
import { describeIssues } from './schema.ts';
import type { Slot, StoredSlot } from './slot.ts';
import { unawaited } from './unawaited.ts';

/**
 * What a slot holds among these, or its initial value.
 *
 * @throws {PrusikError} `SLOT_INVALID` when what is stored does not fit the schema that the slot has now.
 */
export function readSlot<Value>(slot: Slot<Value>, stored: readonly StoredSlot[]): Value {
  const found = stored.find(({ name }) => name === slot.name);
  return found === undefined ? slot.initial : checkSlotValue(slot, found.value);
}

/** @throws {PrusikError} `SLOT_INVALID` */
export function checkSlotValue<Value>({ name, schema }: Slot<Value>, value: unknown): Value {
  const result = schema['~standard'].validate(value);
  if (unawaited(result))
    throw new TypeError(`The schema of slot ${name} answers later; what a slot holds is checked at once`);
  if (result.issues === undefined) return result.value;
  const message = `What slot ${name} is to hold does not fit its schema: ${describeIssues(result.issues)}`;
  throw new PrusikError('SLOT_INVALID', message, { meta: { slot: name } });
}
