import type { Claim, StepIntent, StepOptions } from '@prusik/core';
import type { Delivery } from './delivery.ts';
import { reservationOf } from './spent.ts';
import type { StepSpec } from './step-spec.ts';

/** Steps of effect `once` whose intents go ahead, with the outcome that leads to them, and that the function is about to ask for. */
export interface AnnouncedSteps {
  /** Intents of the steps that an outcome leads to. */
  intentsAfter(options: StepOptions): readonly StepIntent[];
  /** They are about to be committed. */
  announce(intents: readonly StepIntent[]): void;
  /** They were not committed. */
  forget(intents: readonly StepIntent[]): void;
  /** The function asks for the step: the intent that it has on record, where that is all that it needs. */
  take(spec: StepSpec): StepIntent | undefined;
  /** Those that the function has not asked for: nothing of them has happened. */
  waiting(): readonly StepIntent[];
}

/** Of one outcome; whatever more it leads to writes intents of its own. */
const ANNOUNCED_AT_ONCE = 100;

/** What of a drive it looks at. */
interface Announcing {
  readonly claim: Claim;
  readonly delivery: Delivery;
  stopping(): boolean;
}

export function createAnnouncedSteps(core: Announcing): AnnouncedSteps {
  const announced = new Map<string, StepIntent>();
  const { claim } = core;

  return {
    intentsAfter({ leadsTo }) {
      if (leadsTo === undefined || core.stopping()) return [];
      const { delivery } = core;
      return leadsTo()
        .slice(0, ANNOUNCED_AT_ONCE)
        .filter(({ key }) => !delivery.hasAsked(key) && !delivery.isOnRecord(key) && !announced.has(key))
        .map(({ key, kind = 'step', name, fingerprint = '' }) => ({
          type: 'step-intent',
          key,
          kind,
          fingerprint,
          effect: 'once',
          attempt: claim.lost + 1,
          ...(name === undefined ? {} : { name }),
        }));
    },
    announce(intents) {
      for (const intent of intents) announced.set(intent.key, intent);
    },
    forget(intents) {
      for (const { key } of intents) announced.delete(key);
    },
    take({ key, options }) {
      const intent = announced.get(key);
      if (intent === undefined) return undefined;
      announced.delete(key);
      // What was announced as something else than it is stays in doubt.
      const { effect, claimRequest } = options;
      const isWhole = claimRequest === undefined && reservationOf(options, claim.budget) === undefined;
      return effect === 'once' && isWhole ? intent : undefined;
    },
    waiting: () => [...announced.values()],
  };
}
