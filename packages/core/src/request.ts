import type { NewGrant } from './grant.ts';
import type { Json, JsonObject } from './json.ts';
import type { ListOrder, ParentLink } from './run.ts';
import type { RunKey } from './ids.ts';

/** What is asked of a person; `client-tool`: of the program that a person uses, which answers with the tool's output. */
export type RequestKind = 'approval' | 'question' | 'client-tool' | 'intervention' | 'sign-in';

/** `open` until the first decision; every other status is final. */
export type RequestStatus = 'open' | 'approved' | 'edited' | 'rejected' | 'answered' | 'expired' | 'withdrawn';

/** How a request is once it is closed. */
export const CLOSED_STATUSES: readonly Exclude<RequestStatus, 'open'>[] = [
  'approved',
  'edited',
  'rejected',
  'answered',
  'expired',
  'withdrawn',
];

/** What somebody may say to a request of each kind; `expired` and `withdrawn` are said by the store and by the run. */
export const DECISIONS_OF: { readonly [Kind in RequestKind]: readonly RequestStatus[] } = {
  approval: ['approved', 'edited', 'rejected'],
  question: ['answered', 'rejected'],
  'client-tool': ['answered', 'rejected'],
  intervention: ['answered'],
  'sign-in': ['answered', 'rejected'],
};

/** A new request; its id is unique within its run. */
export interface NewRequest {
  readonly id: string;
  readonly kind: RequestKind;
  /** Key of the step or wait that asks. */
  readonly stepKey: string;
  /** What the person is shown; for an approval {@link ApprovalBody}. */
  readonly body: Json;
  /** JSON Schema of an edited input or an answer: for a form, and for whoever checks a decision before it counts. */
  readonly schema?: JsonObject;
  /** By the store's clock; `null` never expires. */
  readonly expiresAt: number | null;
}

/** A request as the store keeps it: one row, one life. */
export interface Request extends NewRequest {
  readonly run: RunKey;
  readonly root: string;
  readonly parent?: ParentLink;
  /** Of its tree's root. */
  readonly session?: string;
  readonly definition: string;
  /** From `expiresAt` on it reads `expired`, also while nobody has written that down: then there is no `decision` yet. */
  readonly status: RequestStatus;
  readonly openedAt: number;
  readonly decision?: Decision;
  /** The single use of the decision was taken. */
  readonly claimed: boolean;
}

/** What a person said. */
export interface Decision {
  readonly status: Exclude<RequestStatus, 'open'>;
  /** Edited input, an answer, a chosen intervention. */
  readonly value?: Json;
  readonly reason?: string;
  /** Who decided, in the caller's own terms. */
  readonly by?: string;
  /** With an approval: calls like this one are not asked about any more. */
  readonly grant?: NewGrant;
  readonly at: number;
}

/** What an approval is bound to: a decision holds for exactly this call. */
export type ApprovalBody = JsonObject & {
  readonly tool: string;
  readonly callId: string;
  readonly input: Json;
  /** Hash over tool name, canonical input, schema and tool definition. */
  readonly fingerprint: string;
  /** Hash of the tool, which a grant is bound to; missing where each call is to be decided by itself. */
  readonly toolHash?: string;
  /** Of a tool that a source has listed: the name of that source. */
  readonly source?: string;
};

/** What a program answers that a person uses: the tool runs there. */
export interface ClientToolBody {
  readonly tool: string;
  readonly callId: string;
  readonly input: Json;
  readonly [key: string]: Json;
}

/** What a call of a tool needs that cannot go on: a question, a sign-in, or leave to ask a model. It is about the call, and no result of it. */
export type NeedBody = JsonObject & {
  readonly tool: string;
  readonly callId: string;
  /** What the tool calls it. */
  readonly need: string;
  /** Of a tool that a source has listed: the name of that source, which wrote what is asked. */
  readonly source?: string;
};

/** Tells a need of a call from what is asked in its place, such as its result. */
export function isNeed({ body }: Pick<NewRequest, 'body'>): boolean {
  const { callId, need } = (body ?? {}) as Partial<NeedBody>;
  return typeof callId === 'string' && typeof need === 'string';
}

/** What a person can choose for a blocked run. */
export type InterventionChoice = 'happened' | 'retry' | 'fail';

/** What somebody decides about one request. */
export interface NewDecision {
  readonly run: RunKey;
  readonly request: string;
  readonly decision: Omit<Decision, 'at'>;
}

/** Whether this decision is the one that counts. */
export type DecideResult =
  /** The grant that came with it is one too many; nothing was written. */
  | { readonly outcome: 'refused'; readonly code: 'TOO_MANY_GRANTS'; readonly request: Request }
  /**
   * `already`: it was closed before, `request` says how; also when the decision came at or after `expiresAt`, which expires the request.
   * `early`: `expired` was said before `expiresAt` by the store's clock; it is still open.
   */
  | { readonly outcome: 'decided' | 'already' | 'early'; readonly request: Request }
  | { readonly outcome: 'unknown' };

/** Open requests of one run, at most; its interventions are not counted, so that it can always ask for help. */
export const OPEN_REQUEST_LIMIT = 64;

/** Requests of one tenant; each condition narrows it. `after` is a page's `next`. */
export interface RequestQuery {
  readonly tenant: string;
  readonly status?: readonly RequestStatus[];
  readonly kind?: readonly RequestKind[];
  readonly run?: string;
  readonly root?: string;
  /** Of the tree's root. */
  readonly session?: string;
  readonly definition?: string;
  /** Who decided. */
  readonly by?: string;
  /** @default 'oldest' */
  readonly order?: ListOrder;
  readonly after?: string;
  readonly limit: number;
}
