import type { Clock, CompactedRows, EndedTree, EndedTrees, RemovedRows, Session, Store } from '@prusik/core';
import { eachOf } from './pages.ts';
import type { RetentionPolicy, RetentionRule } from './retention-policy.ts';

/** How a policy is gone through. */
export interface RetentionWalk {
  readonly dryRun: boolean;
  /** All of the store, where a rule names none or snapshots go. */
  readonly tenants: readonly string[];
  readonly clock: Pick<Clock, 'now'>;
  readonly signal: AbortSignal | undefined;
  /** Trees of one page, at most. */
  readonly pageSize: number;
}

/** One portion that went, or would go, because of one rule. */
export type WalkedPage = {
  /** Its place in the list of the policy. */
  readonly rule: number;
  readonly tenant: string;
  readonly trees: readonly EndedTree[];
  /** What is past it is past the age. */
  readonly endedBefore?: number;
} & (
  | { readonly of: 'records'; readonly rows: RemovedRows }
  | { readonly of: 'sessions'; readonly session: string; readonly rows: RemovedRows }
  | { readonly of: 'resume'; readonly rows: CompactedRows }
);

/** The one code by which a plan is made and carried out. What goes whole goes first: it need not be compacted before. */
export async function* walkRetention(
  store: Store,
  policy: RetentionPolicy,
  walk: RetentionWalk,
): AsyncGenerator<WalkedPage, void> {
  yield* closedSessions(store, policy, walk);
  for (const part of ['records', 'resume'] as const)
    for (const [rule, named] of (policy[part] ?? []).entries())
      for (const tenant of tenantsFor(named, walk)) yield* endedTrees(store, part, { ...named, tenant }, rule, walk);
}

async function* endedTrees(
  store: Store,
  of: 'records' | 'resume',
  named: RetentionRule & { readonly tenant: string },
  rule: number,
  { dryRun, clock, signal, pageSize }: RetentionWalk,
): AsyncGenerator<WalkedPage, void> {
  const { tenant, definition, status, maxAgeMs, maxCount, maxBytes } = named;
  const endedBefore = maxAgeMs === undefined ? undefined : clock.now() - maxAgeMs;
  const trees: EndedTrees & { readonly tenant: string; readonly dryRun: boolean } = {
    tenant,
    dryRun,
    limit: pageSize,
    ...(definition === undefined ? {} : { definition }),
    ...(status === undefined ? {} : { status }),
    ...(endedBefore === undefined ? {} : { endedBefore }),
    ...(maxCount === undefined ? {} : { keep: maxCount }),
    ...(maxBytes === undefined ? {} : { keepBytes: maxBytes }),
  };
  const page = { rule, tenant, ...(endedBefore === undefined ? {} : { endedBefore }) };
  let after: string | undefined;
  do {
    signal?.throwIfAborted();
    const query = after === undefined ? trees : { ...trees, after };
    if (of === 'records') {
      const answer = await store.remove(query);
      if (answer.outcome !== 'removed') return;
      if (answer.trees.length > 0) yield { of, ...page, trees: answer.trees, rows: answer.removed };
      after = answer.next;
    } else {
      const answer = await store.compact(query);
      if (answer.outcome !== 'compacted') return;
      if (answer.trees.length > 0) yield { of, ...page, trees: answer.trees, rows: answer.taken };
      after = answer.next;
    }
  } while (after !== undefined);
}

async function* closedSessions(
  store: Store,
  { sessions = [] }: RetentionPolicy,
  walk: RetentionWalk,
): AsyncGenerator<WalkedPage, void> {
  for (const [rule, named] of sessions.entries())
    for (const tenant of tenantsFor(named, walk)) {
      const endedBefore = walk.clock.now() - named.maxAgeMs;
      for await (const session of eachOf((page) => store.listSessions({ tenant, state: ['closed'], ...page }))) {
        walk.signal?.throwIfAborted();
        if ((await lastOf(store, session)) >= endedBefore) continue;
        const answer = await store.remove({ ...session.key, dryRun: walk.dryRun });
        // A child that has not heard of its parent's end keeps the session, and another pruner may have been first.
        if (answer.outcome === 'removed')
          yield {
            of: 'sessions',
            rule,
            tenant,
            session: session.key.session,
            endedBefore,
            trees: answer.trees,
            rows: answer.removed,
          };
      }
    }
}

/** When the last thing on record happened in a closed session. The newest of its runs may have been cancelled while it stood in the queue behind another. */
async function lastOf(store: Store, { key, createdAt }: Session): Promise<number> {
  const { items } = await store.listRuns({ ...key, time: 'ended', limit: 1 });
  return items[0]?.endedAt ?? createdAt;
}

const tenantsFor = ({ tenant }: { readonly tenant?: string }, { tenants }: RetentionWalk): readonly string[] =>
  tenant === undefined ? tenants : [tenant];
