import { shown } from './shown.ts';
import { toFrozenJson } from './json.ts';
import { checkOptions } from './known-options.ts';

/**
 * What a definition may hand to children. Data, not a function: decisions are made again on replay, and code that looks at a
 * clock or a flag would decide differently then. Numbers are whole.
 */
export interface DelegationPolicy<Agent extends string = string, Model extends string = string> {
  /** Which of the definition's agents may be called. @default all of them */
  readonly agents?: readonly Agent[];
  /** Child runs in all, those of children too; calls that were refused or not in order do not count. @default 32 */
  readonly calls?: number;
  /** Child runs at once. @default 8 */
  readonly parallel?: number;
  /** What a call meets while `parallel` are running: it waits its turn (first come, first served), or it is refused. @default 'queue' */
  readonly whenFull?: 'queue' | 'refuse';
  /** Levels of children below a run of the definition: at 1 its children have none of their own. @default 1 */
  readonly depth?: number;
  /** Model aliases that a call may ask for in place of an agent's own. @default none */
  readonly models?: readonly Model[];
  /** The same for single agents, in place of `models`. */
  readonly agentModels?: { readonly [Name in Agent]?: readonly Model[] };
  /** Tokens that a run of the definition and all below it may spend. Held by a ledger. @default no limit */
  readonly tokens?: number;
  /** The same in millionths of the currency that prices are given in. @default no limit */
  readonly costMicros?: number;
  /**
   * Milliseconds since the run's start after which no call is accepted, by the time of the last delivered outcome, and in which children have to end: they have
   * that instant as their deadline, by the store's clock. @default no limit
   */
  readonly wallMs?: number;
  /**
   * What becomes of an agent that is called when its limits, its budget or its time are used up: it fails, or hands back what it said last, marked as not whole.
   * @default 'fail'
   */
  readonly whenExhausted?: 'fail' | 'partial';
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
/** One of {@link DELEGATION_REFUSALS}: `meta.reason` of a `DELEGATION_REFUSED`. */
export type DelegationRefusal = (typeof DELEGATION_REFUSALS)[number];

/** Where a run stands, as far as delivered outcomes tell: the same on replay. */
export interface DelegationState {
  /** Levels of children that its callers leave to the run. `Infinity` where nobody said. */
  readonly levels: number;
  /** Calls accepted so far, queued ones included. */
  readonly calls: number;
  /** Children under way. */
  readonly running: number;
  /** A ledger at or above the run has for good refused calls, tokens or money to such a call. */
  readonly outOfCalls: boolean;
  readonly outOfTokens: boolean;
  readonly outOfMoney: boolean;
  /** Since the run's start. */
  readonly elapsedMs: number;
}

/** One call that a run wants to make. */
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
  max_depth: ({ depth = DELEGATION_DEFAULTS.depth }, state) => isBelow(0, depth) && isBelow(0, state.levels),
  max_calls: ({ calls = DELEGATION_DEFAULTS.calls }, state) =>
    state.outOfCalls === false && isBelow(state.calls, calls),
  max_parallel: ({ parallel = DELEGATION_DEFAULTS.parallel }, state) => isBelow(state.running, parallel),
  model_not_allowed: ({ models, agentModels }, _, { agent, model }) =>
    model === undefined || lists(ownValue(agentModels, agent) ?? models, model),
  // Also where the policy names no limit: a caller's budget, or that of a tree around it, is used up all the same.
  max_tokens: ({ tokens }, state) => state.outOfTokens === false && (tokens === undefined || isBelow(0, tokens)),
  max_cost: ({ costMicros }, state) =>
    state.outOfMoney === false && (costMicros === undefined || isBelow(0, costMicros)),
  deadline: ({ wallMs }, state) => wallMs === undefined || isBelow(state.elapsedMs, wallMs),
};

const isBelow = (value: unknown, limit: unknown): boolean =>
  typeof value === 'number' && typeof limit === 'number' && value < limit;

const lists = (list: unknown, item: string): boolean => Array.isArray(list) && list.includes(item);

/** An agent named `constructor` has no list of its own. */
const ownValue = (record: DelegationPolicy['agentModels'], key: string): readonly string[] | undefined =>
  record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;

/** It is recorded with every run of its definition. */
const POLICY_BYTES = 65_536;

const KNOWN = {
  names: {
    agents: true,
    calls: true,
    parallel: true,
    whenFull: true,
    depth: true,
    models: true,
    agentModels: true,
    tokens: true,
    costMicros: true,
    wallMs: true,
    whenExhausted: true,
  } satisfies Record<keyof DelegationPolicy, true>,
  elsewhere: { maxCalls: 'calls', maxParallel: 'parallel', concurrency: 'parallel', maxDepth: 'depth' },
};

/**
 * A policy as a value of its own, which nobody changes afterwards. What is wrong with it is found before anything runs.
 *
 * @throws {TypeError} naming the member, what is wrong and the agents there are.
 */
export function checkedPolicy(given: DelegationPolicy, agents: readonly string[]): DelegationPolicy {
  const policy = frozen(given);
  if (typeof policy !== 'object' || policy === null || Array.isArray(policy))
    throw new TypeError('delegation must be an object, {} for the defaults');
  checkOptions('delegation', policy, KNOWN);
  for (const name of ['calls', 'parallel', 'depth', 'tokens', 'costMicros', 'wallMs'] as const) {
    const value = policy[name];
    const least = name === 'parallel' ? 1 : 0;
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= least))
      throw new TypeError(`delegation.${name} must be a whole number of at least ${least}, not ${shown(value)}`);
  }
  const { whenFull, whenExhausted } = policy;
  if (whenExhausted !== undefined && whenExhausted !== 'fail' && whenExhausted !== 'partial')
    throw new TypeError(`delegation.whenExhausted must be 'fail' or 'partial', not ${shown(whenExhausted)}`);
  if (whenFull !== undefined && whenFull !== 'queue' && whenFull !== 'refuse')
    throw new TypeError(`delegation.whenFull must be 'queue' or 'refuse', not ${shown(whenFull)}`);
  checkNames('agents', policy.agents ?? []);
  checkNames('models', policy.models ?? []);
  for (const [agent, aliases] of Object.entries(policy.agentModels ?? {}))
    checkNames(`agentModels.${agent}`, aliases ?? []);
  for (const [path, named] of [
    ['agents', policy.agents ?? []],
    ['agentModels', Object.keys(policy.agentModels ?? {})],
  ] as const) {
    const unknown = named.find((name) => !agents.includes(name));
    if (unknown !== undefined) {
      const known = agents.length === 0 ? 'there are no agents' : `the agents are ${agents.join(', ')}`;
      throw new TypeError(`delegation.${path} names ${shown(unknown)}, which is no agent here: ${known}`);
    }
  }
  return policy;
}

function frozen(given: unknown): DelegationPolicy {
  try {
    return toFrozenJson(given, POLICY_BYTES) as DelegationPolicy;
  } catch (cause) {
    throw new TypeError((cause as Error).message.replace('$', 'delegation'), { cause });
  }
}

function checkNames(path: string, names: unknown): void {
  if (!Array.isArray(names) || names.some((name) => typeof name !== 'string'))
    throw new TypeError(`delegation.${path} must be a list of names`);
}
