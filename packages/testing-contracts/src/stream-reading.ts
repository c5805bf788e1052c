import assert from 'node:assert/strict';
import type { Entry, LiveEvent, RunEvent, RunKey, StepDelta } from '@prusik/core';

export const KEY: RunKey = { tenant: 'default', run: 'r' };

/** All that comes, until it ends. */
export async function all(events: AsyncIterable<RunEvent>): Promise<readonly RunEvent[]> {
  const seen: RunEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

export function entries(events: readonly RunEvent[], run: string = KEY.run): readonly Entry[] {
  return events.flatMap((event) => (!event.live && event.run.run === run ? [event.entry] : []));
}

export function live(events: readonly RunEvent[]): readonly LiveEvent[] {
  return events.flatMap((event) => (event.live ? [event.event] : []));
}

export function deltas(events: readonly RunEvent[]): readonly StepDelta[] {
  return live(events).filter((event) => event.type === 'step-delta');
}

export const types = (events: readonly RunEvent[]): readonly string[] =>
  events.map((event) => (event.live ? event.event.type : event.entry.type));

/** Pulls until `enough`, and leaves the reader open. */
export async function pull(
  reader: AsyncIterator<RunEvent>,
  enough: (seen: readonly RunEvent[]) => boolean,
): Promise<readonly RunEvent[]> {
  const seen: RunEvent[] = [];
  while (!enough(seen)) {
    const { done, value } = await inTime(reader.next());
    assert.notEqual(done, true, 'The events ended too early');
    seen.push(value as RunEvent);
  }
  return seen;
}

/** The answer, or a failed assertion where none comes. */
export async function inTime<T>(answer: Promise<T>, withinMs = 2_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const why = new assert.AssertionError({ message: `Nothing came within ${withinMs} ms` });
    timer = setTimeout(() => reject(why), withinMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A promise whose rejection is no news when its test has failed before it was awaited. */
export function begun<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
