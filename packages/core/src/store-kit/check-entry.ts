import type { EntryBody } from '../entry.ts';
import { checkId } from '../ids.ts';
import { checkAmount } from '../ledger.ts';
import type { Usage } from '../message.ts';
import { FINAL_STATUSES } from '../run.ts';
import { shown } from '../shown.ts';
import { checkCount, checkJson, checkOneOf, checkRecords, checkText, checkTime } from './argument-values.ts';
import { checkBlobHash } from './key-arguments.ts';

type Check = (value: unknown, name: string) => void;
type Fields = Readonly<Record<string, Check>>;

const text: Check = (value, name) => {
  if (typeof value !== 'string') throw new TypeError(`${name} must be text`);
};
const short: Check = (value, name) => checkText(name, value);
const count: Check = (value, name) => checkCount(name, value);
const time: Check = (value, name) => checkTime(name, value);
const json: Check = (value, name) => checkJson(name, value);
const run: Check = (value) => void checkId('run', value);
const request: Check = (value) => void checkId('request', value);
const amount: Check = (value) => checkAmount(value as object);
const flag: Check = (value, name) => {
  if (typeof value !== 'boolean') throw new TypeError(`${name} must be true or false`);
};
const one =
  (...allowed: readonly string[]): Check =>
  (value, name) =>
    checkOneOf(name, value, allowed);
const maybe =
  (check: Check): Check =>
  (value, name) => {
    if (value !== undefined) check(value, name);
  };
const orNull =
  (check: Check): Check =>
  (value, name) => {
    if (value !== null) check(value, name);
  };
const shaped =
  (fields: Fields): Check =>
  (value, name) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new TypeError(`${name} must be an object`);
    for (const [field, check] of Object.entries(fields))
      check(Object.hasOwn(value, field) ? Reflect.get(value, field) : undefined, field);
  };
const many =
  (check: Check): Check =>
  (value, name) => {
    if (!Array.isArray(value)) throw new TypeError(`${name} must be a list`);
    for (const item of value) check(item, name);
  };

const error = shaped({ code: short, message: text, retryable: maybe(flag), meta: maybe(shaped({})) });
const blob = shaped({ hash: checkBlobHash, size: count });
const failed = shaped({ error });
const succeeded = shaped({ blob: maybe(blob) });
const outcome: Check = (value, name) => {
  shaped({ ok: flag })(value, name);
  ((value as { ok: boolean }).ok ? succeeded : failed)(value, name);
};
const messages = shaped({ from: count, count });
const trace = shaped({ traceparent: text, tracestate: maybe(text) });
const usage = shaped({
  inputTokens: maybe(count),
  cachedInputTokens: maybe(count),
  cacheWriteInputTokens: maybe(count),
  outputTokens: maybe(count),
  reasoningTokens: maybe(count),
  estimated: maybe(flag),
} satisfies { readonly [Name in keyof Usage]-?: Check });
const denial = shaped({ callId: text, tool: text, by: text, request: maybe(request) });
const partial = shaped({ code: short, message: text });
const measurement = shaped({
  kind: one('counter', 'histogram'),
  name: text,
  value: (value, name) => {
    if (!Number.isFinite(value)) throw new TypeError(`${name} must be a number`);
  },
  attributes: maybe(shaped({})),
});

const keyed = { key: (value: unknown) => void checkId('step key', value), fingerprint: short } satisfies Fields;
const step = { ...keyed, kind: one('step', 'model', 'tool'), name: maybe(text), attempt: count } satisfies Fields;
const wait = { ...keyed, kind: one('timer', 'signal', 'child', 'request') } satisfies Fields;

/** What readers of a journal count on. Fields that this version does not know are let be. */
const ENTRIES: { readonly [Type in EntryBody['type']]: Fields } = {
  'run-start': {
    definition: text,
    version: short,
    history: maybe(messages),
    messages: maybe(messages),
    trace: maybe(trace),
  },
  'run-claim': { worker: short, epoch: count, attempt: count, definitionHash: short, trace: maybe(trace) },
  'step-intent': {
    ...step,
    effect: one('repeatable', 'keyed', 'once'),
    reserved: maybe(amount),
    request: maybe(request),
  },
  'step-pause': {
    ...step,
    until: time,
    error,
    failures: count,
    capacityMs: time,
    usage: maybe(usage),
    costMicros: maybe(time),
    unasked: maybe(flag),
  },
  'step-end': {
    ...step,
    outcome,
    durationMs: time,
    messages: maybe(messages),
    absorbed: maybe(many(run)),
    usage: maybe(usage),
    costMicros: maybe(time),
    denied: maybe(many(denial)),
    settledBy: maybe(one('check', 'intervention', 'doubt')),
    facts: maybe(shaped({ of: one('model', 'tool') })),
    measurements: maybe(many(measurement)),
  },
  'wait-start': {
    ...wait,
    until: maybe(time),
    child: maybe(run),
    onParentEnd: maybe(one('leave')),
    request: maybe(request),
  },
  'wait-end': { ...wait, outcome, partial: maybe(partial), timedOut: maybe(flag) },
  note: { name: text, data: json },
  measure: { measurements: many(measurement) },
  'run-park': { waits: many(text), wakeAt: orNull(time) },
  'run-block': { code: short, message: text, key: maybe(text), request, charged: maybe(amount) },
  'run-unblock': { request, choice: one('happened', 'retry', 'fail'), key: maybe(text) },
  'run-cancel': { reason: text },
  'run-deadline': {},
  'run-end': {
    status: one(...FINAL_STATUSES),
    partial: maybe(partial),
    error: maybe(error),
    absorbedBy: maybe(run),
  },
};

/**
 * Says whether a value has the form of an entry of a journal, which a store's own writers need not be asked.
 *
 * @throws {TypeError}
 */
export function checkEntry(value: unknown): void {
  checkRecords('entries', [value]);
  const { type } = value as { readonly type?: unknown };
  if (typeof type !== 'string' || !Object.hasOwn(ENTRIES, type))
    throw new TypeError(`There is no entry of type ${shown(type)}`);
  shaped(ENTRIES[type as EntryBody['type']])(value, 'entry');
}
