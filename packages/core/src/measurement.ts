import { shown } from './shown.ts';

/** What a program measures of itself: a counter that grows, or a value whose distribution counts. It is recorded, and told to observers with what recorded it. */
export interface Measurement {
  readonly kind: 'counter' | 'histogram';
  readonly name: string;
  readonly value: number;
  readonly attributes?: MetricAttributes;
}

/** What a measurement is told apart by. Of few values each: every combination is a series of its own wherever metrics are kept. */
export interface MetricAttributes {
  readonly [name: string]: string | number | boolean;
}

/** Metrics of one's own. */
export interface Metrics {
  /**
   * Adds to a counter. @default by 1
   *
   * @throws {TypeError} as {@link toMeasurement}.
   */
  add(name: string, by?: number, attributes?: MetricAttributes): void;
  /**
   * A value of a histogram: how long, how large, how many at once.
   *
   * @throws {TypeError} as {@link toMeasurement}.
   */
  record(name: string, value: number, attributes?: MetricAttributes): void;
}

/** Measurements of one step, and of one entry of a function. */
export const MEASUREMENT_LIMIT = 100;

const NAME = /^[a-z][a-z0-9_.]{0,62}$/;
/** Names of the engine's own metrics, and of the conventions'. */
const TAKEN = /^(?:prusik|gen_ai|otel)\./;
const ATTRIBUTES_LIMIT = 8;
const TEXT_LIMIT = 64;

/**
 * A measurement that can be recorded: its name and those of its attributes are 1 to 63 lower-case letters, digits, `_` and `.`, a letter first; its value is a finite number
 * of 0 or more; it has at most 8 attributes, which are texts of at most 64 characters, finite numbers, `true` or `false`.
 *
 * @throws {TypeError} for anything else, and for a name that begins with `prusik.`, `gen_ai.` or `otel.`.
 */
export function toMeasurement(
  kind: Measurement['kind'],
  name: string,
  value: number,
  attributes?: MetricAttributes,
): Measurement {
  if (kind !== 'counter' && kind !== 'histogram') throw new TypeError('A metric is a counter or a histogram');
  checkName('metric', name);
  if (TAKEN.test(name)) throw new TypeError(`The metric ${name} has a name of the engine or of conventions`);
  if (!(Number.isFinite(value) && value >= 0))
    throw new TypeError(`The metric ${name} takes finite numbers of 0 or more, not ${shown(value)}`);
  const given = attributes === undefined ? [] : toAttributes(name, attributes);
  return { kind, name, value, ...(given.length === 0 ? {} : { attributes: Object.fromEntries(given) }) };
}

function toAttributes(metric: string, attributes: unknown): readonly (readonly [string, string | number | boolean])[] {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes))
    throw new TypeError(`The attributes of metric ${metric} must be an object`);
  const given = Object.entries(attributes as Readonly<Record<string, unknown>>).filter(
    ([, value]) => value !== undefined,
  );
  if (given.length > ATTRIBUTES_LIMIT)
    throw new TypeError(`The metric ${metric} has ${given.length} attributes; the limit is ${ATTRIBUTES_LIMIT}`);
  return given.map(([name, value]) => {
    checkName('attribute', name);
    if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return [name, value];
    if (typeof value === 'string' && value.length <= TEXT_LIMIT && value.isWellFormed()) return [name, value];
    throw new TypeError(
      `The attribute ${name} of metric ${metric} must be a text of at most ${TEXT_LIMIT} characters, a finite number, true or false`,
    );
  });
}

function checkName(of: 'metric' | 'attribute', name: unknown): void {
  if (typeof name !== 'string' || !NAME.test(name))
    throw new TypeError(
      `The name of ${of === 'metric' ? 'a metric' : 'an attribute'} is 1 to 63 lower-case letters, digits, _ and ., a letter first, not ${shown(name)}`,
    );
}
