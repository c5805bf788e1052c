import type { Tracer } from '@opentelemetry/api';
import type { Clock, ObservedStep } from '@prusik/core';
import type { Content, Capture } from './content.ts';
import type { Measures } from './measures.ts';
import type { StepShape } from './step-shape.ts';

/** What all drives of one observer share, but for the tracer. */
export interface Watching {
  /** Of the provider that is registered as the drive begins. */
  readonly tracer: Tracer;
  readonly clock: Clock;
  readonly shapeOf: (step: Pick<ObservedStep, 'kind' | 'name'>) => StepShape;
  /** Missing where nobody collects metrics. */
  readonly measures: () => Measures | undefined;
  readonly capture: Required<Capture>;
  readonly content: Content;
  /** Whether a run begins in its caller's trace, or in one of its own that is linked to it. */
  readonly caller: 'parent' | 'link';
}
