import type {
  AliasesOf,
  Clock,
  DefinitionMap,
  DepsOf,
  Logger,
  NewId,
  Observer,
  RunInfo,
  Sandbox,
  StandardSchema,
  Store,
} from '@prusik/core';
import type { ModelRegistry } from '@prusik/agents';
import type { EngineLimits, EngineWarning, Responder } from '@prusik/durable';

/** What {@link defineHarness} takes. `deps` and `models` are required where a definition needs them. */
export type HarnessOptions<
  Agents extends DefinitionMap,
  Workflows extends DefinitionMap,
  Context extends StandardSchema,
  Alias extends string,
> = HarnessBasics<Agents, Workflows, Context> &
  DepsOption<DepsOf<Agents & Workflows>> &
  ModelsOption<Alias, AliasesOf<Agents & Workflows>>;

/** The registry, with every alias that definitions name. One that is missing shows as the type of `missing`. */
export type ModelsOption<Alias extends string, Needed extends string> = [Needed] extends [never]
  ? { readonly models?: ModelRegistry<Alias> }
  : {
      readonly models: ModelRegistry<Alias> &
        ([Exclude<Needed, Alias>] extends [never] ? unknown : { readonly missing: Exclude<Needed, Alias> });
    };

/** Live objects for tools, policies and workflows, resolved in each process, for each drive of a run. */
export type DepsOption<Deps> = unknown extends Deps
  ? { readonly deps?: (run: RunInfo) => unknown }
  : { readonly deps: (run: RunInfo) => Deps | Promise<Deps> };

export interface HarnessBasics<
  Agents extends DefinitionMap,
  Workflows extends DefinitionMap,
  Context extends StandardSchema,
> {
  /** Where runs live. The harness closes it at its end, unless `keepOpen` says otherwise. */
  readonly store: Store;
  /** Agents that can be run by name. Those that only workflows call need not be here. */
  readonly agents?: Agents;
  /** Workflows that can be run by name. */
  readonly workflows?: Workflows;
  /** Where agents' commands run. Closed with the harness, unless `keepOpen` says otherwise. */
  readonly sandbox?: Sandbox;
  /** Checks the `context` that a run is started with; `CONTEXT_INVALID` otherwise. @default any JSON */
  readonly context?: Context;
  readonly limits?: Partial<EngineLimits>;
  /** Who may decide which request; whatever is not a clear yes refuses, and leaves it open. @default everybody who has the harness */
  readonly canAnswer?: (responder: Responder) => boolean | Promise<boolean>;
  /** Says that losing runs, approvals and waits with the process is meant. @default false */
  readonly ephemeral?: boolean;
  /**
   * What disposal does with runs of this harness that have not ended: give them back for another process; drive those that were started here until
   * each has ended or waits for something outside, and give back what is not finished in `finishMs`; or cancel those. @default 'release'
   */
  readonly atDispose?: 'release' | 'finish' | 'cancel';
  /** How long `finish` may take, in milliseconds. @default 30_000 */
  readonly finishMs?: number;
  /** What disposal leaves open because it is somebody else's. @default none */
  readonly keepOpen?: readonly ('store' | 'sandbox')[];
  /**
   * What else it closes at its end, the last first, when the engine does nothing any more and the sandbox and the store are still there: what the sources of its agents live
   * on, such as the servers of an MCP runner. @default nothing
   */
  readonly owns?: readonly AsyncDisposable[];
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default random UUIDs */
  readonly newId?: NewId;
  /** Takes lines for operators: see `logObserver` of core. @default none are written */
  readonly logger?: Logger;
  /** @default a line of `logger`, else process.emitWarning */
  readonly onWarning?: (warning: EngineWarning) => void;
  /** Told of what its engine commits: traces, metrics. They change nothing. @default none */
  readonly observers?: readonly Observer[];
}
