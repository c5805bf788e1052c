import {
  isPrusikError,
  PrusikError,
  type AnyDefinition,
  type CallOptions,
  type ChildResult,
  type DurableContext,
  type DurableDefinition,
  type Json,
  type StepScope,
} from '@prusik/core';
import type { WriteLine } from '@prusik/testing-contracts';
import { defineWorkflow, type FanOutItem, type FanOutOptions } from '@prusik/workflows-delegation';
import { z } from 'zod';
import {
  childrenOfNode,
  type GroupWork,
  type ModelWork,
  type NodeSpec,
  type StepWork,
  type Work,
} from './tree-spec.ts';

/** A child's output that its caller takes; one that talks says more. */
const MOST_BYTES = 2_000;

/** What is outside of every process. */
export interface TreeWorld {
  readonly write: WriteLine;
  /** Time passes, for a body that takes its time and heeds its signal. */
  pass(ms: number, signal: AbortSignal): Promise<void>;
  /** What one drive of a run has been told so far, in order: each replay has to be told the same. */
  hears(run: string): (what: string) => void;
}

/** What calls are made with: by the engine alone, or under a policy. */
interface Calls {
  readonly ctx: Pick<DurableContext, 'step' | 'sleep' | 'request' | 'receive' | 'partial' | 'run'>;
  call(child: NodeSpec, options: CallOptions): Promise<ChildResult<unknown>>;
  group(work: GroupWork, one: (child: NodeSpec, signal?: AbortSignal) => Promise<unknown>): Promise<unknown>;
}

/** All definitions of a tree: they do what its spec says. */
export function definitionsOf(root: NodeSpec, world: TreeWorld): readonly AnyDefinition[] {
  const below = childrenOfNode(root).map((child) => definitionsOf(child, world));
  const agents = Object.fromEntries(below.flatMap(([child]) => (child === undefined ? [] : [[child.name, child]])));
  const own = root.kind === 'workflow' ? workflowOf(root, agents, world) : functionOf(root, world);
  return [own, ...below.flat()];
}

function workflowOf(node: NodeSpec, agents: Readonly<Record<string, AnyDefinition>>, world: TreeWorld): AnyDefinition {
  return defineWorkflow({
    name: node.name,
    input: z.null(),
    agents: agents as Readonly<Record<string, DurableDefinition<null, Json>>>,
    ...(node.policy === undefined ? {} : { delegation: node.policy }),
    run: (ctx) =>
      perform(node, world, {
        ctx,
        call: (child, options) => agentOf(ctx.agents, child.name).result(child.name, null, options),
        group({ does, children, lanes, stops }, one) {
          if (does === 'race') return ctx.race(children.map((child) => (signal: AbortSignal) => one(child, signal)));
          const options: FanOutOptions<NodeSpec> & { readonly settle?: false } = {
            key: ({ name }) => name,
            concurrency: lanes ?? children.length,
            ...(stops === undefined ? {} : { stopOthers: stops }),
          };
          const work = (child: NodeSpec, { signal }: FanOutItem): Promise<unknown> => one(child, signal);
          return does === 'settle'
            ? ctx.fanOut(children, work, { ...options, settle: true })
            : ctx.fanOut(children, work, options);
        },
      }),
  });
}

function agentOf<Agent>(agents: Readonly<Record<string, Agent>>, name: string): Agent {
  const agent = agents[name];
  if (agent === undefined) throw new TypeError(`There is no agent ${name}`);
  return agent;
}

function functionOf(node: NodeSpec, world: TreeWorld): DurableDefinition<null, Json> {
  return {
    name: node.name,
    kind: 'function',
    version: '1',
    run: (ctx: DurableContext) =>
      perform(node, world, {
        ctx,
        call: (child, options) => ctx.child(child.name, child.name, null, options),
        async group({ does, children }, one) {
          const over = new AbortController();
          const calls = children.map((child) => one(child, does === 'race' ? over.signal : undefined));
          try {
            if (does === 'settle') return await Promise.allSettled(calls);
            return await (does === 'race' ? Promise.race(calls) : Promise.all(calls));
          } finally {
            if (does === 'race') over.abort('another was first');
          }
        },
      }),
  };
}

/** What came of something, in a word. */
export function wordFor(error: unknown): string {
  if (!isPrusikError(error)) return String(error);
  const { reason, code } = error.meta;
  const more = error.code === 'DELEGATION_REFUSED' ? reason : error.code === 'CHILD_FAILED' ? code : undefined;
  return more === undefined ? error.code : `${error.code}:${String(more)}`;
}

/** The run itself is over: told to whatever it waits for, in no order that a journal has. */
const isOwnEnd = (error: unknown): boolean =>
  isPrusikError(error) &&
  (error.code === 'RUN_CANCELLED' || error.code === 'RUN_DEADLINE') &&
  error.meta['child'] === undefined;

