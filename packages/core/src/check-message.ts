import { PrusikError } from './errors.ts';
import type { Message, MessageKind, MessagePart, ToolOutput } from './message.ts';

const ID_LIMIT = 200;
const ROLES: readonly unknown[] = ['user', 'assistant', 'tool'] satisfies readonly Message['role'][];
const KINDS: readonly unknown[] = [
  'user',
  'assistant',
  'tool',
  'context',
  'summary',
  'continuation',
  'child-result',
] satisfies readonly MessageKind[];

type Fields = Readonly<Record<string, unknown>>;
type Check = (part: Fields, at: string) => void;

/**
 * Says whether a value has the shape of a message; what may follow what is {@link reconcile}'s to put right. The value is JSON already.
 * Properties that this version does not know are let be.
 *
 * @throws {PrusikError} `MESSAGE_INVALID`; message and `meta.path` say where, and hold nothing of the message.
 */
export function checkMessage(value: unknown): asserts value is Message {
  const message = fields(value, 'a message');
  if (message['v'] !== 1) refuse('v', '1');
  const { id } = message;
  if (typeof id !== 'string' || id === '' || id.length > ID_LIMIT) refuse('id', `text of 1 to ${ID_LIMIT} characters`);
  if (!ROLES.includes(message['role'])) refuse('role', `one of ${ROLES.join(', ')}`);
  if (!KINDS.includes(message['kind'])) refuse('kind', `one of ${KINDS.join(', ')}`);
  list(message['content'], 'content', checkPart);
  optional(message, 'pinned', '', flag);
  optional(message, 'compaction', '', compaction);
}

function compaction(message: Fields, name: string): void {
  const given = fields(message[name], name);
  optional(given, 'covers', name, text);
  optional(given, 'keeps', name, () =>
    list(given['keeps'], `${name}.keeps`, (id, at) => typeof id === 'string' || refuse(at, 'text')),
  );
  if (given['trims'] === undefined) return;
  const trims = fields(given['trims'], `${name}.trims`);
  text(trims, 'upTo', `${name}.trims`);
  whole(trims, 'chars', `${name}.trims`);
}

const checkPart = (value: unknown, at: string): void => byType(PARTS, value, at);

const file: Check = (part, at) => {
  text(part, 'mediaType', at);
  fileData(part['data'], `${at}.data`);
  optional(part, 'name', at, text);
};

const PARTS: Readonly<Record<MessagePart['type'], Check>> = {
  text(part, at) {
    text(part, 'text', at);
    optional(part, 'citations', at, (_, name, where) => list(part[name], `${where}.${name}`, citation));
  },
  reasoning: (part, at) => text(part, 'text', at),
  file,
  'reasoning-file': file,
  custom: (part, at) => text(part, 'kind', at),
  'tool-call'(part, at) {
    text(part, 'callId', at);
    text(part, 'tool', at);
    if (part['input'] === undefined) refuse(`${at}.input`, 'there');
    optional(part, 'providerExecuted', at, flag);
  },
  'tool-result'(part, at) {
    text(part, 'callId', at);
    text(part, 'tool', at);
    byType(OUTPUTS, part['output'], `${at}.output`);
    optional(part, 'toolSource', at, text);
  },
  'approval-request'(part, at) {
    text(part, 'approvalId', at);
    text(part, 'callId', at);
    optional(part, 'reason', at, text);
    optional(part, 'automatic', at, flag);
    optional(part, 'signature', at, text);
  },
  'approval-response'(part, at) {
    text(part, 'approvalId', at);
    flag(part, 'approved', at);
    optional(part, 'reason', at, text);
    optional(part, 'providerExecuted', at, flag);
  },
  source,
};

const BLOB_HASH = /^sha256:[0-9a-f]{64}$/;

const OUTPUT_PARTS: Readonly<Record<string, Check>> = { text: PARTS.text, file, custom: () => {} };

