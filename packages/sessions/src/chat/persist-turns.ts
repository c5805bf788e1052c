import {
  isPrusikError,
  primaryError,
  type AnyDefinition,
  type DurableContext,
  type Message,
  type RunInfo,
} from '@prusik/core';

/** A turn that is over, to be kept elsewhere. */
export interface FinishedTurn {
  readonly run: RunInfo;
  readonly outcome: 'completed' | 'failed';
  /** What the turn added to its conversation, the user's message first. */
  readonly messages: readonly Message[];
  /** The same for this turn however often it is handed over: what was kept under it is kept. */
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

/** What {@link persistTurns} takes. */
export interface PersistOptions {
  /** Times that it is tried. @default 5 */
  readonly attempts?: number;
  /** Of one try, in milliseconds. @default 30_000 */
  readonly timeoutMs?: number;
}

/**
 * The definition, with a last step in each of its runs that hands the finished turn to `persist`: recorded when it is done, tried again when it fails, and
 * by another process when this one dies. So every turn gets there at least once, whoever drove it and whether anybody listened. One that cannot
 * be kept stands in the journal as a failed step `chat:persist`; the turn’s own outcome stays. A turn that was cancelled is not handed over.
 */
export function persistTurns<D extends AnyDefinition>(
  definition: D,
  persist: (turn: FinishedTurn) => Promise<void> | void,
  options: PersistOptions = {},
): D {
  const { attempts = 5, timeoutMs = 30_000 } = options;

  async function run(ctx: DurableContext<never>, input: never): Promise<unknown> {
    const begun = (await ctx.thread.read()).findLast(({ message }) => message.kind === 'user')?.n ?? 0;
    const hand = (outcome: FinishedTurn['outcome']): Promise<void> =>
      ctx.step(
        'chat:persist',
        async ({ idempotencyKey, signal }) => {
          const messages = (await ctx.thread.read()).filter(({ n }) => n >= begun).map(({ message }) => message);
          await persist({ run: ctx.run, outcome, messages, idempotencyKey, signal });
        },
        { effect: 'keyed', timeoutMs, retry: { attempts, retryable: () => true } },
      );
    let output: unknown;
    try {
      output = await definition.run(ctx, input);
    } catch (error) {
      if (!isPrusikError(primaryError(error), 'RUN_CANCELLED')) await hand('failed').catch(unlessCancelled);
      throw error;
    }
    await hand('completed').catch(unlessCancelled);
    return output;
  }

  // An agent is bound to its model later, and must not lose the step by it.
  const { bind } = definition as { readonly bind?: (parts: unknown) => AnyDefinition };
  const bound = (parts: unknown): AnyDefinition => persistTurns(bind?.(parts) ?? definition, persist, options);
  return { ...definition, run, ...(bind === undefined ? {} : { bind: bound }) };
}

function unlessCancelled(error: unknown): void {
  if (isPrusikError(error, 'RUN_CANCELLED')) throw error;
}
