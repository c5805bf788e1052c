import type { DriveCore, Halt } from './drive-core.ts';

/** Why the run is to be blocked that has ended without asking for something on record. */
export function leftOut({
  state,
  delivery,
  announced,
}: Pick<DriveCore, 'state' | 'delivery' | 'announced'>): Halt | undefined {
  // What was announced here was not begun.
  const waiting = new Set(announced.waiting().map(({ key }) => key));
  const left = (keys: Iterable<string>): string | undefined =>
    [...keys].find((key) => !delivery.hasAsked(key) && !waiting.has(key));
  const once = [...state.intents].flatMap(([key, { effect }]) => (effect === 'once' ? [key] : []));
  const doubt = left(once);
  if (doubt !== undefined) {
    // Must not vanish with the end of the run.
    const message = `Step ${doubt} was begun, nobody knows whether it happened, and the function no longer asks for it`;
    return { type: 'block', code: 'STEP_IN_DOUBT', message, key: doubt };
  }
  // What it has asked for may have come while its children were told: that it ended before is no divergence.
  const unasked = left([
    ...state.outcomes.keys(),
    ...state.waits.keys(),
    ...state.pauses.keys(),
    ...state.intents.keys(),
  ]);
  if (unasked === undefined) return undefined;
  const message = `The code no longer fits the journal: the function ended without asking for ${unasked}, which is recorded`;
  return { type: 'block', code: 'RUN_DIVERGED', message };
}
