import type { Budget, DelegationPolicy } from '@prusik/core';

/** A tree of runs and what happens to it from outside, as data: printed when it fails, and made smaller by leaving parts of it out. */
export interface TreeSpec {
  readonly root: NodeSpec;
  readonly acts: readonly OutsideAct[];
  /** 0: whoever waits is parked at once and replays. */
  readonly parkAfterMs: number;
  /** Turns of the event loop that a commit is on its way, to the store and back: what else happens meanwhile crosses it. */
  readonly turns: { readonly to: number; readonly back: number };
  /** What passes on the clock when nothing moves. */
  readonly tickMs: number;
}

/** One run. Its definition has its name, and its caller calls it under its name as the key. */
export interface NodeSpec {
  readonly name: string;
  /** A function calls by the engine alone and has no policy. */
  readonly kind: 'workflow' | 'function';
  /** Missing: a workflow that may call nobody. */
  readonly policy?: DelegationPolicy;
  /** What its caller says besides. */
  readonly budget?: Budget;
  readonly timeoutMs?: number;
  readonly levels?: number;
  /** It hands back what it has when its time is up. */
  readonly answers?: true;
  /** What its function does, one after the other. */
  readonly works: readonly Work[];
  readonly end: 'returns' | 'throws' | 'talks' | 'in part';
}

/** `caught`: a failure of it is noted, and the function goes on. */
export type Work = (ModelWork | StepWork | SleepWork | AskWork | WaitWork | CallWork | GroupWork) & {
  readonly caught?: true;
};

/** A call of a model: reserved before, settled after. */
export interface ModelWork {
  readonly does: 'model';
  readonly reserve?: { readonly calls: 1; readonly tokens?: number };
  readonly uses: number;
  /** It says what it used. */
  readonly tells: boolean;
  readonly fails?: true;
  readonly takesMs: number;
  /** Nobody awaits it. */
  readonly dropped?: true;
}

export interface StepWork {
  readonly does: 'step';
  readonly effect: 'repeatable' | 'keyed' | 'once';
  readonly fails?: true;
  readonly takesMs: number;
}

export interface SleepWork {
  readonly does: 'sleep';
  readonly ms: number;
}

/** A question to a person, who says yes when nothing else moves; dropped, it may be open when the run ends. */
export interface AskWork {
  readonly does: 'ask';
  readonly dropped?: true;
}

/** For what never comes: only where the run is surely cancelled, or has a time. */
export interface WaitWork {
  readonly does: 'wait';
}

export interface CallWork {
  readonly does: 'call';
  readonly child: NodeSpec;
  readonly how: 'awaits' | 'drops' | 'leaves';
  /** The signal of the call fires: at once, or after the next work. */
  readonly aborts?: 'now' | 'later';
}

/** Children side by side. `all` stops at the first failure; a race cancels the losers. */
export interface GroupWork {
  readonly does: 'all' | 'settle' | 'race';
  readonly children: readonly NodeSpec[];
  /** Of a workflow's `all`: at once, and whether the first failure stops the others. */
  readonly lanes?: number;
  readonly stops?: true;
}

/** Something from outside, at a commit of the whole tree (the n-th), or when nothing has moved for the n-th time. */
export type OutsideAct = { readonly at: { readonly commit: number } | { readonly quiet: number } } & (
  | { readonly act: 'cancel'; readonly node: string }
  /** The process that makes the commit dies before or after it, and another takes over. Not when all is quiet. */
  | { readonly act: 'die'; readonly when: 'before' | 'after' }
  /** One more process beside the others. */
  | { readonly act: 'join' }
  /** One gives back what it drives and goes; another comes. */
  | { readonly act: 'relieve' }
  /** All leases run out at once, as after a suspend. */
  | { readonly act: 'lapse' }
);

export const childrenOfWork = (work: Work): readonly NodeSpec[] =>
  work.does === 'call' ? [work.child] : 'children' in work ? work.children : [];

export const childrenOfNode = ({ works }: NodeSpec): readonly NodeSpec[] => works.flatMap(childrenOfWork);

/** The node and all below it, callers first. */
export function nodesOf(node: NodeSpec): readonly NodeSpec[] {
  return [node, ...childrenOfNode(node).flatMap(nodesOf)];
}
