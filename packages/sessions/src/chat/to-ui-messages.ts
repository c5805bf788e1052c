import type { Message, Request } from '@prusik/core';
import { addressesOf, type FileAddress } from './file-address.ts';
import { createTurnEncoder, type TurnEncoder } from './turn-encoder.ts';
import { userParts } from './turn-parts.ts';
import { replyIdOf } from './turn-ids.ts';
import { foldUiChunks } from './ui-fold.ts';
import type { UiMessage } from './ui-types.ts';

/** What {@link toUiMessages} takes besides the messages. */
export interface UiMessagesOptions {
  /** Where a page gets a file that is in the store: see {@link inlineFiles}. @default nowhere, and such a file is a part `data-file` */
  readonly fileUrl?: FileAddress;
  /** What was asked in these turns: shows who was asked about which call, and what is open. @default nothing is known of it */
  readonly requests?: readonly Request[];
  /** The last turn is not over, so what is open in it may still come. @default false */
  readonly live?: boolean;
}

/**
 * Stored messages as a client of the AI SDK shows them: each turn of the assistant is one message, with the id that its stream has. What is there for the
 * model only (a summary, a note, a correction) is not shown; messages before the first of a user are a turn of their own.
 */
export async function toUiMessages(
  messages: readonly Message[],
  { fileUrl = () => undefined, requests = [], live = false }: UiMessagesOptions = {},
): Promise<UiMessage[]> {
  const addresses = await addressesOf(messages, fileUrl);
  const shown: UiMessage[] = [];
  let turn: { readonly encoder: TurnEncoder; readonly message: UiMessage } | undefined;

  function endTurn(isOver: boolean): void {
    if (turn === undefined) return;
    if (isOver) foldUiChunks(turn.message, turn.encoder.close());
    // An empty one is refused by the SDK’s checks.
    if (turn.message.parts.length > 0) shown.push(turn.message);
    turn = undefined;
  }

  for (const message of messages) {
    if (message.role === 'user') {
      if (message.kind !== 'user') continue;
      endTurn(true);
      const parts = userParts(message, addresses);
      if (parts.length > 0) shown.push({ id: message.id, role: 'user', parts });
      turn = begin(replyIdOf(message.id));
    } else {
      turn ??= begin(replyIdOf(message.id));
      foldUiChunks(turn.message, turn.encoder.message(message, { requests, addresses }));
    }
  }
  endTurn(!live);
  return shown;
}

function begin(id: string) {
  const encoder = createTurnEncoder({ errorText: ({ code }) => code });
  const message: UiMessage = { id, role: 'assistant', parts: [] };
  return { encoder, message };
}
