import { readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashJson, PrusikError, type Capability, type SandboxMount } from '@prusik/core';
import { parseFrontmatter, type Frontmatter, type FrontmatterValue } from './skill-frontmatter.ts';
import { listSkillFiles, SKILL_LIMITS, type SkillFile } from './skill-files.ts';

/** What a skill may say beside its folder. */
export interface SkillOptions {
  /** Its folder is mounted, read-only, at `/skills/<name>` of the sandbox ({@link skillMounts}), and the model is told so. @default false */
  readonly mount?: boolean;
}

/** A folder in the Agent Skills format, as it was when it was looked at. It grants nothing: neither a tool nor a right. */
export interface Skill {
  readonly kind: 'skill';
  readonly name: string;
  /** What it does and when to use it, on one line; the model always sees it. */
  readonly description: string;
  readonly license?: string;
  /** What it needs of its surroundings, for people. */
  readonly compatibility?: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Absolute, without links. */
  readonly folder: string;
  /** What the model can read on demand, in order. */
  readonly files: readonly SkillFile[];
  /** Where commands in a sandbox find the folder. */
  readonly mountedAt?: string;
  readonly requires: readonly Capability[];
  /** Fields of its front matter that have no effect; `allowed-tools` is one. */
  readonly ignored: readonly string[];
  /** Over SKILL.md and the other files' names and sizes. */
  readonly hash: string;
}

export const INSTRUCTIONS = 'SKILL.md';
const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const KNOWN: ReadonlySet<string> = new Set(['name', 'description', 'license', 'compatibility', 'metadata']);

/**
 * A skill of a folder, by its absolute path or its URL (`new URL('./skills/pdf/', import.meta.url)`). Looks at the folder at once, and reads
 * its files again when a model asks for them.
 *
 * @throws {PrusikError} `SKILL_INVALID` with everything that is wrong with the folder.
 */
export function skill(folder: string | URL, { mount = false }: SkillOptions = {}): Skill {
  const given = folder instanceof URL ? fileURLToPath(folder) : folder;
  const { place, files, source, problems } = lookAt(given);
  const { fields } = readFrontmatter(given, source, problems);
  const text = (field: string, limit: number, required = false): string | undefined =>
    textOf(fields, field, { limit, required, problems });
  const name = text('name', 64, true) ?? '';
  const description = text('description', 1_024, true) ?? '';
  const license = text('license', 1_024);
  const compatibility = text('compatibility', 500);
  const metadata = fields.get('metadata') ?? {};
  if (name !== '' && !NAME.test(name))
    problems.push('name must be lower-case letters and digits, with single hyphens between them');
  else if (name !== '' && name !== basename(place))
    problems.push(`name is ${name}, its folder ${basename(place)}: they must be the same`);
  if (typeof metadata === 'string' || Array.isArray(metadata)) problems.push('metadata must be names with texts');
  if (problems.length > 0) throw invalid(given, problems);
  return {
    kind: 'skill',
    name,
    description,
    ...(license === undefined ? {} : { license }),
    ...(compatibility === undefined ? {} : { compatibility }),
    metadata: metadata as Readonly<Record<string, string>>,
    folder: place,
    files,
    ...(mount ? { mountedAt: `/skills/${name}` } : {}),
    requires: mount ? ['sandbox'] : [],
    ignored: [...fields.keys()].filter((field) => !KNOWN.has(field)),
    hash: hashJson([source, files.map(({ path, bytes }) => [path, bytes])]),
  };
}

/** What {@link Sandbox.open} is to mount for these skills; those without `mount` are left out. */
export function skillMounts(skills: readonly Skill[]): readonly SandboxMount[] {
  return skills.flatMap(({ folder, mountedAt }) =>
    mountedAt === undefined ? [] : [{ source: folder, target: mountedAt }],
  );
}

function lookAt(given: string) {
  try {
    const place = realpathSync(given);
    const { files, problems } = listSkillFiles(place);
    const own = files.find(({ path }) => path === INSTRUCTIONS);
    if (own === undefined) throw invalid(given, [`there is no file ${INSTRUCTIONS}`]);
    if (own.bytes > SKILL_LIMITS.instructions)
      throw invalid(given, [
        `${INSTRUCTIONS} has ${own.bytes} bytes; ${SKILL_LIMITS.instructions} are the most: move parts into files of their own`,
      ]);
    return { place, files, source: readFileSync(join(place, INSTRUCTIONS), 'utf8'), problems: [...problems] };
  } catch (error) {
    throw error instanceof PrusikError ? error : invalid(given, [(error as Error).message], error);
  }
}

function readFrontmatter(given: string, source: string, problems: readonly string[]): Frontmatter {
  try {
    return parseFrontmatter(source);
  } catch (error) {
    throw invalid(given, [...problems, `${INSTRUCTIONS}: ${(error as Error).message}`], error);
  }
}

function textOf(
  fields: ReadonlyMap<string, FrontmatterValue>,
  field: string,
  { limit, required, problems }: { readonly limit: number; readonly required: boolean; readonly problems: string[] },
): string | undefined {
  const value = fields.get(field);
  if (value === undefined && !required) return undefined;
  // In a prompt it stands on one line.
  const text = typeof value === 'string' ? value.replaceAll(/\s+/g, ' ').trim() : '';
  if (text === '') problems.push(`${field} must be a text`);
  else if (text.length > limit) problems.push(`${field} has ${text.length} characters; ${limit} are the most`);
  return text;
}

function invalid(folder: string, problems: readonly string[], cause?: unknown): PrusikError {
  return new PrusikError('SKILL_INVALID', `The skill in ${folder} cannot be used: ${problems.join('; ')}`, { cause });
}
