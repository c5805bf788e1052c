import {
  PrusikError,
  type DecideResult,
  type Decision,
  type InterventionChoice,
  type Json,
  type Request,
  type RequestKind,
  type RunKey,
} from '@prusik/core';
import type { Engine } from '@prusik/durable';

/** Who decides, and why. */
export interface DecisionOptions {
  /** In the caller's own terms; recorded. */
  readonly by?: string;
  /** Shown to the model when it is about a tool call. */
  readonly reason?: string;
}

/**
 * Decides open requests. `run` is the run that asks or the root of its tree: a request shows at the root, is decided there, and acts
 * where it was asked. The first decision stands; whoever comes later is told what it was (`already`).
 *
 * Every method rejects with `REQUEST_UNKNOWN` when there is none of that id, and `REQUEST_KIND` when it asks for something else.
 */
export interface Decisions {
  approve(run: RunKey, request: string, options?: DecisionOptions): Promise<DecideResult>;
  reject(run: RunKey, request: string, options?: DecisionOptions): Promise<DecideResult>;
  /** Approves other input than was asked for. */
  edit(run: RunKey, request: string, input: Json, options?: DecisionOptions): Promise<DecideResult>;
  /** Answers a question. */
  answer(run: RunKey, request: string, value: Json, options?: DecisionOptions): Promise<DecideResult>;
  /** Says what is to become of a blocked run; `happened` may carry the output that its step had. */
  intervene(
    run: RunKey,
    request: string,
    choice: { readonly choice: InterventionChoice; readonly output?: Json },
    options?: DecisionOptions,
  ): Promise<DecideResult>;
}

export function createDecisions(engine: Engine): Decisions {
  const { store } = engine;

  /** Ids are unique in their run, not in its tree. */
  async function find(run: RunKey, id: string): Promise<Request> {
    const found: Request[] = [];
    for (const scope of [{ run: run.run }, { root: run.run }]) {
      let after: string | undefined;
      do {
        const page = await store.listRequests({
          tenant: run.tenant,
          ...scope,
          limit: 200,
          ...(after === undefined ? {} : { after }),
        });
        found.push(...page.items.filter((request) => request.id === id));
        after = page.next;
      } while (after !== undefined && found.length === 0);
      if (found[0] !== undefined && found.length === 1) return found[0];
    }
    const runs = found.map((request) => request.run.run);
    throw new PrusikError(
      'REQUEST_UNKNOWN',
      found.length === 0
        ? `Run ${run.run} and its children have no request ${id}`
        : `Several runs have a request ${id}; name the one that is meant: ${runs.join(', ')}`,
      { meta: { request: id, runs } },
    );
  }

  async function decide(
    run: RunKey,
    id: string,
    kinds: readonly RequestKind[],
    decision: Omit<Decision, 'at' | keyof DecisionOptions>,
    { by, reason }: DecisionOptions = {},
  ): Promise<DecideResult> {
    const request = await find(run, id);
    if (!kinds.includes(request.kind)) {
      throw new PrusikError('REQUEST_KIND', `Request ${id} is of kind ${request.kind}, not ${kinds.join(' or ')}`, {
        meta: { request: id, kind: request.kind },
      });
    }
    return engine.decide(request.run, id, {
      ...decision,
      ...(by === undefined ? {} : { by }),
      ...(reason === undefined ? {} : { reason }),
    });
  }

  return {
    approve: (run, id, options) => decide(run, id, ['approval'], { status: 'approved' }, options),
    reject: (run, id, options) => decide(run, id, ['approval', 'question', 'sign-in'], { status: 'rejected' }, options),
    edit: (run, id, value, options) => decide(run, id, ['approval'], { status: 'edited', value }, options),
    answer: (run, id, value, options) =>
      decide(run, id, ['question', 'sign-in'], { status: 'answered', value }, options),
    intervene: (run, id, value, options) =>
      decide(run, id, ['intervention'], { status: 'answered', value: { ...value } }, options),
  };
}
