import type { LiveEvent, RunEvent, StepEnd } from '@prusik/core';

/** What there is to tell about a release while it runs; a fold of its events. */
export interface Progress {
  /** In order of appearance: the release itself and its children. */
  readonly parts: readonly PartProgress[];
  readonly modelCalls: number;
  readonly toolCalls: number;
  readonly tokens: number;
}

export interface PartProgress {
  readonly run: string;
  readonly name: string;
  /** What it does, or how it ended. */
  readonly state: string;
  readonly ended: boolean;
  readonly calls: number;
}

export const NO_PROGRESS: Progress = { parts: [], modelCalls: 0, toolCalls: 0, tokens: 0 };

/** A release's own steps, for people: what was done, or could not be. */
const STEPS: Readonly<Record<string, readonly [done: string, failed: string]>> = {
  snapshot: ['took a snapshot of the repository', 'could not take a snapshot of the repository'],
  plan: ['divided the commits among the areas', 'could not divide the commits among the areas'],
  merge: ['put the parts together', 'could not put the parts together'],
  'remove-workspace': ['removed the workspace', 'could not remove the workspace'],
  publish: ['published the notes', 'could not publish the notes'],
};

/** The state after one more event. Live events only move the line of their part. */
export function fold(progress: Progress, event: RunEvent): Progress {
  const { run } = event.run;
  if (event.live) {
    const { event: live } = event;
    return live.type === 'step-start' ? withPart(progress, run, (part) => ({ ...part, state: doing(live) })) : progress;
  }
  const { entry } = event;
  switch (entry.type) {
    case 'run-start':
      return withPart(progress, run, (part) => ({ ...part, name: nameOf(progress, run, entry.definition) }));
    case 'wait-start':
      if (entry.kind === 'request')
        return withPart(progress, run, (part) => ({ ...part, state: 'waits for your decision' }));
      if (entry.child === undefined) return progress;
      return withPart(progress, entry.child, (part) => ({ ...part, name: entry.key, state: 'starting' }));
    case 'step-end': {
      const told = { ...progress, ...countOf(progress, entry) };
      return withPart(told, run, (part) => ({ ...part, state: became(entry), calls: part.calls + 1 }));
    }
    case 'step-pause':
      return withPart(progress, run, (part) => ({ ...part, state: `waits to try again: ${entry.error.code}` }));
    case 'run-block':
      return withPart(progress, run, (part) => ({ ...part, state: `blocked: ${entry.code}` }));
    case 'run-end':
      return withPart(progress, run, (part) => ({
        ...part,
        ended: true,
        state: entry.status === 'completed' ? 'done' : `${entry.status}: ${entry.error?.code ?? ''}`,
      }));
    default:
      return progress;
  }
}

function doing({ kind, name, key }: Extract<LiveEvent, { type: 'step-start' }>): string {
  return kind === 'model' ? 'thinks' : `${name ?? key} …`;
}

function became({ key, name, outcome }: StepEnd): string {
  const told = STEPS[key]?.[outcome.ok ? 0 : 1];
  return told ?? `${name ?? key}${outcome.ok ? '' : ' failed'}`;
}

function countOf(
  { modelCalls, toolCalls, tokens }: Progress,
  entry: StepEnd,
): Pick<Progress, 'modelCalls' | 'toolCalls' | 'tokens'> {
  const { inputTokens = 0, outputTokens = 0 } = entry.usage ?? {};
  return {
    modelCalls: modelCalls + (entry.kind === 'model' ? 1 : 0),
    toolCalls: toolCalls + (entry.kind === 'tool' ? 1 : 0),
    tokens: tokens + inputTokens + outputTokens,
  };
}

/** A child is known by the key that its parent called it by, which says more than its definition. */
function nameOf(progress: Progress, run: string, definition: string): string {
  return progress.parts.find((part) => part.run === run)?.name ?? definition;
}

function withPart(progress: Progress, run: string, change: (part: PartProgress) => PartProgress): Progress {
  const known = progress.parts.findIndex((part) => part.run === run);
  // A reader that came late does not know what the run is called.
  const fresh: PartProgress = { run, name: run, state: '', ended: false, calls: 0 };
  if (known === -1) return { ...progress, parts: [...progress.parts, change(fresh)] };
  return { ...progress, parts: progress.parts.map((part, index) => (index === known ? change(part) : part)) };
}
