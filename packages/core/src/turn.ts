import type { JsonObject } from './json.ts';

/** How one turn of an agent is to end, in place of what the agent says of all. Recorded with the run, and part of what makes it the same run. */
export interface TurnOptions {
  /** JSON Schema of this turn's output. Not with the mode `conversation`. @default the agent's own */
  readonly output?: JsonObject;
  /**
   * `conversation`: the turn ends with what the model says, whatever schema the agent has, and the next message goes on from there. `task`: it ends
   * with an output, or fails with `AGENT_TASK_FAILED` and the reason that the model gives; a question back is neither. @default as the agent is defined
   */
  readonly mode?: 'conversation' | 'task';
  /**
   * What becomes of the turn when its limits, its budget or its time are used up: it fails, or completes with the text that the agent said last, marked as
   * not whole. Where nothing was said, or the output has a schema, it fails. @default as the agent is defined
   */
  readonly whenExhausted?: 'fail' | 'partial';
}
