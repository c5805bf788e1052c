import type {
  AnyDefinition,
  Clock,
  Json,
  JsonObject,
  Logger,
  Run,
  RunEvent,
  SerializedError,
  WhenBusy,
} from '@prusik/core';
import { warningsTo, type Engine, type EngineWarning, type RunResult } from '@prusik/durable';
import type { Sessions } from '../sessions.ts';
import type { ChatMessage } from './chat-body.ts';
import type { FileAddress } from './file-address.ts';
import type { UiMessage, UiMessageChunk } from './ui-types.ts';

/** What {@link handleChatTurn} works on and how. */
export interface ChatOptions {
  readonly engine: Engine;
  readonly sessions: Sessions<unknown>;
  /** Which definition answers; an agent, most often. */
  readonly definition: AnyDefinition;
  /**
   * Who may talk in this chat, and in whose name: nothing for nobody (`CHAT_FORBIDDEN`). One that throws, or takes more than 10 s, lets nobody in.
   * Called before anything is read or written, for every request.
   */
  readonly access: (chat: string, request: Request) => ChatAccess | undefined | Promise<ChatAccess | undefined>;
  /** Input of the definition. @default the text; with files the text and file parts as an agent's prompt takes them */
  readonly input?: (message: ChatMessage, body: JsonObject) => unknown;
  /** What a message meets while another turn holds the chat: see `SessionStartOptions`. @default 'refuse' */
  readonly whenBusy?: WhenBusy;
  /** Drives the turn in this process; `false` leaves that to workers. @default true */
  readonly drive?: boolean;
  /** Keeps a host alive that would stop after its response, until the turn rests and the hooks are done. The promise never rejects. */
  readonly waitUntil?: (work: Promise<void>) => void;
  readonly hooks?: ChatHooks;
  /** Where a client gets a file that is in the store. One without an address is a part `data-file`. @default `inlineFiles`: in the stream, up to 1 MiB each */
  readonly fileUrl?: FileAddress;
  /** What a client is told of a turn that failed. @default the code, which holds no content */
  readonly errorText?: (error: SerializedError) => string;
  /** Of a request, in bytes; past it `CHAT_BODY_TOO_LARGE`. A client of the AI SDK posts its whole conversation. @default 4_194_304 */
  readonly maxBodyBytes?: number;
  /** How long nothing may be sent before a sign of life is, in milliseconds. @default 15_000 */
  readonly keepAliveMs?: number;
  /**
   * How long after its end a turn is still sent to a client that asks to resume, in milliseconds: its stream may have broken just before the end, and "nothing
   * to resume" would leave it with half an answer. @default 60_000
   */
  readonly resumeEndedMs?: number;
  /** @default systemClock */
  readonly clock?: Clock;
  /** Takes what nobody waits to hear as lines, where there is no `onWarning`. */
  readonly logger?: Logger;
  /** What nobody waits to hear: a hook that failed, a drive that did. @default a line of `logger`, else process.emitWarning */
  readonly onWarning?: (warning: EngineWarning) => void;
}

/** Who is told what nobody waits to hear. */
export const warningOf = (options: Pick<ChatOptions, 'onWarning' | 'logger'>): ((warning: EngineWarning) => void) =>
  warningsTo(options);

/** In whose name somebody talks. */
export interface ChatAccess {
  /** @default 'default' */
  readonly tenant?: string;
  /** Stored with the run; tools and policies see it. */
  readonly context?: Json;
  /** What the model is told of this turn besides, such as the page that the user looks at. */
  readonly turnContext?: readonly string[];
  /** Who it is, to the engine's policy of who may decide (`canAnswer`); recorded with what they decide. */
  readonly by?: string;
}

/** Code of the caller's own around a turn. None can break a response: what throws, hangs or answers nonsense is told to `onWarning`. */
export interface ChatHooks {
  /** Each event of the turn, before it is sent; not waited for. */
  readonly onEvent?: (event: RunEvent) => void;
  /**
   * Changes what a client is sent: one chunk, several, or nothing in its place. One that throws ends the stream with an error, since what it might
   * have kept back must not be sent.
   */
  readonly transform?: (chunk: UiMessageChunk) => UiMessageChunk | readonly UiMessageChunk[] | undefined;
  /** After the turn has ended or waits for somebody, in the process that drove it, also when its client has gone; once there, however many pages follow it. Within 30 s. */
  readonly postProcess?: (turn: ChatTurn) => Promise<void> | void;
  /** Last of all, such as sending traces. Within 30 s. */
  readonly flush?: () => Promise<void> | void;
}

/** A turn that has come to rest. */
export interface ChatTurn {
  readonly run: Run;
  readonly result: RunResult;
  /** The answer as a client has it. */
  readonly message: UiMessage;
}
