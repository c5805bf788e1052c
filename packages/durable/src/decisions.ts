import {
  checkOptions,
  DECISIONS_OF,
  describeIssues,
  isPrusikError,
  PrusikError,
  schemaProblems,
  within,
  type Json,
  type Request,
  type RunKey,
} from '@prusik/core';
import { bounded } from './bounded.ts';
import type { DriveEnv } from './drive-env.ts';
import type { Decided, EngineOptions, PersonDecision } from './engine-types.ts';

const DECISION = {
  names: { status: true, value: true, reason: true, by: true, grant: true } satisfies Record<
    keyof PersonDecision,
    true
  >,
};

/** How long code that looks at a decision may take. */
const LOOK_MS = 10_000;

/** Takes decisions of people: who may, of what kind, and whether what they say fits. What is refused here was never said, so the request stays open. */
export function createDecider(
  { store, clock, definitions, limits }: DriveEnv,
  canAnswer: EngineOptions['canAnswer'],
): (run: RunKey, id: string, decision: PersonDecision) => Promise<Decided> {
  return async (run, id, given) => {
    // The interface is dropped and taken up again: what a decision holds is JSON, or it is refused.
    const decision = bounded('decision', given, limits.maxValueBytes) as unknown as PersonDecision;
    checkOptions('A decision', decision, DECISION);
    // Which the model reads.
    if (decision.reason !== undefined && typeof decision.reason !== 'string')
      throw new TypeError(`The reason of a decision is a text, not ${typeof decision.reason}`);
    const request = await store.request(run, id);
    if (request === undefined) return { outcome: 'unknown' };
    checkKind(request, decision);
    await checkResponder(request, decision);
    if (request.status === 'open') await checkValue(request, decision);
    const answer = await store.decide({ run, request: id, decision });
    if (answer.outcome === 'refused')
      throw new PrusikError(
        answer.code,
        `Run ${run.run}, or its session, has as many grants as can be in force at once`,
      );
    if (answer.outcome === 'unknown') return answer;
    // `early` answers who says `expired`, which is not for people to say.
    return { outcome: answer.outcome === 'decided' ? 'decided' : 'already', request: answer.request };
  };

  async function checkResponder(request: Request, decision: PersonDecision): Promise<void> {
    if (canAnswer === undefined) return;
    const { by } = decision;
    let allowed: unknown;
    let cause: unknown;
    try {
      const asking = await store.run(request.run);
      const context: Json = asking?.context ?? null;
      allowed = await within(clock, LOOK_MS, () =>
        canAnswer({ request, decision, context, ...(by === undefined ? {} : { by }) }),
      );
    } catch (error) {
      if (isPrusikError(error) && error.code.startsWith('STORE_')) throw error;
      cause = error;
    }
    if (allowed === true) return;
    const who = by === undefined ? 'Somebody without a name' : JSON.stringify(by);
    throw new PrusikError(
      'RESPONDER_REFUSED',
      `${who} may not decide request ${request.id} of run ${request.run.run}`,
      {
        meta: { request: request.id, run: request.run.run, failed: cause !== undefined },
        ...(cause === undefined ? {} : { cause }),
      },
    );
  }

  /** By the schema that came with the request and, where this process has the definition, by what it says. The run checks once more. */
  async function checkValue(request: Request, decision: PersonDecision): Promise<void> {
    if (decision.status !== 'edited' && decision.status !== 'answered') return;
    // What it is about, a token or a code, must not stand in a record.
    if (request.kind === 'sign-in' && (decision.value ?? null) !== null)
      throw invalid(request, 'an answer to a sign-in holds nothing');
    const mistake = request.kind === 'intervention' ? mistakeIn(request, decision.value) : undefined;
    if (mistake !== undefined) throw invalid(request, mistake);
    const { schema } = request;
    const issues = schema === undefined ? [] : schemaProblems(schema, decision.value ?? null);
    if (issues.length > 0) throw invalid(request, describeIssues(issues));
    const check = definitions.get(request.definition)?.checkDecision;
    if (check === undefined) return;
    let problem: unknown;
    try {
      problem = await within(clock, LOOK_MS, async () => check(request, decision));
    } catch (cause) {
      throw invalid(request, 'it could not be checked', cause);
    }
    if (problem !== undefined) throw invalid(request, String(problem));
  }
}

/** A blocked run would take a choice that is none for the one that ends it, and a step that happened would go on without an output that is misspelt. */
function mistakeIn({ body }: Request, value: Json = null): string | undefined {
  const { choices } = (body ?? {}) as { readonly choices?: unknown };
  const { choice, output: _, ...others } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (Array.isArray(choices) && !choices.includes(choice)) return `its choice is ${choices.join(' or ')}`;
  const [other] = Object.keys(others);
  return other === undefined ? undefined : `what becomes of a run has no part ${other}`;
}

/** @throws {PrusikError} `REQUEST_KIND` */
function checkKind({ id, kind }: Request, { status }: PersonDecision): void {
  const takes = DECISIONS_OF[kind];
  if (takes.includes(status)) return;
  throw new PrusikError(
    'REQUEST_KIND',
    `Request ${id} is of kind ${kind}: it is ${takes.join(' or ')}, not ${status}`,
    {
      meta: { request: id, kind },
    },
  );
}

function invalid({ id, run }: Request, why: string, cause?: unknown): PrusikError {
  return new PrusikError('DECISION_INVALID', `What was said to request ${id} does not fit: ${why}`, {
    meta: { request: id, run: run.run },
    ...(cause === undefined ? {} : { cause }),
  });
}
