import {
  isFinal,
  PrusikError,
  withChildren,
  type AnyDefinition,
  type CallOptions,
  type DurableContext,
  type DurableDefinition,
  type Run,
  type RunKey,
  type Store,
} from '@prusik/core';
import { createEngine, type Engine } from '@prusik/durable';
import {
  acknowledgingStore,
  fakeClock,
  inspectStore,
  type EffectLine,
  type Inspection,
  type StoreStorage,
} from '@prusik/testing-contracts';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { z } from 'zod';
import { stoppingStore } from './stopping-store.ts';

export const OWNER_ENDS = ['returns', 'throws', 'is cancelled'] as const;
export const CHILD_ENDS = ['completes', 'fails', 'is cancelled', 'times out', 'blocks'] as const;
/** When the child ends, seen from the end of its owner: `at once` means that the owner learns of both by one look into its inbox. */
export const INSTANTS = ['before', 'at once', 'after'] as const;
/** A hot child holds its owner in memory too; a parked one is met through the store. */
export const CHILDREN = ['hot', 'parked'] as const;
export const OWNERS = ['workflow', 'function'] as const;

export interface Ordering {
  readonly owner: (typeof OWNERS)[number];
  readonly ownerEnd: (typeof OWNER_ENDS)[number] | 'times out';
  readonly childEnd: (typeof CHILD_ENDS)[number];
  readonly instant: (typeof INSTANTS)[number];
  readonly child: (typeof CHILDREN)[number];
  /** The child is one that goes on when its owner ends. */
  readonly left?: true;
}

const OWNER: RunKey = { tenant: 'default', run: 'owner' };
const LIMITS = { leaseMs: 30_000, heartbeatMs: 10_000, parkAfterMs: 0, cancelGraceMs: 0 };
/** Longer than all that is waited for otherwise. */
const TIME_MS = 120_000;
const MODEL_CALL = { kind: 'model', reserve: { calls: 1, tokens: 100 } } as const;

/** What came of one ordering, when nothing moves any more. */
export interface Settlement {
  /** Ran to the end without the process that was to be stopped getting so far. */
  readonly stopped: boolean;
  readonly owner: Run;
  readonly child: Run;
  /** What the owner's journal has of the call: the code of its error, `completed`, or nothing. */
  readonly heard: string | undefined;
  /** Runs in the order of their ends. */
  readonly order: readonly string[];
  readonly inspection: Inspection;
  /** Writes under a lease that another had taken over by then. */
  readonly late: number;
}

/**
 * An owner with one child, brought to its end in the order that is asked for. The process that drives them is stopped right before its
 * commit number `stopAt`, another takes over when the leases are past, and as soon as it has what was to be written, the first one goes on.
 */
