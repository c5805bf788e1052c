import type { SchemaIssue } from '@prusik/core';
import type { ModelSchema } from '../json-schema.ts';

type Field =
  | { readonly type: 'string'; readonly maxLength?: number }
  | { readonly type: 'boolean' }
  | { readonly type: 'integer'; readonly minimum: number; readonly maximum?: number };
/** What a tool is called with, by name. */
export type Fields = Readonly<Record<string, Field & { readonly description: string; readonly optional?: true }>>;

type ValueOf<F extends Field> = F['type'] extends 'string' ? string : F['type'] extends 'boolean' ? boolean : number;
type OptionalOf<F extends Fields> = { [Name in keyof F]: F[Name] extends { optional: true } ? Name : never }[keyof F];
export type ToolInputOf<F extends Fields> = { readonly [Name in Exclude<keyof F, OptionalOf<F>>]: ValueOf<F[Name]> } & {
  readonly [Name in OptionalOf<F>]?: ValueOf<F[Name]>;
};

/** The schema of an object of plain fields. Written out, since no schema library is a dependency of this package. */
export function toolInput(fields: Fields): ModelSchema<Record<string, unknown>> {
  const all = Object.entries(fields);
  const jsonSchema = {
    type: 'object',
    properties: Object.fromEntries(all.map(([name, field]) => [name, shownField(field)])),
    required: all.flatMap(([name, { optional }]) => (optional === true ? [] : [name])),
    additionalProperties: false,
  };
  const validate: ModelSchema<Record<string, unknown>>['~standard']['validate'] = (value) => {
    if (typeof value !== 'object' || value === null) return { issues: [{ message: 'expected an object' }] };
    const given = value as Readonly<Record<string, unknown>>;
    const issues: SchemaIssue[] = [];
    const taken: Record<string, unknown> = {};
    for (const [name, field] of all) {
      const one = given[name];
      // Models that must give every field give null for what they leave out.
      if (one === undefined || one === null) {
        if (field.optional !== true) issues.push({ message: `expected a ${field.type}`, path: [name] });
        continue;
      }
      const wrong = wrongIn(field, one);
      if (wrong === undefined) taken[name] = one;
      else issues.push({ message: wrong, path: [name] });
    }
    return issues.length > 0 ? { issues } : { value: taken };
  };
  return { '~standard': { version: 1, vendor: 'prusik', validate, jsonSchema: { input: () => jsonSchema } } };
}

/** As JSON Schema has it, which says elsewhere what may be left out. */
const shownField = (field: Fields[string]): object =>
  Object.fromEntries(Object.entries(field).filter(([name]) => name !== 'optional'));

function wrongIn(field: Field, value: unknown): string | undefined {
  if (field.type !== 'integer') {
    if (typeof value !== field.type) return `expected a ${field.type}`;
    const most = field.type === 'string' ? field.maxLength : undefined;
    return most !== undefined && String(value).length > most ? `expected at most ${most} characters` : undefined;
  }
  const { minimum, maximum = Number.MAX_SAFE_INTEGER } = field;
  return Number.isSafeInteger(value) && (value as number) >= minimum && (value as number) <= maximum
    ? undefined
    : `expected a whole number from ${minimum}${field.maximum === undefined ? '' : ` to ${maximum}`}`;
}
