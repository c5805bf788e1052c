import {
  cutText,
  toFrozenJson,
  type JsonObject,
  type SourcedTool,
  type ToolListing,
  type WithheldTool,
} from '@prusik/core';
import { describeError, redact } from './redact.ts';
import { SOURCE_LIMITS } from './source-limits.ts';
import { checkToolName } from './tool-name.ts';

const EFFECTS: readonly unknown[] = ['repeatable', 'keyed', 'once'] satisfies readonly SourcedTool['effect'][];
const APPROVALS: readonly unknown[] = ['never', 'once', 'always'] satisfies readonly SourcedTool['approval'][];

/**
 * A listing as it may be offered and recorded: a copy, sorted by name, each tool with what is known of tools and nothing else. A tool that cannot work, that
 * would have the name of another, or for which there is no room is withheld.
 *
 * @throws {TypeError} for what is no listing.
 */
export function checkListing(given: ToolListing, taken: ReadonlySet<string>): ToolListing {
  // Of a program without types it may be anything.
  const { tools, withheld } = (given ?? {}) as Partial<ToolListing>;
  if (!Array.isArray(tools) || !Array.isArray(withheld)) throw new TypeError('it gave no lists of tools');
  const kept: SourcedTool[] = [];
  const left: WithheldTool[] = [...(withheld as readonly WithheldTool[])];
  const names = new Set(taken);
  let bytes = 0;
  for (const one of byName(tools as readonly SourcedTool[])) {
    const name = nameOf(one);
    const keepBack = (code: string, reason: string): void =>
      void left.push({ ...(name === undefined ? {} : { tool: name }), code, reason });
    // Of a list without end the rest is not even looked at.
    if (kept.length >= SOURCE_LIMITS.tools) {
      keepBack('TOOL_LISTING_TOO_LARGE', TOO_MANY);
      continue;
    }
    try {
      const tool = checkTool(one);
      const size = Buffer.byteLength(JSON.stringify(tool));
      if (names.has(tool.name)) keepBack('TOOL_NAME_TAKEN', 'Another tool or skill of the agent has this name.');
      else if (bytes + size > SOURCE_LIMITS.listingBytes) keepBack('TOOL_LISTING_TOO_LARGE', TOO_MANY);
      else {
        names.add(tool.name);
        bytes += size;
        kept.push(tool);
      }
    } catch (error) {
      keepBack('TOOL_INVALID', describeError(error));
    }
  }
  return { tools: kept, withheld: told(left) };
}

const TOO_MANY = 'The tools of its source are more than an agent takes.';

const nameOf = (tool: unknown): string | undefined => {
  const { name } = (tool ?? {}) as Partial<SourcedTool>;
  return typeof name === 'string' ? name : undefined;
};

/** Equal names stay in the order of their source: the later one is withheld. */
function byName(tools: readonly SourcedTool[]): readonly SourcedTool[] {
  const key = (tool: SourcedTool): string => nameOf(tool) ?? '';
  return tools.toSorted((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

function checkTool(given: SourcedTool): SourcedTool {
  const copy = toFrozenJson(given, SOURCE_LIMITS.listingBytes) as Partial<SourcedTool> | null;
  const { name, description, inputSchema, hash, effect, approval, timeoutMs, maxOutputBytes, parallel } = copy ?? {};
  checkToolName(name as string);
  if (typeof description !== 'string') throw new TypeError('Its description is no text');
  if ((inputSchema as JsonObject | undefined)?.['type'] !== 'object')
    throw new TypeError('Its inputSchema is no JSON Schema of an object');
  if (typeof hash !== 'string' || hash === '') throw new TypeError('It has no hash');
  if (!EFFECTS.includes(effect)) throw new TypeError('Its effect is not repeatable, keyed or once');
  if (!APPROVALS.includes(approval)) throw new TypeError('Its approval is not never, once or always');
  for (const [option, value] of Object.entries({ timeoutMs, maxOutputBytes }))
    if (!Number.isSafeInteger(value) || (value as number) < 1)
      throw new TypeError(`Its ${option} is not a whole number of at least 1`);
  if (parallel !== undefined && typeof parallel !== 'boolean') throw new TypeError('Its parallel is not true or false');
  return {
    name: name as string,
    description,
    inputSchema: inputSchema as JsonObject,
    hash,
    effect: effect as SourcedTool['effect'],
    approval: approval as SourcedTool['approval'],
    timeoutMs: timeoutMs as number,
    maxOutputBytes: maxOutputBytes as number,
    ...(parallel === undefined ? {} : { parallel }),
  };
}

function told(withheld: readonly WithheldTool[]): readonly WithheldTool[] {
  const more = withheld.length - SOURCE_LIMITS.withheld;
  return [
    ...withheld.slice(0, SOURCE_LIMITS.withheld).map(toldOne),
    ...(more <= 0
      ? []
      : [{ tool: `and ${more} more`, code: 'TOOL_LISTING_TOO_LARGE', reason: `${more} more are withheld.` }]),
  ];
}

/** Of a program without types it may be anything; the tools beside it are offered all the same. */
function toldOne(given: WithheldTool | null | undefined): WithheldTool {
  const { tool, code, reason }: Partial<WithheldTool> = given ?? {};
  return {
    ...(typeof tool === 'string' ? { tool: text(tool) } : {}),
    code: typeof code === 'string' && code !== '' ? text(code) : 'TOOL_SOURCE_UNAVAILABLE',
    reason: typeof reason === 'string' ? text(redact(reason)) : 'It does not say why.',
  };
}

const text = (given: string): string => cutText(given, SOURCE_LIMITS.textCharacters);
