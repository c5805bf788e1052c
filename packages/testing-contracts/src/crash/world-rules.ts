import { runKeyText, type RunKey } from '@prusik/core';
import type { EffectLine } from './effect-lines.ts';
import type { Found, Rule } from './rule.ts';

type EffectOf = Extract<EffectLine, { type: 'effect' }>;
type Acknowledged = Extract<EffectLine, { type: 'acknowledged' }>;

/** What a store and the world must agree on. */
export const WORLD_RULES: readonly Rule[] = [
  {
    name: 'acknowledged-lost',
    *broken({ runs, lines }) {
      const journals = new Map(runs.map(({ run, entries }) => [runKeyText(run.key), entries]));
      const compacted = new Set(
        runs.flatMap(({ run }) => (run.compactedAt === undefined ? [] : [runKeyText(run.key)])),
      );
      for (const { run, key, seq } of acknowledged(lines)) {
        if (compacted.has(runKeyText(run))) continue;
        const entry = journals.get(runKeyText(run))?.[seq - 1];
        const isThere = (entry?.type === 'step-end' || entry?.type === 'wait-end') && entry.key === key;
        if (!isThere) yield { run: run.run, message: `${key} was acknowledged as entry ${seq}, and is not there` };
      }
    },
  },
  {
    // A holder tells of its claim in its first commit: what lies behind the claim of another is not its to write.
    name: 'fence',
    *broken({ runs, lines }) {
      const journals = new Map(runs.map(({ run, entries }) => [runKeyText(run.key), entries]));
      for (const { run, key, seq, epoch } of acknowledged(lines)) {
        const before = (journals.get(runKeyText(run)) ?? []).slice(0, seq);
        const holder = before.findLast((entry) => entry.type === 'run-claim');
        if (holder !== undefined && holder.epoch !== epoch)
          yield {
            run: run.run,
            message: `${key} was written under epoch ${epoch} while epoch ${holder.epoch} held it`,
          };
      }
    },
  },
  {
    name: 'effect-missing',
    *broken({ runs, lines, isSilent }) {
      if (lines === undefined) return;
      const acted = new Set(effects(lines).map(({ run, step }) => nameOf(run, step)));
      for (const { run, entries } of runs) {
        for (const entry of entries) {
          if (entry.type !== 'step-end' || !entry.outcome.ok || entry.settledBy !== undefined) continue;
          if (!isSilent(run.key.run, entry.key) && !acted.has(nameOf(run.key, entry.key)))
            yield { run: run.key.run, message: `${entry.key} has an outcome and never acted` };
        }
      }
    },
  },
  {
    name: 'key-changed',
    *broken({ lines }) {
      for (const [name, same] of byStep(effects(lines)))
        if (new Set(same.map(({ idempotencyKey }) => idempotencyKey)).size > 1)
          yield {
            run: same[0]?.run.run ?? name,
            message: `${same[0]?.step} acted under more than one idempotency key`,
          };
    },
  },
  {
    name: 'once-repeated',
    *broken({ runs, lines }) {
      for (const [name, same] of byStep(effects(lines).filter(({ effect }) => effect === 'once'))) {
        const { run, step } = same[0] ?? { run: undefined, step: '' };
        const record = runs.find((one) => run !== undefined && runKeyText(one.run.key) === runKeyText(run));
        // A person may say that it did not happen and is to be done again.
        const allowed = (record?.entries ?? []).filter(
          (entry) => entry.type === 'run-unblock' && entry.choice === 'retry' && entry.key === step,
        ).length;
        if (same.length > 1 + allowed)
          yield { run: run?.run ?? name, message: `${step} may act once and acted ${same.length} times` };
      }
    },
  },
];

const effects = (lines: Found['lines']): readonly EffectOf[] =>
  (lines ?? []).filter((line): line is EffectOf => line.type === 'effect');

const acknowledged = (lines: Found['lines']): readonly Acknowledged[] =>
  (lines ?? []).filter((line): line is Acknowledged => line.type === 'acknowledged');

const nameOf = (run: RunKey, step: string): string => `${runKeyText(run)} ${step}`;

function byStep(lines: readonly EffectOf[]): ReadonlyMap<string, readonly EffectOf[]> {
  const groups = new Map<string, EffectOf[]>();
  for (const line of lines) {
    const name = nameOf(line.run, line.step);
    groups.set(name, [...(groups.get(name) ?? []), line]);
  }
  return groups;
}
