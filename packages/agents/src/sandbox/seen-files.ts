import { defineSlot, type Slot, type StandardSchema, type StepSlots } from '@prusik/core';
import type { SeenFiles } from './sandbox-tool.ts';
import { SANDBOX_TOOL_LIMITS } from './tool-limits.ts';

/** Paths with the hash of what was seen, the newest last. */
type Seen = readonly (readonly [path: string, hash: string])[];

/** Well below what a slot may hold. */
const MOST_BYTES = 49_152;

const isSeen = (value: unknown): value is Seen =>
  Array.isArray(value) &&
  value.every((one) => Array.isArray(one) && one.length === 2 && one.every((part) => typeof part === 'string'));

const schema: StandardSchema<unknown, Seen> = {
  '~standard': {
    version: 1,
    vendor: 'prusik',
    validate: (value) => (isSeen(value) ? { value } : { issues: [{ message: 'expected paths with hashes' }] }),
  },
};

/** Beside the conversation, so that it outlives the process and goes with a fork of the session. */
const SEEN_FILES: Slot<Seen> = defineSlot({ name: 'sandbox-files', schema, initial: [] });

/** The oldest are forgotten where there are too many: the model is then asked to read again. */
function remember(seen: Seen, path: string, hash: string): Seen {
  const all = [...seen.filter(([other]) => other !== path), [path, hash] as const];
  let bytes = 0;
  const kept = all.toReversed().filter((one, index) => {
    bytes += Buffer.byteLength(JSON.stringify(one)) + 1;
    return index < SANDBOX_TOOL_LIMITS.filesSeen && bytes <= MOST_BYTES;
  });
  return kept.toReversed();
}

const hashOf = (seen: Seen, path: string): string | undefined => seen.find(([one]) => one === path)?.[1];

/** For as long as this process has it. */
export function seenInMemory(): SeenFiles {
  let seen: Seen = [];
  return {
    get: async (path) => hashOf(seen, path),
    async set(path, hash) {
      seen = remember(seen, path, hash);
    },
  };
}

/** In the slot of a run's session, written with the step. */
export function seenInSlot(slots: StepSlots): SeenFiles {
  return {
    get: async (path) => hashOf(await slots.get(SEEN_FILES), path),
    async set(path, hash) {
      await slots.update(SEEN_FILES, (seen) => remember(seen, path, hash));
    },
  };
}
