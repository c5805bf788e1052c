import { isPrusikError, type Clock, type PrusikError, type SourcedTool, type WithheldTool } from '@prusik/core';
import { byCodeUnit } from './code-unit.ts';
import {
  isAllowed,
  policyRefusal,
  toolRight,
  unmatchedNames,
  type Governed,
  type McpFacts,
  type McpPolicy,
  type ToolRight,
} from './govern.ts';
import { headerFault } from './header-parameters.ts';
import type { McpLimits } from './limits.ts';
import type { PinStore, ToolPins } from './pins.ts';
import { isObject } from './plain.ts';
import { fingerprintOf, readServerTool, type ServerTool } from './server-tool.ts';
import { RESOURCE_TOOLS, type ResourceTool } from './resource-tools.ts';
import { modelToolName } from './tool-name.ts';
import { visibleText } from './visible-text.ts';

/** A tool that may be called, by the name that a model knows. */
export interface OfferedTool {
  readonly tool: ServerTool;
  readonly right: ToolRight;
  readonly sourced: SourcedTool;
  /** It is not the server's own: it reads what the server has to read. */
  readonly resource?: ResourceTool;
}

/** What a server has to offer at one time. */
export interface Offer {
  /** By the model's name, sorted by it. */
  readonly tools: ReadonlyMap<string, OfferedTool>;
  readonly withheld: readonly WithheldTool[];
  /** Tools that rules of the program leave out. */
  readonly leftOut: number;
  /** Names in the rules that fit no tool. */
  readonly unmatched: readonly string[];
  /** Everything that can be read and is allowed, pinned or not, by the server's name. */
  readonly present: ReadonlyMap<string, ServerTool>;
}

export interface OfferOptions {
  readonly governed: Governed;
  readonly policy: McpPolicy | undefined;
  readonly pins: PinStore;
  /** Whether a tool that is seen for the first time is offered, and pinned, without anybody having approved it. */
  readonly firstSight: 'trust' | 'ask';
  readonly era: 'legacy' | 'modern';
  /** Whether what it has to read is offered as tools. */
  readonly resources: boolean;
  readonly limits: Pick<McpLimits, 'tools' | 'startMs' | 'totalMs'>;
  readonly clock: Clock;
}

/** Named one by one; of more it is said how many. */
const MOST_WITHHELD = 50;
const MOST_OUTPUT_BYTES = 51_200;
/** The runner's own deadline comes first, and says more. */
const GRACE_MS = 5_000;

/**
 * What of a server's tools is offered: those that can be read, that the rules and the policy allow, and that are as they were pinned.
 *
 * @throws what the store of the pins throws: nothing is offered then.
 */
export async function makeOffer(listed: readonly unknown[], options: OfferOptions): Promise<Offer> {
  const { governed, limits, firstSight, resources } = options;
  const raw = resources ? [...listed, ...RESOURCE_TOOLS] : listed;
  const { server } = governed;
  const withheld: WithheldTool[] = [];
  const { readable, leftOut } = readTools(raw, options, withheld);
  const present = new Map(readable.map((tool) => [tool.name, tool]));
  const offered = readable.map((tool) => offeredTool(tool, options));
  const capped = offered.toSorted((a, b) => byCodeUnit(a.sourced.name, b.sourced.name)).slice(0, limits.tools);
  if (offered.length > capped.length)
    withheld.push({
      tool: `and ${offered.length - capped.length} more of ${server}`,
      code: 'MCP_LIST_TOO_LARGE',
      reason: `only the first ${limits.tools} by name are offered`,
    });
  const allowed = await allowedByPolicy(capped, options, withheld);

  const pinned = await options.pins.get(server);
  const kept = allowed.filter(({ tool, sourced }) => {
    const reason = pinRefusal(pinned, tool, firstSight);
    if (reason !== undefined) withheld.push({ tool: sourced.name, ...reason });
    return reason === undefined;
  });
  const added = kept.filter(({ tool }) => !Object.hasOwn(pinned, tool.name));
  const unkept = added.length === 0 ? undefined : await keep(options, pinned, added);
  if (unkept !== undefined)
    for (const { sourced } of added)
      withheld.push({
        tool: sourced.name,
        code: unkept.code,
        reason: `it is new, and cannot be pinned: ${unkept.message}`,
      });
  const known = unkept === undefined ? kept : kept.filter((one) => !added.includes(one));

  return {
    tools: new Map(known.map((one) => [one.sourced.name, one])),
    withheld: bounded(server, withheld.toSorted(byTool)),
    leftOut,
    unmatched: unmatchedNames(governed.rules, raw.map(nameOf)),
    present,
  };
}

/** Why they cannot be pinned. What was pinned before is offered all the same: the file may be one that is only read. */
async function keep(
  { pins, governed }: OfferOptions,
  pinned: ToolPins,
  added: readonly OfferedTool[],
): Promise<PrusikError | undefined> {
  try {
    await pins.set(
      governed.server,
      withPins(
        pinned,
        added.map(({ tool }) => tool),
      ),
    );
    return undefined;
  } catch (error) {
    if (isPrusikError(error, 'MCP_PINS_UNWRITABLE')) return error;
    throw error;
  }
}

/** The pins with these definitions among them. */
export const withPins = (pins: ToolPins, tools: readonly Pick<ServerTool, 'name' | 'definition'>[]): ToolPins =>
  Object.fromEntries([...Object.entries(pins), ...tools.map(({ name, definition }) => [name, definition] as const)]);

