import type { SlotChange, StoredSlot, ThreadKey } from '@prusik/core';
import { frozen } from './frozen.ts';
import { createKeyed } from './keyed.ts';

/** What the slots of sessions and runs hold. */
export interface MemorySlots {
  /** By name. */
  of(owner: ThreadKey): readonly StoredSlot[];
  save(owner: ThreadKey, changes: readonly SlotChange[]): void;
  remove(owner: ThreadKey): void;
}

export function createMemorySlots(): MemorySlots {
  const owners = { session: createKeyed<readonly StoredSlot[]>(), run: createKeyed<readonly StoredSlot[]>() };
  const slotsOf = ({ tenant, of, id }: ThreadKey): readonly StoredSlot[] => owners[of].get(tenant, id) ?? [];

  return {
    of: slotsOf,
    save(owner, changes) {
      const held = new Map(slotsOf(owner).map((slot) => [slot.name, slot]));
      for (const { name, value } of changes) {
        if (value === undefined) held.delete(name);
        else held.set(name, { name, value });
      }
      const byName = [...held.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
      owners[owner.of].set(owner.tenant, owner.id, frozen(byName));
    },
    remove: ({ tenant, of, id }) => owners[of].delete(tenant, id),
  };
}
