import { isErrorCode, isPrusikError, primaryError } from '@prusik/core';

/** What a client is told of a code: the words are ours and always the same, and of the facts only these. Whoever made the error may have put anything into its own. */
interface Told {
  readonly status: number;
  readonly message: string;
  readonly facts?: readonly string[];
}

const TOLD: Readonly<Record<string, Told>> = {
  CHAT_BODY_INVALID: { status: 400, message: 'The body cannot be read', facts: ['path', 'problem'] },
  CHAT_BODY_TOO_LARGE: { status: 413, message: 'The body is too large', facts: ['maxBytes'] },
  CHAT_FORBIDDEN: { status: 403, message: 'This chat is not open to whoever asks' },
  CHAT_METHOD: { status: 405, message: 'A chat takes POST and GET' },
  CHAT_OUTDATED: {
    status: 409,
    message: 'This is not the state of the chat any more; load it again',
    facts: ['runId', 'requestIds'],
  },
  CHAT_UNKNOWN: { status: 404, message: 'There is no such chat; a stream is resumed at …/<chat>/stream' },
  ENGINE_CLOSED: { status: 503, message: 'The server is stopping' },
  INPUT_INVALID: { status: 400, message: 'The input does not fit what is asked' },
  MESSAGE_ID_TAKEN: { status: 409, message: 'The chat has a message of that id already' },
  MESSAGE_IN_EXCHANGE: { status: 409, message: 'The message stands before the result of a tool' },
  MESSAGE_NOT_THE_USERS: { status: 409, message: "The message is not the user's" },
  MESSAGE_UNKNOWN: { status: 409, message: 'The chat has no such message' },
  RESPONDER_REFUSED: { status: 403, message: 'The request is not for whoever asks to decide', facts: ['request'] },
  RUN_INPUT_MISMATCH: { status: 409, message: 'The message was sent before with another content' },
  RUN_INPUT_TOO_LARGE: { status: 413, message: 'The message is too large', facts: ['maxBytes'] },
  RUN_UNKNOWN: { status: 409, message: 'The turn is not there any more' },
  SESSION_BUSY: {
    status: 409,
    message: 'Another turn holds the chat',
    facts: ['runId', 'status', 'requestIds'],
  },
  SESSION_CLOSED: { status: 410, message: 'The chat is closed' },
  SESSION_CUTS_FULL: { status: 409, message: 'The chat hides messages in too many places' },
  SESSION_QUEUE_FULL: {
    status: 429,
    message: 'Too many messages wait in this chat',
    facts: ['runId', 'status', 'requestIds'],
  },
  SESSIONS_CLOSED: { status: 503, message: 'The server is stopping' },
  STORE_BUSY: { status: 503, message: 'The server is busy' },
  STORE_UNAVAILABLE: { status: 503, message: 'The server cannot be used at the moment' },
  THREAD_MOVED: { status: 409, message: 'Messages have come meanwhile; load the chat again', facts: ['head'] },
  VALUE_TOO_LARGE: { status: 413, message: 'What was sent is too large', facts: ['maxBytes'] },
};

/** What is a client's own to hear. Anything else is for whoever runs the server. */
export const isForClient = (error: unknown): boolean => {
  const first = primaryError(error);
  return isPrusikError(first) && Object.hasOwn(TOLD, first.code);
};

/** An error as a client may see it. Of what is no condition of ours it is told nothing but that it was. */
export function errorResponse(thrown: unknown): Response {
  const error = primaryError(thrown);
  if (!isPrusikError(error) || !isErrorCode(error.code))
    return answer(500, { code: 'CHAT_FAILED', message: 'The request failed', retryable: false });
  const { code, retryable, meta } = error;
  const told = Object.hasOwn(TOLD, code) ? TOLD[code] : undefined;
  const { status, message, facts = [] } = told ?? { status: 422, message: 'The request was refused' };
  const known = Object.fromEntries(facts.flatMap((fact) => (fact in meta ? [[fact, meta[fact]]] : [])));
  return answer(status, { ...known, code, message, retryable });
}

const answer = (status: number, error: object): Response => Response.json({ error }, { status });