export async function settle(
  ordering: Ordering,
  storage: StoreStorage,
  stopAt: number | undefined,
): Promise<Settlement> {
  const clock = fakeClock();
  const order: string[] = [];
  const lines: EffectLine[] = [];
  const world = createWorld(lines);
  const first = await storage.open({ clock });
  const second = await storage.open({ clock });
  let late = 0;
  let takenOver = false;
  let commits = 0;

  /** Notes what is written. */
  const noted = (inner: Store): Store => ({
    ...inner,
    async commit(commit) {
      const holder = (await inner.run(commit.run))?.epoch;
      const answer = await inner.commit(commit);
      if (answer.outcome !== 'committed') return answer;
      if (commit.epoch !== holder) late += 1;
      if (commit.transition?.type === 'end') order.push(commit.run.run);
      return answer;
    },
  });
  /** Keeps the owner from its inbox while the world says so. */
  const gated = (inner: Store): Store => ({
    ...inner,
    async inbox(run, page) {
      if (run.run === OWNER.run) await world.inboxOpened();
      return inner.inbox(run, page);
    },
  });
  const stopping = stoppingStore(noted(first), () => (commits += 1) === stopAt);
  const engineOn = (store: Store): Engine =>
    createEngine({
      store: acknowledgingStore(gated(store), world.write),
      definitions: definitionsOf(ordering, world),
      limits: LIMITS,
      clock,
    });
  const engines = [engineOn(stopping.store)];
  engines[0]?.worker();
  const read = async (run: RunKey): Promise<Run | undefined> => second.run(run);
  const readChild = async (): Promise<Run | undefined> => {
    const [child] = (await second.listRuns({ tenant: 'default', parent: OWNER.run, limit: 2 })).items;
    return child && second.run(child.key);
  };

  function takeOver(): void {
    takenOver = true;
    clock.advance(LIMITS.leaseMs);
    const engine = engineOn(noted(second));
    engines.push(engine);
    engine.worker();
  }

  /** Others hold what it was about to write. */
  async function isOutrun(): Promise<boolean> {
    const { run, epoch } = stopping.stoppedAt() ?? { run: OWNER, epoch: 0 };
    return ((await read(run))?.epoch ?? epoch) !== epoch;
  }

  async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
    for (let turns = 0; turns < 3_000; turns += 1) {
      const found = await look();
      if (found !== undefined) return found;
      if (stopping.stopped() && !takenOver) takeOver();
      if (takenOver && (await isOutrun())) stopping.resume();
      // Workers on a file also look by themselves.
      if (second.capabilities.multiProcess) clock.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { items } = await second.listRuns({ tenant: 'default', limit: 3 });
    const states = items.map(({ definition, status, epoch }) => `${definition} is ${status}, epoch ${epoch}`);
    throw new Error(`${what}, and it does not come: ${states.join('; ')}; stopped before ${stopAt ?? 'none'}`);
  }

  const ended = (run: Run | undefined): Run | undefined => (run !== undefined && isFinal(run.status) ? run : undefined);
  const heard = async (): Promise<string | undefined> => {
    const entries = await second.entries(OWNER, { after: 0, limit: 100 });
    const end = entries.find((entry) => entry.type === 'wait-end' && entry.key === 'c');
    if (end?.type !== 'wait-end') return undefined;
    return end.outcome.ok ? 'completed' : end.outcome.error.code;
  };
  const person = (): Engine => {
    const engine = createEngine({ store: second, definitions: [], clock });
    engines.push(engine);
    return engine;
  };

  /** Not in one leap, in which every lease would be lost. */
  async function passTime(): Promise<void> {
    for (let passed = 0; passed < TIME_MS; passed += LIMITS.heartbeatMs) {
      clock.advance(LIMITS.heartbeatMs);
      for (let turns = 0; turns < 5; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async function endOwner(): Promise<void> {
    if (ordering.ownerEnd === 'times out') return passTime();
    if (ordering.ownerEnd === 'is cancelled') await person().cancel(OWNER);
    else await second.signal({ run: OWNER, kind: 'user', key: 'go', body: null });
  }

  /** The function has ended and its end is on its way to the child, or it leaves the child. */
  const ownerIsEnding = (): Promise<true> =>
    until('The owner is to end', async () => {
      if (ordering.left || ordering.ownerEnd === 'times out') return ended(await read(OWNER)) && true;
      if (ordering.ownerEnd === 'returns') return world.functionEnded() || undefined;
      return (await readChild())?.cancelRequested || undefined;
    });

  async function endChild(): Promise<void> {
    const child = await until('A child is to start', readChild);
    if (ordering.childEnd === 'is cancelled') {
      await person().cancel(child.key);
      return;
    }
    if (ordering.childEnd === 'times out') return passTime();
    world.tellChild();
    await second.signal({ run: child.key, kind: 'user', key: 'told', body: null });
  }

  const childIsDone = (): Promise<Run> =>
    until('The child is to end', async () => {
      const child = await readChild();
      return child?.status === 'blocked' ? child : ended(child);
    });

  try {
    const time = ordering.ownerEnd === 'times out' ? { timeoutMs: TIME_MS } : {};
    await engines[0]?.start('owner', null, { id: OWNER.run, budget: { tokens: 10_000 }, ...time });
    await until('The child is to be where it waits', async () => {
      const child = await readChild();
      return (ordering.child === 'hot' ? world.childWaits() : child?.status === 'waiting') || undefined;
    });
    if (ordering.instant === 'before') {
      await endChild();
      const child = await childIsDone();
      if (child.status !== 'blocked') await until('The owner is to hear of it', heard);
      await endOwner();
    } else if (ordering.instant === 'at once') {
      world.closeInbox();
      await endOwner();
      await endChild();
      await childIsDone();
      world.openInbox();
    } else {
      await endOwner();
      await ownerIsEnding();
      await endChild();
    }
    if (ordering.childEnd === 'blocks' && (ordering.ownerEnd === 'returns' || ordering.left)) {
      const { items } = await until('The child is to be blocked', async () => {
        const owner = await read(OWNER);
        const rests = ordering.left || owner?.status === 'waiting';
        const asked = await second.listRequests({ tenant: 'default', root: OWNER.run, status: ['open'], limit: 2 });
        return rests && asked.items.length > 0 ? asked : undefined;
      });
      for (const { run, id } of items)
        await person().decide(run, id, { status: 'answered', value: { choice: 'fail' } });
    }
    const owner = await until('The owner is to end', async () => ended(await read(OWNER)));
    const child = await until('The child is to end', async () => ended(await readChild()));
    stopping.resume();
    for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    const inspection = await inspectStore(second, { lines });
    return { stopped: takenOver, owner, child, heard: await heard(), order, inspection, late };
  } finally {
    stopping.resume();
    world.openInbox();
    world.tellChild();
    for (const engine of engines) await engine[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    await storage.remove?.();
  }
}

/** What is outside of every store, and the same for each process. */
interface World {
  readonly write: (line: EffectLine) => void;
  /** Resolves when the hot child is told to end. */
  readonly told: () => Promise<void>;
  tellChild(): void;
  childWaits(): boolean;
  noteFunctionEnd(): void;
  functionEnded(): boolean;
  closeInbox(): void;
  openInbox(): void;
  inboxOpened(): Promise<void>;
}

function createWorld(lines: EffectLine[]): World {
  const told = Promise.withResolvers<void>();
  let opened = Promise.resolve();
  let open: () => void = () => {};
  let waits = false;
  let ended = false;
  return {
    write: (line) => void lines.push(line),
    told() {
      waits = true;
      return told.promise;
    },
    tellChild: told.resolve,
    childWaits: () => waits,
    noteFunctionEnd: () => void (ended = true),
    functionEnded: () => ended,
    closeInbox() {
      const gate = Promise.withResolvers<void>();
      opened = gate.promise;
      open = gate.resolve;
    },
    openInbox: () => open(),
    inboxOpened: () => opened,
  };
}

function definitionsOf(ordering: Ordering, world: World): readonly AnyDefinition[] {
  const child: DurableDefinition<null, string> = {
    name: 'child',
    kind: 'function',
    version: '1',
    async run(ctx: DurableContext) {
      const act = (key: string): void =>
        world.write({ type: 'effect', run: ctx.run.key, step: key, effect: 'repeatable', idempotencyKey: key });
      await ctx.step(
        'ask the model',
        ({ usage }) => {
          act('ask the model');
          usage({ inputTokens: 10, outputTokens: 5 });
        },
        MODEL_CALL,
      );
      if (ordering.child === 'parked') await ctx.receive('told');
      else await ctx.step('work', () => (act('work'), world.told()), MODEL_CALL);
      if (ordering.childEnd === 'fails') throw new PrusikError('CHILD_BROKE', 'over a stone');
      // What cannot be stored has happened, and nobody knows how.
      if (ordering.childEnd === 'blocks') await ctx.step('pay', () => Symbol('receipt'), { effect: 'once' });
      return 'done';
    },
  };
  const options: CallOptions = {
    ...(ordering.childEnd === 'times out' ? { timeoutMs: TIME_MS } : {}),
    ...(ordering.left ? { onParentEnd: 'leave' } : {}),
  };
  const end = (): string => {
    world.noteFunctionEnd();
    if (ordering.ownerEnd === 'throws') throw new PrusikError('OWNER_GAVE_UP', 'it had enough');
    return 'returned';
  };
  const workflow = defineWorkflow({
    name: 'owner',
    input: z.null(),
    agents: { child },
    delegation: {},
    async run(ctx) {
      void ctx.agents.child.run('c', null, options);
      await ctx.receive('go');
      return end();
    },
  });
  const plain: DurableDefinition<null, string> = {
    name: 'owner',
    kind: 'function',
    version: '1',
    async run(ctx: DurableContext) {
      void ctx.child('c', 'child', null, options);
      await ctx.receive('go');
      return end();
    },
  };
  return ordering.owner === 'workflow' ? withChildren(workflow) : [plain, child];
}
