import { isObject, type EntryBody, type Json, type MessagePart, type ToolOutput } from '@prusik/core';
import type { BundleRows } from './bundle.ts';
import type { Redacting, Rule } from './redaction-rule.ts';

type Rules<T> = { readonly [Field in keyof T]-?: Rule };

/** What agents number their calls of models by. */
const NUMBER = /^\d+(?:[.:]\d+)*$/;
/** Keys of steps that the engine and its agents choose; all others are an author's, and may hold anything. */
const OWN_KEY = /^(?:model|compact|tool)(?=:)/;

/** Names of models and tools, codes, numbers, states: what a record is worth without its content. */
const keep: Rule = (value, to) => through(value, (text) => to.text(text));
const id: Rule = (value, to) => through(value, (text) => to.name(text));
const content: Rule = (value, to, at) => to.content(value, at);
/** Content that has to stay an object. */
const object: Rule = (value, to, at) => (to.mode === 'content' ? {} : to.content(value, at));
/** Content that has to stay a list. */
const list: Rule = (value, to, at) => (to.mode === 'content' ? [] : to.content(value, at));
/** Content that a reader need not have at all. */
const optional: Rule = (value, to, at) => (to.mode === 'content' ? undefined : to.content(value, at));
const key: Rule = (value, to) =>
  through(value, (text) => {
    if (to.mode !== 'content' || text === '') return to.name(text);
    const [own] = OWN_KEY.exec(text) ?? [];
    if (own === undefined) return to.pseudonym(text);
    const rest = text.slice(own.length + 1);
    return `${own}:${own === 'model' && NUMBER.test(rest) ? rest : to.pseudonym(text)}`;
  });

function through(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item: Json) => through(item, change));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, through(item, change)]));
}

/** Fields that nobody has a rule for are content. */
function shape<T>(rules: Rules<T>, unknown: Rule = content): Rule {
  const byName = new Map<string, Rule>(Object.entries(rules));
  return (value, to, at) => {
    if (!isObject(value)) return to.content(value, at);
    // A field may be called `__proto__`, which an assignment would take for something else.
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, item]) => {
        const rule = byName.get(name);
        const made = (rule ?? unknown)(item, to, at);
        return made === undefined ? [] : [[rule === undefined ? nameOf(name, to) : name, made] as const];
      }),
    );
  };
}

/** Of a field that nobody has a rule for the name may be content as well. */
const nameOf = (name: string, to: Redacting): string => (to.mode === 'content' ? to.pseudonym(name) : to.name(name));

const each =
  (rule: Rule): Rule =>
  (value, to, at) =>
    Array.isArray(value) ? value.flatMap((item: Json) => rule(item, to, at) ?? []) : to.content(value, at);

/** One rule for each form, by the field that names it. */
function byField(field: string, rules: Readonly<Record<string, Rule>>, otherwise: Rule): Rule {
  return (value, to, at) => {
    const name = isObject(value) ? value[field] : undefined;
    const rule = typeof name === 'string' && Object.hasOwn(rules, name) ? rules[name] : undefined;
    return (rule ?? otherwise)(value, to, at);
  };
}

const errorFields = shape({ code: keep, message: content, retryable: keep, meta: object });
const error: Rule = (value, to, at) => errorFields(value, to, { ...at, kind: 'error' });
const partial = shape({ code: keep, message: content });
const outcome = shape({ ok: keep, value: content, blob: keep, error });
const keyed = { key, fingerprint: keep } as const;
const step = { ...keyed, type: keep, kind: keep, name: keep, attempt: keep } as const;
const wait = { ...keyed, type: keep, kind: keep } as const;
const measurements = each(shape({ kind: keep, name: keep, value: keep, attributes: optional }));
const denied = each(shape({ callId: keep, tool: keep, by: keep, request: key }));

type EntryRules = { readonly [Type in EntryBody['type']]: Rules<Extract<EntryBody, { readonly type: Type }>> };

/** The compiler asks for a rule of every field that an entry can have. */
const ENTRY_RULES: EntryRules = {
  'run-start': { type: keep, definition: keep, version: keep, history: keep, messages: keep, trace: keep },
  'run-claim': { type: keep, worker: keep, epoch: keep, attempt: keep, definitionHash: keep, trace: keep },
  'step-intent': { ...step, effect: keep, reserved: keep, request: key },
  'step-pause': {
    ...step,
    until: keep,
    error,
    failures: keep,
    capacityMs: keep,
    usage: keep,
    costMicros: keep,
    unasked: keep,
  },
  'step-end': {
    ...step,
    outcome,
    durationMs: keep,
    messages: keep,
    absorbed: id,
    usage: keep,
    costMicros: keep,
    denied,
    settledBy: keep,
    facts: keep,
    measurements,
  },
  'wait-start': { ...wait, until: keep, child: id, onParentEnd: keep, request: key },
  'wait-end': { ...wait, outcome, partial, timedOut: keep },
  note: { type: keep, name: keep, data: content },
  measure: { type: keep, measurements },
  'run-park': { type: keep, waits: key, wakeAt: keep },
  'run-block': { type: keep, code: keep, message: content, key, request: key, charged: keep },
  'run-unblock': { type: keep, request: key, choice: keep, key },
  'run-cancel': { type: keep, reason: content },
  'run-deadline': { type: keep },
  'run-end': { type: keep, status: keep, output: content, partial, error, absorbedBy: id },
};

