import { SpanKind, type Attributes } from '@opentelemetry/api';
import type { ObservedStep } from '@prusik/core';
import { ATTR, OPERATION, OWN, SPAN } from './conventions.ts';
import { plainName } from './plain-text.ts';
import { namedModel } from './provider-name.ts';

/** What all spans of one kind and name begin with. */
export interface StepShape {
  readonly name: string;
  readonly kind: SpanKind;
  /** Samplers decide by these, so they are there from the beginning. */
  readonly attributes: Attributes;
}

/** A program has some dozens; those of one that has more are made each time. */
const SHAPES_LIMIT = 1_000;

/** Made once for each kind and name of step. */
export function createStepShapes(): (step: Pick<ObservedStep, 'kind' | 'name'>) => StepShape {
  const shapes = new Map<string, StepShape>();
  return (step) => {
    const key = `${step.kind} ${step.name ?? ''}`;
    const known = shapes.get(key);
    if (known !== undefined) return known;
    const made = shapeOf(step);
    if (shapes.size < SHAPES_LIMIT) shapes.set(key, made);
    return made;
  };
}

function shapeOf({ kind, name }: Pick<ObservedStep, 'kind' | 'name'>): StepShape {
  const plain = name === undefined ? undefined : plainName(name);
  switch (kind) {
    case 'model': {
      const { provider, model } = namedModel(plain ?? '');
      return {
        name: model === '' ? OPERATION.chat : `${OPERATION.chat} ${model}`,
        kind: SpanKind.CLIENT,
        attributes: {
          [ATTR.operation]: OPERATION.chat,
          [ATTR.provider]: provider,
          ...(model === '' ? {} : { [ATTR.requestModel]: model }),
        },
      };
    }
    case 'tool':
      return {
        name: plain === undefined ? OPERATION.tool : `${OPERATION.tool} ${plain}`,
        kind: SpanKind.INTERNAL,
        attributes: {
          [ATTR.operation]: OPERATION.tool,
          [ATTR.toolType]: 'function',
          ...(plain === undefined ? {} : { [ATTR.toolName]: plain }),
        },
      };
    case 'step':
      return {
        name: plain === undefined ? SPAN.step : `${SPAN.step} ${plain}`,
        kind: SpanKind.INTERNAL,
        attributes: plain === undefined ? {} : { [OWN.stepName]: plain },
      };
    default:
      return kind satisfies never;
  }
}
