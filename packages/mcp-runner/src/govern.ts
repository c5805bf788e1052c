import { hashJson, within, type Clock, type Effect, type SourcedTool } from '@prusik/core';
import { firstMatch, matchesAny } from './name-pattern.ts';
import type { RiskTier, ServerPlace } from './risk.ts';
import type { ServerTool, ToolHints } from './server-tool.ts';

/** Whether a person is asked before a call: see `approval` of `defineTool`. */
export type McpApproval = SourcedTool['approval'];
/** The protocol has no key that a server would know a second attempt by, so none is `keyed`. */
export type McpEffect = Exclude<Effect, 'keyed'>;

/** What is allowed of one server, and how. Names are the server's own; one that ends in `*` means all that begin so. */
export interface ToolRules {
  /** Tools that are offered. @default all */
  readonly allow?: readonly string[];
  /** Tools that are not, whatever `allow` says. @default none */
  readonly deny?: readonly string[];
  /**
   * What may happen to a call of which nobody knows whether it happened. `repeatable` says that a tool only reads. `'trust-annotations'` believes what the
   * server says of its tools. @default every tool is `once`
   */
  readonly effects?: Readonly<Record<string, McpEffect>> | 'trust-annotations';
  /** Whether a person is asked. What is said here for a tool is what holds. @default by the risk of the server */
  readonly approval?: McpApproval | Readonly<Record<string, McpApproval>>;
}

/** What a policy decides about: a server before it is started, or one of its tools. */
export interface McpFacts {
  readonly server: string;
  readonly tier: RiskTier;
  readonly place: ServerPlace;
  /** Of the server itself where it is missing. */
  readonly tool?: {
    readonly name: string;
    readonly title?: string;
    readonly description: string;
    /** What the server says of it. Nothing makes a server tell the truth. */
    readonly hints: ToolHints;
    readonly effect: McpEffect;
    readonly approval: McpApproval;
  };
}

/** What a policy says. Everything else, an error, and more than ten seconds deny. */
export type McpVerdict = 'allow' | { readonly deny: string };
/** Decides about a server, and about each of its tools. */
export type McpPolicy = (facts: McpFacts) => McpVerdict | Promise<McpVerdict>;

/** How a tool may be called. */
export interface ToolRight {
  readonly effect: McpEffect;
  /** It changes nothing, as the program (not the server) says. */
  readonly readOnly: boolean;
  readonly approval: McpApproval;
  /** What an approval is bound to: what the server says of the tool, and what was decided about it. */
  readonly hash: string;
}

export interface Governed {
  readonly server: string;
  readonly place: ServerPlace;
  readonly tier: RiskTier;
  readonly rules: ToolRules;
  readonly approvals: Readonly<Record<RiskTier, McpApproval>>;
}

const POLICY_MS = 10_000;
const STEPS: readonly McpApproval[] = ['never', 'once', 'always'];
export const DEFAULT_APPROVALS: Readonly<Record<RiskTier, McpApproval>> = {
  low: 'never',
  medium: 'once',
  high: 'always',
};

/** Whether the rules let a tool be offered at all. */
export const isAllowed = ({ allow, deny = [] }: ToolRules, tool: string): boolean =>
  (allow === undefined || matchesAny(allow, tool)) && !matchesAny(deny, tool);

/** What the rules name and the server does not have. */
export function unmatchedNames(
  { allow = [], deny = [], effects, approval }: ToolRules,
  tools: readonly unknown[],
): readonly string[] {
  const names = tools.filter((name) => typeof name === 'string');
  const byName = [effects, approval].flatMap((said) => (typeof said === 'object' ? Object.keys(said) : []));
  const said = new Set([...allow, ...deny, ...byName]);
  return [...said].filter((pattern) => !names.some((name) => matchesAny([pattern], name)));
}

/** How a tool may be called. What the server says of it can only make that stricter, unless the program trusts it. */
export function toolRight({ tier, rules, approvals }: Governed, tool: ServerTool): ToolRight {
  const { effect, readOnly } = effectOf(rules, tool);
  const { approval: said } = rules;
  const chosen = typeof said === 'string' ? said : said && firstMatch(said, tool.name);
  const step = STEPS.indexOf(approvals[tier]) - (readOnly ? 1 : 0) + (tool.hints.destructive === true ? 1 : 0);
  const approval = chosen ?? STEPS[Math.min(Math.max(step, 0), STEPS.length - 1)] ?? 'always';
  return { effect, readOnly, approval, hash: hashJson([tool.fingerprint, effect]) };
}

function effectOf({ effects }: ToolRules, { name, hints }: ServerTool): Pick<ToolRight, 'effect' | 'readOnly'> {
  if (effects === 'trust-annotations') {
    const readOnly = hints.readOnly === true && hints.destructive !== true;
    return { effect: readOnly || hints.idempotent === true ? 'repeatable' : 'once', readOnly };
  }
  const effect = (effects && firstMatch(effects, name)) ?? 'once';
  return { effect, readOnly: effect === 'repeatable' };
}

/** What a policy says, or why it denies. Never rejects. */
export async function policyRefusal(
  policy: McpPolicy | undefined,
  facts: McpFacts,
  clock: Clock,
): Promise<string | undefined> {
  if (policy === undefined) return undefined;
  let verdict: unknown;
  try {
    verdict = await within(clock, POLICY_MS, () => policy(facts));
  } catch {
    return 'the policy failed';
  }
  if (verdict === 'allow') return undefined;
  const reason = typeof verdict === 'object' && verdict !== null && 'deny' in verdict ? verdict.deny : undefined;
  return typeof reason === 'string' ? `the policy says: ${reason.slice(0, 500)}` : 'the policy gave no valid answer';
}