const stamp = { seq: keep, at: keep } as const;
const entry = byField(
  'type',
  Object.fromEntries(Object.entries(ENTRY_RULES).map(([type, rules]) => [type, shape({ ...stamp, ...rules })])),
  content,
);

/** What a file is made of goes; that there was one stays. */
const file: Rule = (value, to, at) => (to.mode === 'content' ? { text: '' } : to.content(value, at));
const part = { type: keep, provider: optional } as const;
const called = { callId: keep, tool: keep } as const;

const text = shape({ ...part, text: content, citations: list }, optional);
const filePart = shape({ ...part, mediaType: keep, data: file, name: optional }, optional);
const outputPart = byField(
  'type',
  { text, file: filePart, custom: shape(part, optional) } satisfies Record<'text' | 'file' | 'custom', Rule>,
  content,
);

const OUTPUTS: Readonly<Record<ToolOutput['type'], Rule>> = {
  text: shape({ ...part, text: content, whole: optional }, optional),
  json: shape({ ...part, value: content }, optional),
  content: shape({ ...part, parts: each(outputPart) }, optional),
  error: shape({ ...part, code: keep, text: content, value: optional }, optional),
  denied: shape({ ...part, reason: optional }, optional),
};

const PARTS: Readonly<Record<MessagePart['type'], Rule>> = {
  text,
  reasoning: shape({ ...part, text: content }, optional),
  file: filePart,
  'reasoning-file': filePart,
  custom: shape({ ...part, kind: keep }, optional),
  'tool-call': shape({ ...part, ...called, input: content, providerExecuted: keep }, optional),
  'tool-result': shape({ ...part, ...called, output: byField('type', OUTPUTS, content), toolSource: keep }, optional),
  'approval-request': shape(
    { ...part, approvalId: key, callId: keep, reason: optional, automatic: keep, signature: optional, input: optional },
    optional,
  ),
  'approval-response': shape(
    { ...part, approvalId: key, approved: keep, reason: optional, providerExecuted: keep },
    optional,
  ),
  source: shape({ ...part, id: key, url: optional, title: optional, mediaType: keep, name: optional }, optional),
};

const message = shape(
  {
    v: keep,
    id: key,
    role: keep,
    kind: keep,
    content: each(byField('type', PARTS, content)),
    pinned: keep,
    compaction: shape({ covers: key, keeps: key, trims: shape({ upTo: key, chars: keep }) }, optional),
  },
  optional,
);

const decision = shape({
  status: keep,
  value: content,
  reason: content,
  by: keep,
  grant: shape({ scope: keep, part: object, expiresInMs: keep }),
  at: keep,
});

/** Of a call of a tool its name and number; what it is about is content. */
const requestBody: Rule = (value, to, at) =>
  isObject(value)
    ? shape({
        tool: keep,
        callId: keep,
        need: keep,
        source: keep,
        input: content,
        fingerprint: keep,
        toolHash: keep,
      })(value, to, at)
    : to.content(value, at);

/** The end of a child is heard of under its id, everything else under a key. */
const signal: Rule = (value, to, at) => {
  const named = isObject(value) && (value['kind'] === 'child' || value['kind'] === 'steer') ? id : key;
  return shape({ n: keep, kind: keep, key: named, body: content, at: keep })(value, to, at);
};

/** What becomes of the rows of a bundle. */
export const ROW_RULES: { readonly [Kind in keyof BundleRows]: Rule } = {
  session: shape<BundleRows['session']>({
    id,
    state: keep,
    createdAt: keep,
    cuts: keep,
    forkedFrom: shape({ session: id, n: keep }),
    floor: keep,
    redacted: keep,
  }),
  run: shape<BundleRows['run']>({
    id,
    kind: keep,
    definition: keep,
    version: keep,
    status: keep,
    input: content,
    inputHash: keep,
    context: content,
    session: id,
    root: id,
    parent: shape({ run: id, key, maxResultBytes: keep }),
    depth: keep,
    priority: keep,
    attended: keep,
    turn: shape({ output: object, mode: keep, whenExhausted: keep }),
    rights: keep,
    workspace: id,
    createdAt: keep,
    endedAt: keep,
    epoch: keep,
    seq: keep,
    inbox: keep,
    cancelRequested: keep,
    wakeAt: keep,
    output: content,
    partial,
    error,
    absorbedBy: id,
    compactedAt: keep,
    blocked: shape({ code: keep, request: key }),
    redacted: keep,
  }),
  entry,
  signal,
  message: shape<BundleRows['message']>({ n: keep, message }),
  request: shape<BundleRows['request']>({
    id: key,
    kind: keep,
    stepKey: key,
    body: requestBody,
    schema: object,
    expiresAt: keep,
    status: keep,
    openedAt: keep,
    decision,
    claimed: keep,
  }),
  grant: shape<BundleRows['grant']>({
    tool: keep,
    toolHash: keep,
    part: content,
    exact: keep,
    expiresAt: keep,
    revoked: shape({ at: keep, by: keep }),
    given: shape({ run: id, request: key, at: keep, by: keep }),
  }),
  ledger: shape<BundleRows['ledger']>({ limits: keep, used: keep, reserved: keep }),
  note: shape({ kind: keep, key, data: content, at: keep, run: id, definition: keep }),
  slot: shape<BundleRows['slot']>({ name: keep, value: content }),
  uses: keep,
  blob: keep,
  piece: keep,
};
