/**
 * What a workflow may hand to children. Data, not a function: decisions are made again on replay, and code that looks at a
 * clock or a flag would decide differently then.
 */
export interface DelegationPolicy<Agent extends string = string, Model extends string = string> {
  /** Which of the workflow's agents may be called. @default all of them */
  readonly agents?: readonly Agent[];
  /** Child runs in all; refused calls do not count. @default 32 */
  readonly calls?: number;
  /** Child runs at once. @default 8 */
  readonly parallel?: number;
  /** What a call meets while `parallel` are running: it waits its turn (first come, first served), or it is refused. @default 'queue' */
  readonly whenFull?: 'queue' | 'refuse';
  /** Levels of children below the workflow: at 1 its children have none of their own. @default 1 */
  readonly depth?: number;
  /** Model aliases that a call may ask for in place of an agent's own. @default none */
  readonly models?: readonly Model[];
  /** The same for single agents, in place of `models`. */
  readonly agentModels?: { readonly [Name in Agent]?: readonly Model[] };
  /** Tokens that the whole tree may spend. Held by the tree's ledger. @default no limit */
  readonly tokens?: number;
  /** Millionths of the currency that prices are given in, for the whole tree. Held by the tree's ledger. @default no limit */
  readonly costMicros?: number;
  /** Milliseconds since the workflow's start after which no call is accepted. @default no limit */
  readonly wallMs?: number;
}

/** What a policy allows where it says nothing: calls in all, calls at once, levels. */
export const DELEGATION_DEFAULTS: { readonly calls: number; readonly parallel: number; readonly depth: number } = {
  calls: 32,
  parallel: 8,
  depth: 1,
};

/** Why a call was refused. Checked in this order; the first that applies is the one that is told. */
export const DELEGATION_REFUSALS = [
  'delegation_disabled',
  'agent_not_allowed',
  'max_depth',
  'max_calls',
  'max_parallel',
  'model_not_allowed',
  'max_tokens',
  'max_cost',
  'deadline',
] as const;
export type DelegationRefusal = (typeof DELEGATION_REFUSALS)[number];

/** Where a workflow stands, as far as delivered outcomes tell: the same on replay. */
export interface DelegationState {
  /** Levels between the workflow whose policy this is and the run that calls; 0 when it calls itself. */
  readonly depth: number;
  /** Calls accepted so far, queued ones included. */
  readonly calls: number;
  /** Children under way. */
  readonly running: number;
  /** The tree's ledger refused tokens to a child. */
  readonly outOfTokens: boolean;
  /** The tree's ledger refused money to a child. */
  readonly outOfMoney: boolean;
  /** Since the workflow's start. */
  readonly elapsedMs: number;
}

/** One call that a workflow wants to make. */
export interface DelegationRequest {
  readonly agent: string;
  /** Alias that is asked for in place of the agent's own. */
  readonly model?: string;
}

/** What becomes of a call. A refused one costs nothing. */
export type DelegationDecision =
  | { readonly decision: 'start' }
  /** Everything allows it but the number of children under way. */
  | { readonly decision: 'queue' }
  | { readonly decision: 'refuse'; readonly reason: DelegationRefusal };

/**
 * Decides about one call. Pure. No policy means that delegation is off.
 *
 * Fails closed: a limit that is not a number, a list that is not one, or a policy that throws when it is read refuses the call.
 */
export function decideDelegation(
  policy: DelegationPolicy | undefined,
  state: DelegationState,
  request: DelegationRequest,
): DelegationDecision {
  try {
    const broken = DELEGATION_REFUSALS.filter((reason) => !ALLOWS[reason](policy as DelegationPolicy, state, request));
    const queues = policy?.whenFull === undefined || policy.whenFull === 'queue';
    const [reason] = queues ? broken.filter((code) => code !== 'max_parallel') : broken;
    if (reason !== undefined) return { decision: 'refuse', reason };
    return broken.length > 0 ? { decision: 'queue' } : { decision: 'start' };
  } catch {
    return { decision: 'refuse', reason: 'delegation_disabled' };
  }
}

type Rule = (policy: DelegationPolicy, state: DelegationState, request: DelegationRequest) => boolean;

/** Each rule says when it allows, never when it forbids, so that nonsense (a NaN, a string for a list) forbids. */
const ALLOWS: { readonly [Reason in DelegationRefusal]: Rule } = {
  delegation_disabled: (policy) => typeof policy === 'object' && policy !== null,
  agent_not_allowed: ({ agents }, _, { agent }) => agents === undefined || lists(agents, agent),
  max_depth: ({ depth = DELEGATION_DEFAULTS.depth }, state) => isBelow(state.depth, depth),
  max_calls: ({ calls = DELEGATION_DEFAULTS.calls }, state) => isBelow(state.calls, calls),
  max_parallel: ({ parallel = DELEGATION_DEFAULTS.parallel }, state) => isBelow(state.running, parallel),
  model_not_allowed: ({ models, agentModels }, _, { agent, model }) =>
    model === undefined || lists(ownValue(agentModels, agent) ?? models, model),
  max_tokens: ({ tokens }, state) => tokens === undefined || (isBelow(0, tokens) && state.outOfTokens === false),
  max_cost: ({ costMicros }, state) =>
    costMicros === undefined || (isBelow(0, costMicros) && state.outOfMoney === false),
  deadline: ({ wallMs }, state) => wallMs === undefined || isBelow(state.elapsedMs, wallMs),
};

const isBelow = (value: unknown, limit: unknown): boolean =>
  typeof value === 'number' && typeof limit === 'number' && value < limit;

const lists = (list: unknown, item: string): boolean => Array.isArray(list) && list.includes(item);

/** An agent named `constructor` has no list of its own. */
const ownValue = (record: DelegationPolicy['agentModels'], key: string): readonly string[] | undefined =>
  record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;

/**
 * Finds what is wrong with a policy before anything runs.
 *
 * @throws {TypeError} naming the member, what is wrong and the agents there are.
 */
export function checkDelegationPolicy(policy: DelegationPolicy, agents: readonly string[]): void {
  const numbers = ['calls', 'parallel', 'depth', 'tokens', 'costMicros', 'wallMs'] as const;
  for (const name of numbers) {
    const value = policy[name];
    const least = name === 'parallel' ? 1 : 0;
    if (value !== undefined && !(typeof value === 'number' && value >= least)) {
      throw new TypeError(`delegation.${name} must be a number of at least ${least}, not ${String(value)}`);
    }
  }
  const { whenFull } = policy;
  if (whenFull !== undefined && whenFull !== 'queue' && whenFull !== 'refuse') {
    throw new TypeError(`delegation.whenFull must be 'queue' or 'refuse', not ${JSON.stringify(whenFull)}`);
  }
  for (const [path, names] of [
    ['agents', policy.agents ?? []],
    ['agentModels', Object.keys(policy.agentModels ?? {})],
  ] as const) {
    if (!Array.isArray(names)) throw new TypeError(`delegation.${path} must be a list of names`);
    const unknown = names.find((name) => !agents.includes(name));
    if (unknown !== undefined) {
      const known = agents.length === 0 ? 'it has no agents' : `its agents are ${agents.join(', ')}`;
      throw new TypeError(
        `delegation.${path} names ${JSON.stringify(unknown)}, which the workflow does not have: ${known}`,
      );
    }
  }
}
