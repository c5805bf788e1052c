import {
  blobsOf,
  checkMessage,
  PrusikError,
  type DurableDefinition,
  type InputScope,
  type Json,
  type Message,
  type NewRun,
} from '@prusik/core';
import { bounded } from './bounded.ts';
import type { EngineLimits } from './engine-types.ts';

export async function parseInput(
  definition: DurableDefinition<never, unknown, unknown>,
  input: unknown,
  { maxValueBytes }: EngineLimits,
  putBlob: InputScope['putBlob'],
): Promise<Json> {
  const parsed = definition.parseInput === undefined ? input : await definition.parseInput(input, { putBlob });
  return bounded('input of a run', parsed, maxValueBytes, 'RUN_INPUT_TOO_LARGE');
}

/** @throws {PrusikError} `MESSAGE_INVALID`, and `MESSAGE_ID_TAKEN` where two have one id */
export function openingMessages(
  definition: DurableDefinition<never, unknown, unknown>,
  input: Json,
): readonly Message[] {
  const messages = definition.openingMessages?.(input) ?? [];
  const ids = new Set<string>();
  for (const message of messages) {
    checkMessage(message);
    if (ids.has(message.id))
      throw new PrusikError('MESSAGE_ID_TAKEN', `${definition.name} begins with two messages of the id ${message.id}`, {
        meta: { message: message.id },
      });
    ids.add(message.id);
  }
  return messages;
}

/** Hashes of the blobs that a run's first messages name, and of others that it needs. */
export function blobsFor(messages: readonly Message[], more: readonly string[] = []): Pick<NewRun, 'blobs'> {
  const blobs = [...new Set([...more, ...messages.flatMap(blobsOf)])];
  return blobs.length === 0 ? {} : { blobs };
}
