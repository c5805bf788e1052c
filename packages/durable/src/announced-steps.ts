import { checkId, type Claim, type StepIntent, type StepOptions } from '@prusik/core';
import { checkStepLabels } from './check-calls.ts';
import type { Delivery } from './delivery.ts';
import { reservationOf } from './spent.ts';
import type { StepSpec } from './step-spec.ts';

/** Steps of effect `once` whose intents go ahead, with the outcome that leads to them, and that the function is about to ask for. */
export interface AnnouncedSteps {
  /** Intents of the steps that an outcome leads to. */
  intentsAfter(options: StepOptions): readonly StepIntent[];
  /** They are on their way to the store, which answers so. */
  announce(intents: readonly StepIntent[], answered: Promise<unknown>): void;
  /** They were not committed. */
  forget(intents: readonly StepIntent[]): void;
  /** The function asks for the step: the intent that it has, where that is all that it needs. */
  take(spec: StepSpec): TakenIntent | undefined;
  /** Those that the function has not asked for: nothing of them has happened. */
  waiting(): readonly StepIntent[];
}

/** Of a step that must not begin before the store has answered: another branch of the function may ask for it while its intent is on its way. */
export interface TakenIntent {
  readonly answered: Promise<unknown>;
}

/** Of one run; whatever more it is led to writes intents of its own. So they fit into the commit by which the run is let go of. */
const ANNOUNCED_AT_ONCE = 100;

/** What of a drive it looks at. */
interface Announcing {
  readonly claim: Claim;
  readonly delivery: Delivery;
  stopping(): boolean;
}

export function createAnnouncedSteps(core: Announcing): AnnouncedSteps {
  const announced = new Map<string, TakenIntent & { readonly intent: StepIntent }>();
  const { claim } = core;

  return {
    intentsAfter({ leadsTo }) {
      if (leadsTo === undefined || core.stopping()) return [];
      const { delivery } = core;
      const intents = new Map<string, StepIntent>();
      for (const step of leadsTo()) {
        const { key, kind = 'step', name, fingerprint = '' } = step;
        checkStepLabels(key, step);
        if (announced.size + intents.size >= ANNOUNCED_AT_ONCE) break;
        if (delivery.hasAsked(key) || delivery.isOnRecord(key) || announced.has(key)) continue;
        intents.set(checkId('step key', key), {
          type: 'step-intent',
          key,
          kind,
          fingerprint,
          effect: 'once',
          attempt: claim.lost + 1,
          ...(name === undefined ? {} : { name }),
        });
      }
      return [...intents.values()];
    },
    announce(intents, answered) {
      for (const intent of intents) announced.set(intent.key, { intent, answered });
    },
    forget(intents) {
      for (const { key } of intents) announced.delete(key);
    },
    take({ key, options }) {
      const taken = announced.get(key);
      if (taken === undefined) return undefined;
      announced.delete(key);
      // What was announced as something else than it is stays in doubt.
      const { effect, claimRequest } = options;
      const isWhole = claimRequest === undefined && reservationOf(options, claim.budget) === undefined;
      return effect === 'once' && isWhole ? taken : undefined;
    },
    waiting: () => [...announced.values()].map(({ intent }) => intent),
  };
}
