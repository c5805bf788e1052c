import type { Json } from './json.ts';
import type { ParentLink } from './run.ts';
import type { RunKey } from './ids.ts';

/** What is asked of a person. */
export type RequestKind = 'approval' | 'question' | 'intervention' | 'sign-in';

/** `open` until the first decision; every other status is final. */
export type RequestStatus = 'open' | 'approved' | 'edited' | 'rejected' | 'answered' | 'expired' | 'withdrawn';

/** A new request; its id is unique within its run. */
export interface NewRequest {
  readonly id: string;
  readonly kind: RequestKind;
  /** Key of the step or wait that asks. */
  readonly stepKey: string;
  /** What the person is shown; for an approval {@link ApprovalBody}. */
  readonly body: Json;
  /** By the store's clock; `null` never expires. */
  readonly expiresAt: number | null;
}

/** A request as the store keeps it: one row, one life. */
export interface Request extends NewRequest {
  readonly run: RunKey;
  readonly root: string;
  readonly parent?: ParentLink;
  readonly definition: string;
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
  readonly at: number;
}

/** What an approval is bound to: a decision holds for exactly this call. */
export interface ApprovalBody {
  readonly tool: string;
  readonly callId: string;
  readonly input: Json;
  /** Hash over tool name, canonical input, schema and tool definition. */
  readonly fingerprint: string;
  readonly [key: string]: Json;
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
  /**
   * `already`: it was closed before, `request` says how; also when the decision came at or after `expiresAt`, which expires the request.
   * `early`: `expired` was said before `expiresAt` by the store's clock; it is still open.
   */
  { readonly outcome: 'decided' | 'already' | 'early'; readonly request: Request } | { readonly outcome: 'unknown' };

/** Open requests of one run, at most; its interventions are not counted, so that it can always ask for help. */
export const OPEN_REQUEST_LIMIT = 64;

/** Requests of one tenant; each condition narrows it. `after` is a page's `next`. */
export interface RequestQuery {
  readonly tenant: string;
  readonly status?: readonly RequestStatus[];
  readonly kind?: readonly RequestKind[];
  readonly run?: string;
  readonly root?: string;
  readonly after?: string;
  readonly limit: number;
}
