import { runKeyText, type EndedTree, type Store } from '@prusik/core';
import { checkedWalk, type RetentionOptions } from './retention-options.ts';
import type { RetentionPolicy, RetentionRule } from './retention-policy.ts';
import { walkRetention, type WalkedPage } from './walk-retention.ts';

/** A tree that would go, and which limit it is past. */
export interface PlannedTree extends EndedTree {
  /** `maxCount or maxBytes` where a rule has both, and it is young enough. */
  readonly because: 'maxAgeMs' | 'maxCount' | 'maxBytes' | 'maxCount or maxBytes';
}

/** What one rule of a policy would let go, a portion of it. */
export interface RetentionPage {
  readonly of: 'records' | 'resume' | 'sessions';
  /** Its place in the list of the policy. */
  readonly rule: number;
  readonly tenant: string;
  /** The closed session that would go whole, with these trees. */
  readonly session?: string;
  readonly trees: readonly PlannedTree[];
}

/**
 * What {@link prune} would let go of records, resume state and sessions now, and because of which rule, page by page; of a tree that several rules name the first. Each rule is asked by itself: where one goes by number or size and another
 * goes before it, less may go than is named, and never more. Nothing is written: the
 * store itself answers what it would do, by the code that does it.
 *
 * @throws {TypeError} for a policy or options that are none.
 */
export async function* planRetention(
  store: Store,
  policy: RetentionPolicy,
  options: RetentionOptions = {},
): AsyncGenerator<RetentionPage, void> {
  const seen = new Set<string>();
  const walk = await checkedWalk(store, policy, options, true);
  for await (const page of walkRetention(store, policy, walk)) {
    const trees = page.trees.filter(({ root }) => !seen.has(runKeyText(root)));
    for (const { root } of trees) seen.add(runKeyText(root));
    if (trees.length === 0 && page.of !== 'sessions') continue;
    yield {
      of: page.of,
      rule: page.rule,
      tenant: page.tenant,
      ...(page.of === 'sessions' ? { session: page.session } : {}),
      trees: trees.map((tree) => ({ ...tree, because: becauseOf(page, tree, policy) })),
    };
  }
}

function becauseOf(
  { of, rule, endedBefore }: WalkedPage,
  { endedAt }: EndedTree,
  policy: RetentionPolicy,
): PlannedTree['because'] {
  if (of === 'sessions' || (endedBefore !== undefined && endedAt < endedBefore)) return 'maxAgeMs';
  const { maxCount, maxBytes }: RetentionRule = policy[of]?.[rule] ?? {};
  if (maxBytes === undefined) return 'maxCount';
  return maxCount === undefined ? 'maxBytes' : 'maxCount or maxBytes';
}
