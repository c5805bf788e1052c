import { DELEGATION_DEFAULTS, type DelegationPolicy } from './delegation-policy.ts';
import type { AnyDefinition } from './durable-function.ts';

type Delegating = Pick<AnyDefinition, 'name' | 'agents' | 'delegation'>;

/** Levels of a tree of definitions. One whose `agents` are made anew at each look has no end of its own. */
const LEVELS = 32;

const NUMBERS = ['calls', 'tokens', 'costMicros', 'wallMs'] as const;

/**
 * A child can only narrow the rights of its parent. What a definition may call is known when it is defined, so this is checked then, for the whole tree,
 * instead of at each call. What a child does not say it gets from its parent when it runs.
 *
 * `owner` is what messages call the definition: `Workflow release`.
 *
 * @throws {TypeError} naming the member and the fix.
 */
export function checkTree(owner: string, root: Delegating): void {
  const levels = new Map<Delegating, number>();

  /** Levels of children below `definition`. `path` has the names of those that it is called through, itself last. */
  function levelsBelow(what: string, definition: Delegating, path: readonly string[]): number {
    const known = levels.get(definition);
    if (known !== undefined) return known;
    if (path.length > LEVELS)
      throw new TypeError(`${owner}: its agents go more than ${LEVELS} levels down: ${path.join(' → ')}`);
    // Once: a getter may give others each time.
    const { agents = {}, delegation: policy } = definition;
    let below = 0;
    for (const [agent, child] of Object.entries(agents)) {
      if (path.includes(child.name))
        throw new TypeError(
          `${owner}: ${[...path, child.name].join(' → ')}: a definition cannot be called by itself, or by what it calls`,
        );
      const levelsOfChild = levelsBelow(`${what}: its agent ${agent}`, child, [...path, child.name]);
      if (policy === undefined || !(policy.agents?.includes(agent) ?? true)) continue;
      checkRights(what, policy, agent, child, levelsOfChild);
      below = Math.max(below, 1 + levelsOfChild);
    }
    levels.set(definition, below);
    return below;
  }

  levelsBelow(owner, root, [root.name]);
}

function checkRights(
  what: string,
  policy: DelegationPolicy,
  agent: string,
  { delegation: inner }: Delegating,
  levelsOfChild: number,
): void {
  const { depth = DELEGATION_DEFAULTS.depth } = policy;
  if (levelsOfChild > 0 && 1 + levelsOfChild > depth)
    throw new TypeError(
      `${what}: its agent ${agent} has agents of its own, ${1 + levelsOfChild} levels down, and delegation.depth is ${depth}: set it to ${1 + levelsOfChild}, or do not allow ${agent}`,
    );
  if (inner === undefined) return;
  for (const name of NUMBERS) {
    const [own = name === 'calls' ? DELEGATION_DEFAULTS.calls : Infinity, wanted = 0] = [policy[name], inner[name]];
    if (wanted > own)
      throw new TypeError(
        `${what}: its agent ${agent} has delegation.${name} ${wanted}, and may have no more than its caller's ${own}: lower it there, or raise it here`,
      );
  }
  const own = modelsOf(policy);
  const more = [...modelsOf(inner)].find((alias) => !own.has(alias));
  if (more !== undefined)
    throw new TypeError(
      `${what}: its agent ${agent} lets its own agents use the model ${more}, which delegation.models does not list: add it here, or remove it there`,
    );
}

const modelsOf = ({ models = [], agentModels = {} }: DelegationPolicy): ReadonlySet<string> =>
  new Set([...models, ...Object.values(agentModels).flatMap((aliases) => aliases ?? [])]);
