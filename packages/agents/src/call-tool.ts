import {
  describeIssues,
  isPrusikError,
  PrusikError,
  systemClock,
  type ApprovalBody,
  type CheckResult,
  type CheckScope,
  type Clock,
  type Denial,
  type DurableContext,
  type Json,
  type JsonObject,
  type StepScope,
} from '@prusik/core';
import { scopeOf } from './agent-core.ts';
import { askNeeds } from './ask-needs.ts';
import { gateOf, type Gate } from './approval.ts';
import { isCallNeeds } from './call-needs.ts';
import { callFingerprint } from './define-tool.ts';
import { approvalOf } from './decided-call.ts';
import { givenTo, isNeeding, type Answered } from './needing.ts';
import { toolFacts } from './receipt.ts';
import { recordNeeds } from './record-needs.ts';
import type { AnyTool, ToolDefinition } from './tool-types.ts';
import { validate } from './validate.ts';

/** What a gated call of a workflow may say. */
export interface CallToolOptions {
  /** What a person may put in the input's place, where that is not a whole input. @default the tool's input */
  readonly edit?: {
    /** JSON Schema of it, by which an edit is refused when it is decided. */
    readonly schema: JsonObject;
    /** The input that it makes, which the tool's schema then checks. It may be asked again, so it follows from the value alone. */
    readonly apply: (value: Json) => Json;
  };
  /** Where policies and schemas are waited for. @default systemClock */
  readonly clock?: Clock;
}

/** How a call ended that was not in the caller's hand alone. */
export type CalledTool<Output> =
  | { readonly status: 'done'; readonly output: Output; readonly edited: boolean }
  /** It was not executed. `invalid`: what a person put in the input's place is not what the tool takes. */
  | { readonly status: 'refused'; readonly by: Denial['by'] | 'invalid' | 'changed'; readonly reason?: string };

type Planned = Gate & { readonly fingerprint: string; readonly toolHash: string };
type Refused = Extract<CalledTool<never>, { readonly status: 'refused' }>;

/**
 * Calls a tool from a workflow as an agent would: its policy is asked and asked again, a person decides about exactly this call where one has to, grants
 * count, the decision is used up by one execution, and an execution of which nobody knows whether it happened is what the tool's `inDoubt` says.
 *
 * What it needs ({@link callNeeds}) is asked as well, but for samples: a workflow has no models.
 *
 * `key` names the call; `${key}:gate`, `${key}:approval`, `${key}:input:…` and `${key}:again:…` are its other keys. What the tool throws is rejected with.
 *
 * @throws {TypeError} for an input that the tool does not take, and for a tool that is executed elsewhere.
 * @throws {PrusikError} `STEP_IN_DOUBT` where `inDoubt` is not `ask`.
 */
