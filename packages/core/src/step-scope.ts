import type { ArtifactBody, ArtifactOptions, NewArtifact } from './artifact.ts';
import type { BlobInfo } from './blob.ts';
import type { Denial } from './entry.ts';
import type { Grant } from './grant.ts';
import type { Json } from './json.ts';
import type { LiveBlock } from './live-event.ts';
import type { Metrics } from './measurement.ts';
import type { Message, Usage } from './message.ts';
import type { Note } from './note.ts';
import type { StepSlots } from './slot.ts';
import type { Spent } from './spent.ts';
import type { StepFacts } from './step-facts.ts';
import type { TraceContext } from './trace-context.ts';

/** What the body of a step has instead of the context. */
export interface StepScope {
  readonly key: string;
  readonly attempt: number;
  /** Executions before this one that used up an attempt of the step's policy; refusals for want of capacity do not. */
  readonly failures: number;
  /** What executions before this one have told that they used. Of one whose process was lost nothing is known. */
  readonly spent: Spent;
  /** One per execution; fires on timeout, cancel and lost lease, never at a normal end. */
  readonly signal: AbortSignal;
  /** The same on every attempt of this step. */
  readonly idempotencyKey: string;
  /** Where the step stands in a trace, for what it calls elsewhere; missing where no observer of the engine says so. */
  readonly trace: TraceContext | undefined;
  /** Messages that are stored with the outcome. */
  append(...messages: readonly Message[]): void;
  /** The grants in force now for calls of this tool in this run. */
  grants(tool: string): Promise<readonly Grant[]>;
  /** A call of a tool that is refused by this step, on record with its outcome. */
  deny(denial: Denial): void;
  /**
   * Takes over what was steered to the run and no step has taken yet: appends its messages here, before whatever is appended later, and returns
   * them; their runs end as absorbed in the commit of the outcome. Call it before the work that is to heed them, and again before an outcome
   * that would end the run: what came meanwhile is then a reason to go on, in the same commit. A step that fails or is stopped has absorbed
   * nothing: what it took waits for another step, or for its own turn. One whose message is withdrawn before its commit is executed
   * again. Only in steps of effect `repeatable`; in a run without a session there never is anything.
   *
   * @throws {TypeError} in a step of another effect.
   */
  absorb(): Promise<readonly Message[]>;
  /**
   * A note of the run's session, or of the run where it has none, that is stored with the outcome: a goal, what is to do, a hand-over.
   *
   * @throws {PrusikError} `VALUE_TOO_LARGE` past 64 KiB, `STEP_RESULT_TOO_LARGE` past 100 notes of one step.
   * @throws {TypeError} for the kind `artifact`, which {@link StepScope.artifact} writes.
   */
  note(kind: string, data: Json): void;
  /**
   * Something that the run has made for whoever asked for it: a report, a patch, an image. Its bytes are kept at once, and it stands on record with the outcome, as long as the
   * run does; a step that fails has made nothing. A newer one of the same name stands before it. Wait for it: what is not kept when the body returns is not recorded.
   *
   * Rejects with a `TypeError` for a name that is none (1 to 200 characters) or a type that is no media type, with `BLOB_TOO_LARGE` and `STORE_FULL`, and with
   * `STEP_RESULT_TOO_LARGE` past 100 notes and artifacts of one step.
   */
  artifact(name: string, body: ArtifactBody, options: ArtifactOptions): Promise<NewArtifact>;
  /** The typed state of the session, or of the run where it has none. */
  readonly slots: StepSlots;
  /** The notes of the session, or of the run, as they are now: newest first, 100 unless `limit` says otherwise. What follows from them is recorded with the outcome. */
  notes(query?: { readonly kind?: readonly string[]; readonly limit?: number }): Promise<readonly Note[]>;
  /**
   * Live text; never stored. A step may say several texts side by side, each in a block of its own, at most 1,000. @default one block of plain text
   *
   * @throws {TypeError} for what is no text or no block, and for one block too many.
   */
  delta(text: string, block?: LiveBlock): void;
  /**
   * Keeps bytes outside of the record: whatever message of this step names the hash keeps them. A store that is away is asked again as long as the
   * lease holds, unless the body is a generator, which can be read once. Rejects with `BLOB_TOO_LARGE` and `STORE_FULL`.
   */
  putBlob(body: Uint8Array | AsyncIterable<Uint8Array>): Promise<BlobInfo>;
  /**
   * Keeps a blob that the outcome names, for `readBlob` of the context, as long as the run and its session: from the commit of the outcome on.
   *
   * @throws {PrusikError} `STEP_RESULT_TOO_LARGE` past 100 of one step.
   */
  keepBlob(hash: string): void;
  /** Bytes of a blob of the run's tenant, in pieces; rejects with `BLOB_UNKNOWN`, `STORE_CORRUPT`, and with what a store rejects with that is away. */
  readBlob(hash: string): AsyncIterable<Uint8Array>;
  /** Voids what this execution has said: readers hear of it as of another attempt. */
  reset(): void;
  /**
   * Usage of a model call: recorded once, and used in the ledgers, whatever was reserved. Without it the whole reservation is charged, of an execution that
   * failed too, unless it was refused for want of capacity: one that used nothing says so, with zeros.
   */
  usage(usage: Usage, costMicros?: number): void;
  /**
   * What the step is to people, traces and lists besides its outcome: recorded with it, also where the step fails. What an execution tells last holds. Texts are
   * cut past 200 characters.
   */
  tell(facts: StepFacts): void;
  /**
   * Counters and histograms of one's own, recorded with the outcome, also where the step fails: those of the execution whose outcome it is. What executions before it
   * measured, that failed and were made again, is on no record, and an outcome that a check has found measures nothing. More than 100 of one step throw
   * `STEP_RESULT_TOO_LARGE`.
   */
  readonly metrics: Metrics;
}
