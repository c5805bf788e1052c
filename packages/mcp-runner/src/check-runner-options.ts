import { checkOptions, type KnownOptions, type SandboxLevel } from '@prusik/core';
import { checkHttpServer } from './check-http-server.ts';
import type { McpApproval, McpEffect, ToolRules } from './govern.ts';
import { DEFAULT_LIMITS, type McpLimits } from './limits.ts';
import type { HttpServer, McpRunnerOptions, McpServer, StdioServer } from './options.ts';
import type { RiskTier } from './risk.ts';

const RUNNER: KnownOptions = {
  names: {
    servers: true,
    sandbox: true,
    credentials: true,
    policy: true,
    approvals: true,
    pins: true,
    firstSight: true,
    limits: true,
    traceContext: true,
    onOddity: true,
    logger: true,
    clock: true,
  } satisfies Record<keyof McpRunnerOptions, true>,
  elsewhere: { mcpServers: 'servers', approval: 'approvals', timeout: 'limits' },
};

const ALL = {
  protocol: true,
  limits: true,
  elicitation: true,
  sampling: true,
  resources: true,
  allow: true,
  deny: true,
  effects: true,
  approval: true,
} satisfies Record<Exclude<keyof StdioServer & keyof HttpServer, 'transport' | 'network'>, true>;

const STDIO: KnownOptions = {
  names: {
    ...ALL,
    transport: true,
    command: true,
    args: true,
    env: true,
    mounts: true,
    sandbox: true,
    require: true,
    workspace: true,
    from: true,
    network: true,
  } satisfies Record<keyof StdioServer, true>,
  elsewhere: { cwd: 'workspace', allowedTools: 'allow', needsApproval: 'approval' },
};

const HTTP: KnownOptions = {
  names: { ...ALL, transport: true, url: true, network: true, ca: true, auth: true } satisfies Record<
    keyof HttpServer,
    true
  >,
  elsewhere: { headers: 'auth', authProvider: 'auth', allowedTools: 'allow', needsApproval: 'approval' },
};

const LEVEL: KnownOptions = {
  names: { files: true, processes: true, network: true, syscalls: true, limits: true } satisfies Record<
    keyof SandboxLevel,
    true
  >,
};

const WEEK_MS = 604_800_000;
/** Timers of the client end at 24 days, and twice a time is given to it; a text of JavaScript has at most 512 MiB; what is kept of stderr is kept for each server. */
const MOST: McpLimits = {
  startMs: WEEK_MS,
  callMs: WEEK_MS,
  totalMs: WEEK_MS,
  idleMs: WEEK_MS,
  messageBytes: 256 * 1024 * 1024,
  resultBytes: 256 * 1024 * 1024,
  stderrBytes: 16 * 1024 * 1024,
  pages: 100_000,
  tools: 10_000,
  garbageLines: 1_000_000,
  calls: 10_000,
};
const LIMITS: KnownOptions = {
  names: Object.fromEntries(Object.keys(DEFAULT_LIMITS).map((name) => [name, true as const])),
};
const TIERS: KnownOptions = { names: { low: true, medium: true, high: true } satisfies Record<RiskTier, true> };

const NAME = /^[a-z0-9-]{1,32}$/;
const APPROVALS: readonly unknown[] = ['never', 'once', 'always'] satisfies readonly McpApproval[];
const EFFECTS: readonly unknown[] = ['repeatable', 'once'] satisfies readonly McpEffect[];

/** @throws {TypeError} naming what is wrong. */
export function checkRunnerOptions(options: McpRunnerOptions): void {
  if (!isRecord(options)) throw new TypeError('mcpRunner: the options must be an object');
  checkOptions('mcpRunner', options, RUNNER);
  const { servers, policy, approvals = {}, firstSight, limits, onOddity, traceContext } = options;
  if (!isRecord(servers)) throw new TypeError('mcpRunner: servers must be an object of servers by their names');
  if (policy !== undefined && typeof policy !== 'function') throw new TypeError('mcpRunner: policy must be a function');
  if (onOddity !== undefined && typeof onOddity !== 'function')
    throw new TypeError('mcpRunner: onOddity must be a function');
  if (traceContext !== undefined && typeof traceContext !== 'function')
    throw new TypeError('mcpRunner: traceContext must be a function');
  port('mcpRunner: pins must be a PinStore, such as filePins(path)', options.pins, ['get', 'set']);
  port('mcpRunner: credentials must be a CredentialStore', options.credentials, ['get', 'set', 'delete']);
  port('mcpRunner: sandbox must be a Sandbox', options.sandbox, ['open']);
  port('mcpRunner: clock must be a Clock', options.clock, ['now', 'monotonic', 'after']);
  if (!isRecord(approvals)) throw new TypeError('mcpRunner: approvals must be an object by risk');
  oneOf('mcpRunner', 'firstSight', firstSight, ['trust', 'ask']);
  checkOptions('mcpRunner: approvals', approvals, TIERS);
  for (const [tier, approval] of Object.entries(approvals))
    oneOf('mcpRunner', `approvals.${tier}`, approval, APPROVALS);
  checkLimits('mcpRunner', limits);
  for (const [name, server] of Object.entries(servers)) checkServer(name, server, options);
}

