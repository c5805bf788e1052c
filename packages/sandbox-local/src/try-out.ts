import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import type { Identity } from './identity.ts';
import type { Isolation } from './isolation.ts';
import { inheritableDescriptors } from './descriptors.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { probe, PROBE_PROCESSES } from './probe.ts';
import { createSession } from './session.ts';
import { createWorkspaceStore } from './workspace-store.ts';

/** Isolations that held in this process. What refused is tried again. */
const held = new Map<string, Promise<void>>();

/** Probes an isolation once in the life of this process, in a workspace of its own. */
export function tryOut(isolation: Isolation, root: string, owner: Identity | undefined): Promise<void> {
  const known = held.get(isolation.key);
  if (known !== undefined) return known;
  const trial = runTrial(isolation, root, owner);
  held.set(isolation.key, trial);
  trial.catch(() => held.delete(isolation.key));
  return trial;
}

async function runTrial({ launcher }: Isolation, root: string, owner: Identity | undefined): Promise<void> {
  const name = `trial-${randomUUID()}`;
  const store = createWorkspaceStore({ root: join(root, name), owner, now: Date.now });
  try {
    await store.create({ id: name });
    const { place, leave } = await store.enter(name);
    const session = await createSession({
      launcher,
      place,
      limits: { ...DEFAULT_LIMITS, processes: PROBE_PROCESSES },
      mounts: [],
      network: 'none',
      level: launcher.level,
      inheritable: await inheritableDescriptors(),
      env: {},
      owner,
      takeSlot: () => () => {},
      onDispose: leave,
    });
    try {
      await probe(session, join(root, name, 'outside'));
    } finally {
      await session[Symbol.asyncDispose]();
    }
  } finally {
    await rm(join(root, name), { recursive: true, force: true });
  }
}
