import { addSpent, CHARS_PER_TOKEN, PrusikError, type Passage, type Spent, type Usage } from '@prusik/core';
import { modelErrorClass, type ModelErrorClass } from './model-class.ts';
import { callModel, type ModelQuestion, type ModelReply } from './model-call.ts';
import { costMicros } from './model-price.ts';
import { wasRefused } from './model-error.ts';
import { modelName } from './language-model.ts';
import type { ModelEntry, ModelRoute } from './model-route.ts';
import { mergeSettings, type ModelSettings } from './model-settings.ts';
import type { ReplySoFar } from './reply-reader.ts';

/** A question to a route. */
export interface RouteCall extends ModelQuestion {
  readonly route: ModelRoute;
  /** What was said so far is void: another model begins anew. */
  readonly onReset: () => void;
  /** Failures after which what a reader has seen may be voided, to ask again. */
  readonly resets: readonly ModelErrorClass[];
  /** What is left for all models together, in milliseconds; none is asked when nothing is. */
  readonly leftMs: () => number;
  /** Tokens that the next reply may have once the models that were asked before have used so much; `undefined` where none may be asked any more. */
  readonly room: (spent: Spent) => number | undefined;
  /** What the prompt takes, by its length: for a call that broke off before it could say. */
  readonly estimateInput: () => number;
}

/** What came of the route. `usage` and `costMicros` are those of all models that were asked; missing where one of them is not known. */
export interface RouteReply extends ModelReply {
  readonly costMicros?: number;
  /** What those used that failed before the one whose reply it is, and what that one used. */
  readonly before: Spent;
  readonly own: Usage;
  readonly by: AnsweredBy;
}

/** Whose reply it is, as the record of a model step keeps it. */
export interface AnsweredBy {
  /** `provider/modelId` */
  readonly model: string;
  /** The reply's id at the provider, and what it calls the model that answered. */
  readonly response?: ReplySoFar['response'];
  /** What the provider did not do as it was asked. */
  readonly warnings?: ReplySoFar['warnings'];
  /** Those that were asked before and failed. */
  readonly failed?: readonly FailedModel[];
}

/** A model that was asked before the one that answered, and why it did not. */
export interface FailedModel {
  readonly model: string;
  readonly class: ModelErrorClass;
}

/**
 * Asks the models of a route in their order until one answers. The next one is asked after a failure that the route names, and once a reader has seen
 * text only where it may be voided. Models whose breaker is open are passed over. Never rejects.
 */
export async function callRoute(call: RouteCall): Promise<RouteReply> {
  const { route, clock } = call;
  const failed: FailedModel[] = [];
  const replies: Asked[] = [];
  let spent: Spent = {};
  let retryInMs = Number.POSITIVE_INFINITY;
  let said = false;
  for (const entry of route.entries) {
    const { model } = entry;
    const passage = route.breaker?.enter(model, clock.monotonic());
    if (passage !== undefined && 'retryInMs' in passage) {
      retryInMs = Math.min(retryInMs, passage.retryInMs);
      continue;
    }
    // Only now, since nobody is asked in its place when the breaker keeps all others closed.
    if (said) call.onReset();
    said = false;
    const reply = await callModel({
      ...call,
      model,
      ...(route.download === undefined ? {} : { download: route.download }),
      settings: withinRoom(entry, call.settings, call.room(spent)),
      timeoutMs: Math.min(call.timeoutMs, call.leftMs()),
      onDelta: (text, block) => {
        said ||= text !== '';
        call.onDelta(text, block);
      },
    });
    if (passage !== undefined) settle(passage, reply, clock.monotonic());
    const usage = usageOf(reply, call);
    const asked = { ...reply, before: spent, own: usage ?? {} };
    if (usage !== undefined) spent = addSpent(spent, spentOn(usage, entry));
    replies.push(asked);
    const kind = failureOf(reply);
    const mayAsk = (): boolean => call.leftMs() > 0 && call.room(spent) !== undefined;
    if (kind === undefined || !route.on.includes(kind) || !mayAsk() || (said && !call.resets.includes(kind)))
      return { ...asked, ...told(spent), by: answeredBy(modelName(model), reply, failed) };
    failed.push({ model: modelName(model), class: kind });
  }
  return exhausted(route, replies, failed, spent, retryInMs);
}

/** A reply of one model of the route. */
type Asked = ModelReply & Pick<RouteReply, 'before' | 'own'>;

function spentOn(usage: Usage, { prices }: ModelEntry): Spent {
  const cost = costMicros(usage, prices);
  return { usage, ...(cost === undefined ? {} : { costMicros: cost }) };
}