function checkServer(name: string, server: McpServer, { sandbox }: McpRunnerOptions): void {
  const where = `mcpRunner: server ${JSON.stringify(name)}`;
  if (!NAME.test(name)) throw new TypeError(`${where}: a name is 1 to 32 lower-case letters, digits and "-"`);
  if (!isRecord(server)) throw new TypeError(`${where} must be an object with a transport`);
  const { transport } = server;
  if (transport === 'stdio') {
    checkOptions(where, server, STDIO);
    checkStdio(where, server, sandbox !== undefined);
  } else if (transport === 'http') {
    checkOptions(where, server, HTTP);
    checkHttpServer(where, server);
  } else throw new TypeError(`${where}: transport must be 'stdio' or 'http', not ${JSON.stringify(transport)}`);
  oneOf(where, 'protocol', server.protocol, ['auto', '2025-11-25', '2026-07-28']);
  oneOf(where, 'elicitation', server.elicitation, ['ask', 'decline']);
  oneOf(where, 'resources', server.resources, ['tools']);
  checkLimits(where, server.limits);
  checkRules(where, server);
  const { sampling } = server;
  if (sampling === undefined) return;
  if (!isRecord(sampling) || typeof sampling['model'] !== 'string' || !isCount(sampling['maxTokens']))
    throw new TypeError(`${where}: sampling needs the alias of a model, and maxTokens`);
  checkOptions(`${where}: sampling`, sampling, { names: { model: true, maxTokens: true } });
}

function checkStdio(where: string, server: StdioServer, hasSandbox: boolean): void {
  const { command, args = [], env = {}, require = {}, mounts = [], from = {} } = server;
  if (!isPlainText(command) || command === '') throw new TypeError(`${where}: command must be a program`);
  // One may be empty.
  if (!Array.isArray(args) || !args.every(isPlainText))
    throw new TypeError(`${where}: args must be a list of texts without NUL`);
  if (!isRecord(env) || !Object.entries(env).every(isVariable))
    throw new TypeError(`${where}: env must hold texts without NUL, or functions that give them`);
  if (!isRecord(require)) throw new TypeError(`${where}: require must be an object`);
  checkOptions(`${where}: require`, require, LEVEL);
  for (const [right, held] of Object.entries(require))
    oneOf(where, `require.${right}`, held, ['enforced', 'partial', 'none']);
  if (!Array.isArray(mounts) || !mounts.every((mount) => isRecord(mount) && isPlainText(mount['source'])))
    throw new TypeError(`${where}: mounts must be a list of folders, each with its source and target`);
  if (!isRecord(from)) throw new TypeError(`${where}: from must be what a workspace begins with`);
  port(`${where}: sandbox must be a Sandbox`, server.sandbox, ['open']);
  oneOf(where, 'workspace', server.workspace, ['own', 'run']);
  oneOf(where, 'network', server.network, ['none', 'host']);
  if (server.sandbox === undefined && !hasSandbox)
    throw new TypeError(
      `${where} needs a sandbox to run in: createLocalSandbox of @prusik/sandbox-local is one, with isolation: 'none' (and require) where nothing is to contain it`,
    );
}

function checkRules(where: string, { allow, deny, effects, approval }: ToolRules): void {
  for (const [option, names] of Object.entries({ allow, deny })) {
    if (names === undefined) continue;
    if (!isTexts(names)) throw new TypeError(`${where}: ${option} must be a list of names`);
    for (const name of names) checkPattern(`${where}: ${option}`, name);
  }
  if (effects !== undefined && effects !== 'trust-annotations')
    checkByName(where, 'effects', effects, EFFECTS, ['trust-annotations']);
  if (approval !== undefined && !APPROVALS.includes(approval))
    checkByName(where, 'approval', approval, APPROVALS, APPROVALS);
}

function checkByName(
  where: string,
  option: string,
  said: unknown,
  allowed: readonly unknown[],
  forAll: readonly unknown[],
): void {
  if (!isRecord(said))
    throw new TypeError(
      `${where}: ${option} must be ${forAll.join(' or ')}, or say ${allowed.join(' or ')} by names of tools`,
    );
  for (const [name, value] of Object.entries(said)) {
    checkPattern(`${where}: ${option}`, name);
    oneOf(where, `${option}[${JSON.stringify(name)}]`, value, allowed);
    if (value === undefined) throw new TypeError(`${where}: ${option}[${JSON.stringify(name)}] is undefined`);
  }
}

/** Taken for a name, `*_delete` would deny nothing. */
function checkPattern(where: string, name: string): void {
  if (name.slice(0, -1).includes('*'))
    throw new TypeError(`${where}: ${JSON.stringify(name)} is no pattern: "*" stands at the end of one alone`);
}

function checkLimits(where: string, limits: Partial<McpLimits> | undefined): void {
  if (limits === undefined) return;
  if (!isRecord(limits)) throw new TypeError(`${where}: limits must be an object`);
  checkOptions(`${where}: limits`, limits, LIMITS);
  for (const [name, value] of Object.entries(limits))
    if (value !== undefined && !isCount(value, MOST[name as keyof McpLimits]))
      throw new TypeError(
        `${where}: limits.${name} must be a whole number from 1 to ${MOST[name as keyof McpLimits]}, not ${String(value)}`,
      );
}

/** @throws {TypeError} */
function port(what: string, given: unknown, methods: readonly string[]): void {
  if (given === undefined) return;
  const members = given as Readonly<Record<string, unknown>> | null;
  if (typeof given !== 'object' || methods.some((method) => typeof members?.[method] !== 'function'))
    throw new TypeError(what);
}

function oneOf(where: string, option: string, value: unknown, allowed: readonly unknown[]): void {
  if (value !== undefined && !allowed.includes(value))
    throw new TypeError(`${where}: ${option} must be ${allowed.join(' or ')}, not ${JSON.stringify(value)}`);
}

const isCount = (value: unknown, most: number = Number.MAX_SAFE_INTEGER): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most;
const isPlainText = (value: unknown): boolean => typeof value === 'string' && !value.includes('\0');
const isVariable = ([name, value]: readonly [string, unknown]): boolean =>
  /^[^=\0]+$/.test(name) && (typeof value === 'function' || isPlainText(value));
// A program without types may pass anything.
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== '');
