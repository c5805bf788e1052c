import type { Decision, EntryBody, InterventionChoice, Json } from '@prusik/core';
import type { Part } from './combine-parts.ts';
import type { DriveCore } from './drive-core.ts';
import { chargedInFull } from './spent.ts';

/** What a person says about a blocked run: `happened` may carry the output that the step had. */
export interface Intervention {
  readonly choice: InterventionChoice;
  readonly output?: Json;
}

/**
 * Takes up what a person chose for the run while it was blocked. `false` when nobody has yet.
 * Anything but a clear `happened` or `retry` is `fail`: of all choices it is the one that acts on nothing.
 */
export async function takeUpIntervention({ state, inbox, committer }: DriveCore): Promise<boolean> {
  const { block } = state;
  if (block === undefined) return true;
  const signal = inbox.get('decision', block.request);
  if (signal === undefined) return false;
  const decision = signal.body as unknown as Decision;
  const chosen = (decision.value ?? {}) as Partial<Intervention>;
  const choice =
    decision.status === 'answered' && (chosen.choice === 'happened' || chosen.choice === 'retry')
      ? chosen.choice
      : 'fail';
  const intent = block.key === undefined ? undefined : state.intents.get(block.key);
  // Without a step that it is about, the choice is about the run.
  const entries: EntryBody[] = [
    { type: 'run-unblock', request: block.request, choice, ...(intent === undefined ? {} : { key: intent.key }) },
  ];
  if (intent !== undefined && choice !== 'retry') {
    const { key, kind, fingerprint, attempt } = intent;
    const outcome =
      choice === 'happened'
        ? ({ ok: true, ...(chosen.output === undefined ? {} : { value: chosen.output }) } as const)
        : ({ ok: false, error: { code: block.code, message: decision.reason ?? block.message } } as const);
    entries.push({
      type: 'step-end',
      key,
      kind,
      fingerprint,
      attempt,
      outcome,
      durationMs: 0,
      settledBy: 'intervention',
    });
  }
  const part: Part = { entries, progress: true };
  // Not by the block: an older release did it here.
  await committer.stage(intent?.reserved ? { ...part, ledger: chargedInFull(intent.reserved) } : part);
  return true;
}