const OUTPUTS: Readonly<Record<ToolOutput['type'], Check>> = {
  text(output, at) {
    text(output, 'text', at);
    optional(output, 'whole', at, wholeOutput);
  },
  json(output, at) {
    if (output['value'] === undefined) refuse(`${at}.value`, 'there');
  },
  content: (output, at) => list(output['parts'], `${at}.parts`, (part, where) => byType(OUTPUT_PARTS, part, where)),
  error(output, at) {
    text(output, 'code', at);
    text(output, 'text', at);
  },
  denied: (output, at) => optional(output, 'reason', at, text),
};

function byType(checks: Readonly<Record<string, Check>>, value: unknown, at: string): void {
  const part = fields(value, at);
  const { type } = part;
  const check = typeof type === 'string' && Object.hasOwn(checks, type) ? checks[type] : undefined;
  if (check === undefined) return refuse(`${at}.type`, `one of ${Object.keys(checks).join(', ')}`);
  check(part, at);
  optional(part, 'provider', at, provider);
}

function source(part: Fields, at: string): void {
  text(part, 'id', at);
  optional(part, 'url', at, text);
  optional(part, 'title', at, text);
  optional(part, 'mediaType', at, text);
  optional(part, 'name', at, text);
  optional(part, 'provider', at, provider);
}

function citation(value: unknown, at: string): void {
  const given = fields(value, at);
  source(fields(given['source'], `${at}.source`), `${at}.source`);
  optional(given, 'start', at, whole);
  optional(given, 'end', at, whole);
  optional(given, 'quote', at, text);
}

function wholeOutput(part: Fields, name: string, at: string): void {
  const given = fields(part[name], `${at}.${name}`);
  if (typeof given['blob'] !== 'string' || !BLOB_HASH.test(given['blob']))
    refuse(`${at}.${name}.blob`, 'the hash of a blob');
  whole(given, 'bytes', `${at}.${name}`);
  if (given['mediaType'] !== 'text/plain' && given['mediaType'] !== 'application/json')
    refuse(`${at}.${name}.mediaType`, 'text/plain or application/json');
}

function fileData(value: unknown, at: string): void {
  const data = fields(value, at);
  const [kind, ...more] = ['blob', 'url', 'base64', 'text', 'reference'].filter((name) => name in data);
  if (kind === undefined || more.length > 0) refuse(at, 'one of blob, url, base64, text, reference');
  if (kind === 'reference') {
    const reference = fields(data[kind], `${at}.reference`);
    for (const name of Object.keys(reference)) text(reference, name, `${at}.reference`);
    return;
  }
  text(data, kind, at);
  if (kind === 'blob' && !BLOB_HASH.test(data[kind] as string)) refuse(`${at}.blob`, 'the hash of a blob');
  if (kind === 'url' && !URL.canParse(data[kind] as string)) refuse(`${at}.url`, 'a URL');
}

function provider(part: Fields, name: string, at: string): void {
  const data = fields(part[name], `${at}.${name}`);
  text(data, 'provider', `${at}.${name}`);
  fields(data['data'], `${at}.${name}.data`);
}

function text(part: Fields, name: string, at: string): void {
  if (typeof part[name] !== 'string') refuse(`${at}.${name}`, 'text');
}

function flag(part: Fields, name: string, at: string): void {
  if (typeof part[name] !== 'boolean') refuse(at === '' ? name : `${at}.${name}`, 'true or false');
}

function whole(part: Fields, name: string, at: string): void {
  if (!Number.isSafeInteger(part[name])) refuse(`${at}.${name}`, 'a whole number');
}

function optional(
  part: Fields,
  name: string,
  at: string,
  check: (part: Fields, name: string, at: string) => void,
): void {
  if (part[name] !== undefined) check(part, name, at);
}

function list(value: unknown, at: string, check: (item: unknown, at: string) => void): void {
  if (!Array.isArray(value)) return refuse(at, 'a list');
  for (const [index, item] of value.entries()) check(item, `${at}[${index}]`);
}

function fields(value: unknown, at: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(at, 'an object');
  return value as Fields;
}

function refuse(path: string, expected: string): never {
  throw new PrusikError('MESSAGE_INVALID', `This is no message: ${path} must be ${expected}`, { meta: { path } });
}