/** All that could be asked have failed, or none could. */
function exhausted(
  { name, entries }: ModelRoute,
  replies: readonly Asked[],
  failed: readonly FailedModel[],
  spent: Spent,
  retryInMs: number,
): RouteReply {
  const last = replies.at(-1);
  if (last === undefined) {
    const models = entries.map(({ model }) => modelName(model));
    const error = new PrusikError('MODEL_UNAVAILABLE', `${name} failed again and again, so it is left alone for now`, {
      retryable: true,
      meta: { class: 'unavailable', retryAfterMs: Math.ceil(retryInMs), models },
    });
    return { ...NOTHING, before: {}, own: {}, error, by: { model: models[0] ?? name } };
  }
  const by = answeredBy(failed.at(-1)?.model ?? name, last, failed.slice(0, -1));
  // What a reader has seen is the last one's, and so is the error that goes with it.
  const error = last.parts.length > 0 ? last.error : (mostHopeful(replies) ?? last.error);
  return { ...last, ...told(spent), by, ...(error === undefined ? {} : { error }) };
}

const NOTHING: ModelReply = {
  parts: [],
  malformed: new Set(),
  usage: {},
  finish: 'failed',
  response: {},
  warnings: [],
};

/** The error that says best when to ask again: of whoever had no room, and for the shortest time; then what may pass; then the last. */
function mostHopeful(replies: readonly ModelReply[]): PrusikError | undefined {
  const errors = replies.flatMap(({ error }) => (error === undefined ? [] : [error]));
  const waits = (error: PrusikError): number => Number(error.meta['retryAfterMs'] ?? Number.POSITIVE_INFINITY);
  const soonest = errors.toSorted((a, b) => waits(a) - waits(b))[0];
  if (soonest !== undefined && Number.isFinite(waits(soonest))) return soonest;
  return errors.findLast(({ retryable }) => retryable) ?? errors.at(-1);
}

function failureOf(reply: ModelReply): ModelErrorClass | undefined {
  if (reply.finish === 'content-filter') return 'refused';
  return reply.error === undefined ? undefined : modelErrorClass(reply.error);
}

/** Failures that are the provider's, not the request's. */
const DOWN: ReadonlySet<ModelErrorClass> = new Set(['rate-limit', 'overloaded', 'unavailable', 'timeout', 'auth']);

function settle(passage: Passage, reply: ModelReply, now: number): void {
  const kind = failureOf(reply);
  if (reply.error !== undefined && kind === undefined) return passage.settle('unknown', now);
  const retryAfterMs = reply.error?.meta['retryAfterMs'];
  passage.settle(
    kind !== undefined && DOWN.has(kind) ? 'down' : 'up',
    now,
    typeof retryAfterMs === 'number' ? retryAfterMs : 0,
  );
}

/** As the settings say, and never more than the model can or than is left. */
function withinRoom(
  { settings, capabilities }: ModelEntry,
  over: ModelSettings,
  left = Number.POSITIVE_INFINITY,
): ModelSettings {
  const merged = mergeSettings(settings, over);
  const { maxOutputTokens } = merged;
  if (left === Number.POSITIVE_INFINITY && maxOutputTokens === undefined) return merged;
  const most = Math.min(left, maxOutputTokens ?? left, capabilities?.outputTokens ?? left);
  return { ...merged, maxOutputTokens: Math.max(1, Math.floor(most)) };
}

/**
 * What a call used. Of one that broke off with something said it is what the length says. One that was answered with an error used nothing, unless the
 * provider ran out of time over it; of any other that said nothing, nothing is known.
 */
function usageOf(reply: ModelReply, call: RouteCall): Usage | undefined {
  const { finish, usage, parts } = reply;
  if (finish !== 'failed') return usage;
  const known = usage.inputTokens !== undefined && usage.outputTokens !== undefined;
  if (known) return usage;
  if (parts.length === 0) return wasAnswered(reply.error) ? { inputTokens: 0, outputTokens: 0 } : undefined;
  return {
    ...usage,
    inputTokens: usage.inputTokens ?? call.estimateInput(),
    outputTokens: usage.outputTokens ?? Math.ceil(JSON.stringify(parts).length / CHARS_PER_TOKEN),
    estimated: true,
  };
}

const wasAnswered = (error: PrusikError | undefined): boolean =>
  wasRefused(error) || (error?.meta['statusCode'] !== undefined && modelErrorClass(error) !== 'timeout');

const told = ({ usage = {}, costMicros: cost }: Spent) => ({
  usage,
  ...(cost === undefined ? {} : { costMicros: cost }),
});

const answeredBy = (model: string, { response, warnings }: ModelReply, failed: readonly FailedModel[]): AnsweredBy => ({
  model,
  ...(Object.keys(response).length === 0 ? {} : { response }),
  ...(warnings.length === 0 ? {} : { warnings }),
  ...(failed.length === 0 ? {} : { failed }),
});