function readTools(
  raw: readonly unknown[],
  { governed, era }: OfferOptions,
  withheld: WithheldTool[],
): { readonly readable: readonly ServerTool[]; readonly leftOut: number } {
  const { server, rules } = governed;
  const calledOf = (one: unknown): string | undefined => {
    const name = nameOf(one);
    return typeof name === 'string' ? modelToolName(server, name) : undefined;
  };
  const times = new Map<string | undefined, number>();
  for (const one of raw) times.set(calledOf(one), (times.get(calledOf(one)) ?? 0) + 1);
  const told = new Set<string>();
  let leftOut = 0;
  const readable = raw.flatMap((one): readonly ServerTool[] => {
    const name = nameOf(one);
    if (typeof name === 'string' && !isAllowed(rules, name)) {
      leftOut += 1;
      return [];
    }
    const called = calledOf(one);
    // Of several that would be called alike none is taken for another.
    const isTwin = called !== undefined && times.get(called) !== 1;
    const read = isTwin ? 'there are several of its name' : tryRead(one, era);
    if (typeof read !== 'string') return [read];
    if (!isTwin || !told.has(called)) withheld.push(refusal(server, name, read));
    if (called !== undefined) told.add(called);
    return [];
  });
  return { readable, leftOut };
}

function tryRead(one: unknown, era: 'legacy' | 'modern'): ServerTool | string {
  try {
    const tool = readServerTool(one);
    const fault = era === 'modern' ? headerFault(tool.inputSchema) : undefined;
    return fault === undefined ? tool : `its input schema wants ${fault}`;
  } catch (error) {
    return (error as Error).message;
  }
}

function offeredTool(tool: ServerTool, { governed, limits, resources }: OfferOptions): OfferedTool {
  const { server } = governed;
  const resource = resources ? RESOURCE_NAMES.get(tool.name) : undefined;
  const right = toolRight(resource === undefined ? governed : readingAs(governed, resource), tool);
  const { effect, approval, hash } = right;
  const sourced: SourcedTool = {
    name: modelToolName(server, tool.name),
    description: tool.description === '' ? (tool.title ?? tool.name) : tool.description,
    inputSchema: tool.inputSchema,
    hash,
    effect,
    approval,
    timeoutMs: limits.startMs + limits.totalMs + GRACE_MS,
    maxOutputBytes: MOST_OUTPUT_BYTES,
  };
  return { tool, right, sourced, ...(resource === undefined ? {} : { resource }) };
}

const RESOURCE_NAMES: ReadonlyMap<string, ResourceTool> = new Map(
  (['list_resources', 'read_resource'] satisfies ResourceTool[]).map((name) => [name, name]),
);

/** That it only reads is the protocol's word and not the server's. */
function readingAs(governed: Governed, tool: ResourceTool): Governed {
  const { effects } = governed.rules;
  const said = typeof effects === 'object' ? effects : {};
  return { ...governed, rules: { ...governed.rules, effects: { [tool]: 'repeatable', ...said } } };
}

async function allowedByPolicy(
  offered: readonly OfferedTool[],
  options: OfferOptions,
  withheld: WithheldTool[],
): Promise<readonly OfferedTool[]> {
  const reasons = await Promise.all(offered.map((one) => toolRefusal(one, options)));
  return offered.filter(({ sourced }, index) => {
    const reason = reasons[index];
    if (reason !== undefined) withheld.push({ tool: sourced.name, code: 'MCP_TOOL_REFUSED', reason });
    return reason === undefined;
  });
}

/** What the policy has against a tool. Asked when the tool is listed, and again before each call. */
export function toolRefusal(
  { tool, right }: OfferedTool,
  { governed, policy, clock }: Pick<OfferOptions, 'governed' | 'policy' | 'clock'>,
): Promise<string | undefined> {
  const { server, tier, place } = governed;
  const { name, title, description, hints } = tool;
  const { effect, approval } = right;
  const facts: McpFacts = {
    server,
    tier,
    place,
    tool: { name, description, hints, effect, approval, ...(title === undefined ? {} : { title }) },
  };
  return policyRefusal(policy, facts, clock);
}

function pinRefusal(
  pins: ToolPins,
  { name, fingerprint }: ServerTool,
  firstSight: 'trust' | 'ask',
): Pick<WithheldTool, 'code' | 'reason'> | undefined {
  const pinned = Object.hasOwn(pins, name) ? pins[name] : undefined;
  if (pinned === undefined)
    return firstSight === 'trust'
      ? undefined
      : { code: 'MCP_TOOL_REFUSED', reason: 'it is new, and nobody has approved it yet, see review() and approve()' };
  if (fingerprintOf(pinned) === fingerprint) return undefined;
  return {
    code: 'MCP_TOOL_CHANGED',
    reason: 'the server describes it otherwise than when it was pinned, see review() and approve()',
  };
}

const nameOf = (one: unknown): unknown => (isObject(one) ? one['name'] : undefined);

/** What cannot be read may have any name. */
function refusal(server: string, name: unknown, why: string): WithheldTool {
  const tool =
    typeof name === 'string' && name !== ''
      ? modelToolName(server, name.slice(0, 256))
      : `one of ${server} without a name`;
  return { tool, code: 'MCP_TOOL_REFUSED', reason: visibleText(why).slice(0, 500) };
}

function bounded(server: string, withheld: readonly WithheldTool[]): readonly WithheldTool[] {
  const more = withheld.length - MOST_WITHHELD;
  if (more <= 0) return withheld;
  const rest = {
    tool: `and ${more} more of ${server}`,
    code: 'MCP_TOOL_REFUSED',
    reason: 'they are not told one by one',
  };
  return [...withheld.slice(0, MOST_WITHHELD), rest];
}

const byTool = (a: WithheldTool, b: WithheldTool): number => byCodeUnit(a.tool ?? '', b.tool ?? '');