async function perform(node: NodeSpec, world: TreeWorld, { ctx, call, group }: Calls): Promise<Json> {
  const hear = world.hears(ctx.run.key.run);
  const heard: string[] = [];
  const aborts: AbortController[] = [];
  let isOver = false;
  const notes = (key: string, promise: Promise<unknown>): Promise<unknown> => {
    const note = (what: string): void => {
      // What comes after its end it may be told or not.
      if (isOver) return;
      heard.push(`${key} ${what}`);
      hear(`${key} ${what}`);
    };
    promise.then(
      (value) => note((value as Partial<ChildResult> | undefined)?.partial === undefined ? 'ok' : 'partial'),
      (error) => isOwnEnd(error) || note(wordFor(error)),
    );
    return promise;
  };

  const callOf = (child: NodeSpec, options: CallOptions = {}): Promise<unknown> =>
    notes(
      child.name,
      call(child, {
        maxResultBytes: MOST_BYTES,
        ...options,
        ...(child.budget === undefined ? {} : { budget: child.budget }),
        ...(child.timeoutMs === undefined ? {} : { timeoutMs: child.timeoutMs }),
        ...(child.levels === undefined ? {} : { rights: { levels: child.levels } }),
      }),
    );

  async function act(work: Work, key: string): Promise<void> {
    const due = aborts.splice(0);
    try {
      await begin(work, key);
    } finally {
      for (const stop of due) stop.abort('not needed');
    }
  }

  async function begin(work: Work, key: string): Promise<void> {
    switch (work.does) {
      case 'model':
      case 'step': {
        const step = ctx.step(key, (scope) => body(work, key, scope), stepOptions(work));
        const noted = notes(key, step);
        if (!('dropped' in work)) await noted;
        break;
      }
      case 'sleep':
        await notes(key, ctx.sleep(key, work.ms));
        break;
      case 'ask': {
        const asked = notes(key, ctx.request(work.dropped ? `${key}?` : key, { kind: 'approval', body: null }));
        if (!work.dropped) await asked;
        break;
      }
      case 'wait':
        await ctx.receive('never');
        break;
      case 'call': {
        const stop = new AbortController();
        const called = callOf(work.child, {
          ...(work.aborts === undefined ? {} : { signal: stop.signal }),
          ...(work.how === 'leaves' ? { onParentEnd: 'leave' } : {}),
        });
        if (work.aborts === 'now') stop.abort('not needed');
        if (work.aborts === 'later') aborts.push(stop);
        if (work.how === 'awaits') await called;
        break;
      }
      case 'all':
      case 'settle':
      case 'race': {
        const settled = await group(work, (child, signal) => callOf(child, signal === undefined ? {} : { signal }));
        const own = (Array.isArray(settled) ? settled : []).find(
          (one: PromiseSettledResult<unknown>) => one.status === 'rejected' && isOwnEnd(one.reason),
        );
        if (own !== undefined) throw own.reason;
        break;
      }
      default:
        return work satisfies never;
    }
  }

  function body(
    work: ModelWork | StepWork,
    key: string,
    { idempotencyKey, usage, signal }: StepScope,
  ): Promise<string> {
    const effect = work.does === 'step' ? work.effect : 'repeatable';
    world.write({ type: 'effect', run: ctx.run.key, step: key, effect, idempotencyKey });
    const finish = (): string => {
      if (work.does === 'model' && work.tells) usage({ inputTokens: work.uses, outputTokens: 0 });
      if (work.fails) throw new PrusikError('STEP_BROKE', 'over a stone');
      return 'done';
    };
    return (work.takesMs === 0 ? Promise.resolve() : world.pass(work.takesMs, signal)).then(finish);
  }

  try {
    for (const [index, work] of node.works.entries()) {
      try {
        await act(work, String(index));
      } catch (error) {
        if (!work.caught || isOwnEnd(error)) throw error;
      }
    }
    for (const stop of aborts) stop.abort('not needed');
  } catch (error) {
    if (node.answers && isPrusikError(error, 'RUN_DEADLINE') && isOwnEnd(error)) return heard;
    throw error;
  } finally {
    isOver = true;
  }
  if (node.end === 'throws') throw new PrusikError('NODE_BROKE', 'it had enough');
  if (node.end === 'in part') ctx.partial({ code: 'IN_A_HURRY', message: 'there is more to say' });
  // As it is now: what nobody awaited may be told later.
  return node.end === 'talks' ? ['x'.repeat(2 * MOST_BYTES), ...heard] : [...heard];
}

function stepOptions(work: ModelWork | StepWork) {
  return work.does === 'step'
    ? ({ effect: work.effect, inDoubt: 'fail' } as const)
    : ({ kind: 'model', ...(work.reserve === undefined ? {} : { reserve: work.reserve }) } as const);
}