export async function callTool<Input, Output, Deps, Context>(
  ctx: Pick<DurableContext<Deps>, 'run' | 'deps' | 'request' | 'step' | 'uuid'>,
  key: string,
  definition: ToolDefinition<string, Input, Output, Deps, Context>,
  input: Input & Json,
  { edit, clock = systemClock }: CallToolOptions = {},
): Promise<CalledTool<Output>> {
  // What differs between tools is erased, as in an agent: the input goes through the tool's own schema.
  const tool: AnyTool = definition;
  if (tool.asks !== undefined || tool.provider !== undefined)
    throw new TypeError(`The tool ${tool.name} is executed elsewhere: a workflow asks with ctx.ask`);
  const scope = scopeOf(ctx as DurableContext);
  const call = { ...scope, tool: tool.name, callId: key };

  const planned = await ctx.step(`${key}:gate`, async ({ grants, deny }): Promise<Planned> => {
    const checked = await validate(tool.input, input, clock);
    if (checked.issues !== undefined)
      throw new TypeError(`The input of ${tool.name} is not what it takes: ${describeIssues(checked.issues)}`);
    const gate = await gateOf(tool, { ...call, input: checked.value }, { clock, input, grants });
    if (gate.does === 'deny') deny({ callId: key, tool: tool.name, by: gate.by });
    return { ...gate, fingerprint: callFingerprint(tool, input), toolHash: tool.hash };
  });
  if (planned.does === 'deny') return { status: 'refused', by: planned.by, reason: planned.reason };

  const approval = planned.does === 'ask' ? await ask(planned) : undefined;
  if (approval !== undefined && 'denied' in approval) {
    const { by, denied: reason, request } = approval;
    await ctx.step(`${key}:refused`, ({ deny }) => deny({ callId: key, tool: tool.name, by, request }));
    return { status: 'refused', by, reason };
  }

  const given = approval?.input ?? input;
  const edited = approval?.edited ?? false;
  let answered: Answered | undefined;
  /** Tells what a body says that it needs from what a tool returns, or a person has said of it. */
  const asks = ctx.uuid(`${key}:needs`);
  const execute = async ({
    grants,
    deny,
    signal,
    idempotencyKey,
    note,
    notes,
    artifact,
    slots,
    metrics,
    trace,
    tell,
    delta,
  }: StepScope): Promise<unknown> => {
    tell(toolFacts({ callId: key, ...(tool.source === undefined ? {} : { source: tool.source }) }));
    const refuse = (by: Denial['by'], reason: string): PrusikError => {
      deny({ callId: key, tool: tool.name, by });
      return refusal(by, reason);
    };
    if (callFingerprint(tool, input) !== planned.fingerprint)
      throw refusal('changed', 'The tool has changed since this call was planned.');
    const checked = await validate(tool.input, inputOf(given), clock);
    if (checked.issues !== undefined) throw refusal('invalid', describeIssues(checked.issues));
    const gate = await gateOf(tool, { ...call, input: checked.value }, { clock, input, grants });
    if (gate.does === 'deny') throw refuse(gate.by, gate.reason);
    if (gate.does === 'ask' && approval === undefined)
      throw planned.does === 'run' && planned.grant !== undefined
        ? refuse('grant', 'What allowed this call was taken back.')
        : refuse('policy', 'This call needs an approval now.');
    const progress = (text: string): void => delta(`${text}\n`);
    const value = await tool.execute(checked.value, {
      ...scope,
      signal,
      idempotencyKey,
      callId: key,
      note,
      notes,
      artifact,
      slots,
      metrics,
      trace,
      progress,
      ...givenTo(answered),
    });
    if (!isCallNeeds(value)) return value;
    const { attended } = ctx.run;
    const rounds = answered?.round ?? 0;
    return { asks, ...recordNeeds(value, { toolHash: tool.hash, rounds, attended, sampling: undefined }) };
  };
  try {
    for (;;) {
      const output = await ctx.step(answered === undefined ? key : `${key}:again:${answered.round}`, execute, {
        kind: 'tool',
        name: tool.name,
        effect: tool.effect,
        timeoutMs: tool.timeoutMs,
        inDoubt: tool.inDoubt === 'ask' ? 'ask' : 'fail',
        ...(approval === undefined || answered !== undefined ? {} : { claimRequest: approval.request }),
        ...(tool.check === undefined ? {} : { check: (step) => check(tool, step) }),
      });
      if (!isNeeding(output, asks)) return { status: 'done', output: output as Output, edited };
      const { round } = output;
      answered = await askNeeds(output, {
        ctx,
        call: { tool: tool.name, callId: key },
        key: (what, need) => `${key}:${what}:${round}.${need}`,
        leftMs: (atMost = Number.POSITIVE_INFINITY) => atMost,
        take: () => Promise.resolve({ status: 'unavailable' }),
      });
    }
  } catch (error) {
    const refused = isPrusikError(error, REFUSED) ? error.meta?.['by'] : undefined;
    if (refused === undefined) throw error;
    return { status: 'refused', by: refused as Refused['by'], reason: (error as PrusikError).message };
  }

  async function ask({ fingerprint, toolHash, ...gate }: Planned) {
    const grantable = gate.does === 'ask' && gate.grantable;
    const body: ApprovalBody = {
      tool: tool.name,
      callId: key,
      input,
      fingerprint,
      ...(grantable ? { toolHash } : {}),
    };
    const { approvalExpiresMs: expiresInMs } = tool;
    const decision = await ctx.request(`${key}:approval`, {
      kind: 'approval',
      body,
      schema: edit?.schema ?? tool.inputJsonSchema,
      ...(expiresInMs === undefined ? {} : { expiresInMs }),
    });
    const read = approvalOf(decision, input);
    return 'denied' in read ? { ...read, request: decision.request } : read;
  }

  /** An edit that cannot be applied is none: the tool's schema says so. */
  function inputOf(value: Json): Json {
    if (!edited || edit === undefined) return value;
    try {
      return edit.apply(value);
    } catch {
      return null;
    }
  }

  async function check({ input: schema, check: find }: AnyTool, step: CheckScope): Promise<CheckResult> {
    const checked = await validate(schema, inputOf(given), clock);
    if (checked.issues !== undefined || find === undefined) return { became: 'unknown' };
    return find(checked.value, { ...scope, ...step, callId: key, ...givenTo(answered) });
  }
}

/** Thrown by the step, so that what a tool returned is its outcome and nothing else is. */
const REFUSED = 'TOOL_CALL_REFUSED';
const refusal = (by: Refused['by'], reason: string): PrusikError => new PrusikError(REFUSED, reason, { meta: { by } });
