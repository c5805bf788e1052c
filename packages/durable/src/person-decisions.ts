import {
  checkOptions,
  PAGE_LIMIT,
  PrusikError,
  type InterventionChoice,
  type Json,
  type NewGrant,
  type Request,
  type RequestKind,
  type RunKey,
} from '@prusik/core';
import type { Decided, Engine, PersonDecision } from './engine-types.ts';

/** Who decides, and why. */
export interface DecisionOptions {
  /** In the caller's own terms; recorded. */
  readonly by?: string;
  /** Shown to the model when it is about a tool call. */
  readonly reason?: string;
}

/** An approval that may say more than this once. */
export interface ApprovalOptions extends DecisionOptions {
  /** Calls like this one are not asked about any more, here or in the whole session. @default this call alone */
  readonly grant?: NewGrant;
}

/**
 * Decides open requests. `run` is the run that asks or the root of its tree: a request shows at the root, is decided there, and acts
 * where it was asked. The first decision stands; whoever comes later is told what it was (`already`).
 *
 * Every method rejects with `REQUEST_UNKNOWN` when there is none of that id, and as `Engine.decide` does: `REQUEST_KIND`, `RESPONDER_REFUSED`,
 * `DECISION_INVALID`, `TOO_MANY_GRANTS`. The request then stays open.
 */
export interface Decisions {
  approve(run: RunKey, request: string, options?: ApprovalOptions): Promise<Decided>;
  reject(run: RunKey, request: string, options?: DecisionOptions): Promise<Decided>;
  /** Approves other input than was asked for. */
  edit(run: RunKey, request: string, input: Json, options?: ApprovalOptions): Promise<Decided>;
  /** Answers a question, or a tool that runs on the client. That somebody has signed in is said with `null`: what they got for it is kept elsewhere. */
  answer(run: RunKey, request: string, value: Json, options?: DecisionOptions): Promise<Decided>;
  /** Says what is to become of a blocked run; `happened` may carry the output that its step had. */
  intervene(
    run: RunKey,
    request: string,
    choice: { readonly choice: InterventionChoice; readonly output?: Json },
    options?: DecisionOptions,
  ): Promise<Decided>;
}

const OPTIONS = {
  names: { by: true, reason: true, grant: true } satisfies Record<keyof ApprovalOptions, true>,
};

/** What decides a request of each kind. */
const METHODS: { readonly [Kind in RequestKind]: string } = {
  approval: 'approve, edit or reject',
  question: 'answer or reject',
  'client-tool': 'answer or reject',
  'sign-in': 'answer or reject',
  intervention: 'intervene',
};

/** For whoever decides in the words of people: an inbox, a command line. */
export function createDecisions(engine: Engine): Decisions {
  const { store } = engine;

  /** Ids are unique in their run, not in its tree. */
  async function find(run: RunKey, id: string): Promise<Request> {
    const own = await store.request(run, id);
    if (own !== undefined) return own;
    const found: Request[] = [];
    let after: string | undefined;
    do {
      const query = { tenant: run.tenant, root: run.run, limit: PAGE_LIMIT };
      const page = await store.listRequests(after === undefined ? query : { ...query, after });
      found.push(...page.items.filter((request) => request.id === id));
      after = page.next;
    } while (after !== undefined);
    if (found[0] !== undefined && found.length === 1) return found[0];
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
    decision: Pick<PersonDecision, 'status' | 'value'>,
    options: ApprovalOptions = {},
  ): Promise<Decided> {
    checkOptions('A decision', options, OPTIONS);
    const { by, reason, grant } = options;
    const request = await find(run, id);
    // `answered` is for interventions as well, and means something else there.
    if (!kinds.includes(request.kind)) {
      throw new PrusikError(
        'REQUEST_KIND',
        `Request ${id} is of kind ${request.kind}, not ${kinds.join(' or ')}: use ${METHODS[request.kind]}`,
        { meta: { request: id, kind: request.kind } },
      );
    }
    return engine.decide(request.run, id, {
      ...decision,
      ...(by === undefined ? {} : { by }),
      ...(reason === undefined ? {} : { reason }),
      ...(grant === undefined ? {} : { grant }),
    });
  }

  return {
    approve: (run, id, options) => decide(run, id, ['approval'], { status: 'approved' }, options),
    reject: (run, id, options) =>
      decide(run, id, ['approval', 'question', 'client-tool', 'sign-in'], { status: 'rejected' }, options),
    edit: (run, id, value, options) => decide(run, id, ['approval'], { status: 'edited', value }, options),
    answer: (run, id, value, options) =>
      decide(run, id, ['question', 'client-tool', 'sign-in'], { status: 'answered', value }, options),
    intervene: (run, id, value, options) =>
      decide(run, id, ['intervention'], { status: 'answered', value: { ...value } }, options),
  };
}
