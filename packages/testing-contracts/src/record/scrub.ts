import {
  createRedactor,
  isObject,
  type ContentKind,
  type ContentPlace,
  type Json,
  type JsonObject,
  type RedactorOptions,
} from '@prusik/core';
import { encodeValue } from './recorded-value.ts';

export interface ScrubOptions extends Pick<RedactorOptions, 'secrets' | 'redact'> {
  readonly normalise?: (text: string, place: ContentPlace) => string;
  readonly maxBytes: number;
  /** Takes the bytes of files in what is played again. */
  readonly keepFile: (sha256: string, base64: string) => void;
}

/** Makes what was asked and what was answered fit for a file. */
export interface Scrub {
  /** Of what is asked: it is recorded so, and compared so. The one way for both. */
  request(value: unknown, kind: ContentKind): Json;
  /** Of an answer that came whole. */
  reply(value: unknown, kind: ContentKind): Json;
  /** Of a stream, once it is over: a secret may lie across its pieces. */
  chunks(chunks: readonly unknown[]): readonly Json[];
}

/** What is compared must not be cut; its size is bounded before. */
const UNBOUNDED = { textChars: Infinity, valueChars: Infinity, nodes: Infinity };

export function createScrub({ secrets = [], redact, normalise, maxBytes, keepFile }: ScrubOptions): Scrub {
  const asked = createRedactor({
    secrets,
    redact: (text, place) => normal(own(text, place), place),
    bounds: UNBOUNDED,
  });
  const said = createRedactor({ secrets, redact: own, bounds: UNBOUNDED });
  function own(text: string, place: ContentPlace): string {
    return redact === undefined ? text : redact(text, place);
  }
  function normal(text: string, place: ContentPlace): string {
    return normalise === undefined ? text : normalise(text, place);
  }

  /** JSON in a text is looked at as JSON: there names tell what stands under them. */
  function jsonText(text: string): string {
    const json = parsed(text);
    if (json === undefined) return said.text(text, { kind: 'tool-input', path: '' });
    const clean = said.json(json, 'tool-input');
    const before = JSON.stringify(json);
    const after = JSON.stringify(clean);
    // As the model wrote it, as long as nothing had to go.
    return before === after ? text : after;
  }

  /** A piece of a reply, whole. */
  function piece(json: Json): Json {
    if (!isObject(json) || json['type'] !== 'tool-call' || typeof json['input'] !== 'string')
      return said.json(json, 'reply');
    const { input, ...rest } = json;
    return { ...(said.json(rest, 'reply') as JsonObject), input: jsonText(input) };
  }

  return {
    request: (value, kind) => asked.json(encodeValue(value, { maxBytes }), kind),
    reply(value, kind) {
      const json = encodeValue(value, { maxBytes, keepFile });
      const content = isObject(json) ? json['content'] : undefined;
      if (kind !== 'reply' || !Array.isArray(content)) return said.json(json, kind);
      const { content: _, ...rest } = json as JsonObject;
      return { content: (content as readonly Json[]).map(piece), ...(said.json(rest, kind) as JsonObject) };
    },
    chunks(chunks) {
      const encoded = chunks.map((chunk) => encodeValue(chunk, { maxBytes, keepFile }));
      const deltas = deltasOf(encoded);
      const texts = new Map<string, string>();
      for (const delta of deltas)
        if (delta !== undefined) texts.set(delta.block, (texts.get(delta.block) ?? '') + delta.text);
      const replaced = new Map<string, string>();
      for (const [block, text] of texts) {
        const clean = block.startsWith('tool-input') ? jsonText(text) : said.text(text, { kind: 'reply', path: '' });
        if (clean !== text) replaced.set(block, clean);
      }
      const told = new Set<string>();
      return encoded.flatMap((chunk, at) => {
        const delta = deltas[at];
        if (delta === undefined) return [piece(chunk)];
        const { delta: _, ...rest } = chunk as JsonObject;
        const clean = said.json(rest, 'reply') as JsonObject;
        const instead = replaced.get(delta.block);
        if (instead === undefined) return [{ ...clean, delta: delta.text }];
        // All of it with its first piece: where it was parted may tell what it was.
        if (told.has(delta.block)) return [];
        told.add(delta.block);
        return [{ ...clean, delta: instead }];
      });
    },
  };
}

interface Delta {
  /** Begins with its type. */
  readonly block: string;
  readonly text: string;
}

/** Of each chunk that is a piece of a block. Some providers give every block of a reply the same id: which one it is of is told by how many have begun. */
function deltasOf(chunks: readonly Json[]): readonly (Delta | undefined)[] {
  const begun = new Map<string, number>();
  return chunks.map((chunk) => {
    if (!isObject(chunk)) return undefined;
    const { type, id, delta } = chunk;
    if (typeof type !== 'string') return undefined;
    const named = `${type.replace(/-(?:start|delta)$/, '')}:${String(id)}`;
    if (type.endsWith('-start')) begun.set(named, (begun.get(named) ?? 0) + 1);
    return type.endsWith('-delta') && typeof delta === 'string'
      ? { block: `${named}:${begun.get(named) ?? 0}`, text: delta }
      : undefined;
  });
}

function parsed(text: string): Json | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
