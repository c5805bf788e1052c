import type { CallAnswers, CallNeed, FilePart, Json, TextPart } from '@prusik/core';

/**
 * The recorded outcome of an execution that cannot go on before somebody has said something. Who is asked was decided when it was recorded, so a later
 * build asks the same.
 */
export interface Needing {
  /** Id of the message that the step would have stored: tells what its body returned from what a check or a person has said of it. */
  readonly asks: string;
  /** Which time the call asks, from 1. */
  readonly round: number;
  /** Hash of the tool that gave the state, which is for no other. */
  readonly toolHash: string;
  readonly state: Json;
  readonly needs: readonly RecordedNeed[];
}

/** What a call needs, under the name that its tool gave it. */
export type RecordedNeed = { readonly name: string } & (
  | Extract<CallNeed, { readonly kind: 'question' | 'sign-in' }>
  | RecordedSample
  /** Nobody is asked: there is nobody, or it is not allowed. */
  | { readonly kind: 'unavailable'; readonly reason: string }
);

/** A prompt as it is recorded. */
export interface RecordedSample extends Omit<Extract<CallNeed, { readonly kind: 'sample' }>, 'messages'> {
  readonly messages: readonly {
    readonly role: 'user' | 'assistant';
    readonly content: readonly (TextPart | FilePart)[];
  }[];
  /** A person is asked first. */
  readonly ask?: true;
}

/** What a call is executed again with. */
export interface Answered extends CallAnswers {
  readonly round: number;
  readonly toolHash: string;
}

/** The same as the tool is given it: a copy, since what one attempt does to it must not be what the next is given. */
export const givenTo = (answered: Answered | undefined): Partial<CallAnswers> =>
  answered === undefined ? {} : structuredClone({ answers: answered.answers, state: answered.state });

/** How many requests are open at once for it, at most. */
export const requestsIn = ({ needs }: Needing): number =>
  needs.filter((need) => (need.kind === 'sample' ? need.ask === true : need.kind !== 'unavailable')).length;

/** Tells what an execution needs from what a `check` or a person has said of it. */
export const isNeeding = (value: unknown, message: string): value is Needing =>
  (value as Partial<Needing> | null | undefined)?.asks === message;
