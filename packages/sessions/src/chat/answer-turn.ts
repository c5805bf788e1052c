import { isNeed, OPEN_REQUEST_LIMIT, PrusikError, type Request as AskedRequest, type SessionKey } from '@prusik/core';
import type { PersonDecision } from '@prusik/durable';
import { lastTurn, type Turn } from './begin-turn.ts';
import type { ChatAnswer, ChatAsk } from './chat-body.ts';
import type { ChatAccess, ChatOptions } from './chat-options.ts';
import { callOf } from './turn-calls.ts';
import { driveBeside } from './turn-response.ts';

/**
 * Decides what a person said about the open requests of the turn; what is not open any more is told by the stream.
 *
 * @throws {PrusikError} `CHAT_OUTDATED`; what `decide` rejects with.
 */
export async function answerTurn(
  key: SessionKey,
  ask: Extract<ChatAsk, { type: 'answers' }>,
  { by }: ChatAccess,
  options: ChatOptions,
): Promise<Turn> {
  const { engine } = options;
  const { holder: run, ...turn } = await lastTurn(key, ask.messageId, options);
  const open = await engine.store.listRequests({ ...run.key, status: ['open'], limit: OPEN_REQUEST_LIMIT });
  // Each once, however often a client says it.
  const undecided = new Set(open.items);
  try {
    for (const said of ask.answers) {
      const asked = [...undecided].find((one) => isAbout(said, one));
      if (asked === undefined) continue;
      await engine.decide(asked.run, asked.id, { ...decisionOf(said), ...(by === undefined ? {} : { by }) });
      undecided.delete(asked);
    }
  } catch (error) {
    // What was decided before the one that is refused stands, and nobody else may come to go on with it.
    if (undecided.size < open.items.length) driveBeside(turn, options);
    throw error;
  }
  // Otherwise a client that sends by itself would send the same again and again.
  if (undecided.size === open.items.length && (run.status === 'waiting' || run.status === 'blocked'))
    throw new PrusikError('CHAT_OUTDATED', 'The turn waits for somebody, and none of its open requests was answered', {
      meta: { runId: run.key.run, requestIds: open.items.map(({ id }) => id) },
    });
  return turn;
}

/** Of a call that runs on the client, or that asks the user, its output is the answer. What a tool needs is told as a request of its own. */
function isAbout(said: ChatAnswer, asked: AskedRequest): boolean {
  if (isNeed(asked)) return false;
  if (said.type === 'approval') return asked.kind === 'approval' && asked.id === said.request;
  return (asked.kind === 'client-tool' || asked.kind === 'question') && callOf(asked) === said.callId;
}

function decisionOf(said: ChatAnswer): PersonDecision {
  switch (said.type) {
    case 'approval':
      return {
        status: said.approved ? 'approved' : 'rejected',
        ...(said.reason === undefined ? {} : { reason: said.reason }),
      };
    case 'output':
      return { status: 'answered', value: said.output };
    case 'output-error':
      return { status: 'rejected', reason: said.reason };
    default:
      return said satisfies never;
  }
}
