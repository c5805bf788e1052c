import { PrusikError, type StandardSchema } from '@prusik/core';
import { defineTool } from './define-tool.ts';
import type { ModelSchema } from './json-schema.ts';
import { parseFrontmatter } from './skill-frontmatter.ts';
import { readSkillFile, SKILL_LIMITS } from './skill-files.ts';
import { INSTRUCTIONS, type Skill } from './skill.ts';
import type { AnyTool } from './tool-types.ts';

/** The tool that every agent with skills has. */
export const READ_SKILL = 'read_skill';

/** Of one read, in bytes. */
const PAGE = 49_152;
/** So much that a character at the end of a page is seen whole. */
const READ = PAGE + 4;
/** Files that are named with the instructions of a skill. */
const LISTED = 200;

interface ReadInput {
  readonly skill: string;
  readonly file?: string;
  readonly offset?: number;
}

/** What the prompt says of skills, the same in every step: names and descriptions, nothing else. */
export function skillIndex(skills: readonly Skill[]): string {
  const lines = skills.map(({ name, description }) => `- ${name}: ${description}`);
  return `# Skills

Each skill holds instructions for one kind of task. Where a task fits its description, read the skill with ${READ_SKILL} before you begin, and follow it. A skill gives you no tool and no right that you do not have.

${lines.join('\n')}`;
}

/** Reads what the skills hold: the instructions of one, or one of its files, in pages. */
export function readSkillTool(skills: readonly Skill[]): AnyTool {
  const byName = new Map(skills.map((one) => [one.name, one]));
  return defineTool({
    name: READ_SKILL,
    description: `Reads the instructions of a skill, or with "file" one of the files that they name. A long file comes in parts: go on at "offset".`,
    input: readInput([...byName.keys()]),
    effect: 'repeatable',
    // Its pages are cut here, where they can be gone on with.
    maxOutputBytes: 4 * PAGE,
    maxOutputLines: 4 * PAGE,
    execute: async ({ skill: name, file = INSTRUCTIONS, offset = 0 }: ReadInput): Promise<string> => {
      const found = byName.get(name);
      if (found === undefined) throw unknown(`There is no skill ${name}`);
      // Only what was there when the skill was looked at: no path leads anywhere else.
      if (!found.files.some(({ path }) => path === file))
        throw unknown(`The skill ${name} has no file ${file}. It has: ${listing(found)}`);
      return file === INSTRUCTIONS ? instructions(found, offset) : page(found, file, offset);
    },
  });
}

async function instructions(skill: Skill, offset: number): Promise<string> {
  const { bytes } = await readSkillFile(skill.folder, INSTRUCTIONS, { offset: 0, length: SKILL_LIMITS.instructions });
  const body = Buffer.from(bodyOf(bytes.toString('utf8')));
  const part = cut(body.subarray(offset, offset + READ), body.length, offset, INSTRUCTIONS);
  const place = skill.mountedAt === undefined ? '' : `\n\nCommands find the files of this skill in ${skill.mountedAt}.`;
  const others = skill.files.length > 1 ? `\n\nFiles of this skill:\n${listing(skill)}` : '';
  return offset === 0 ? `${part}${others}${place}` : part;
}

/** Whoever breaks the front matter while the agent runs still shows its text. */
function bodyOf(source: string): string {
  try {
    return parseFrontmatter(source).body;
  } catch {
    return source;
  }
}

async function page(skill: Skill, file: string, offset: number): Promise<string> {
  const { bytes, size } = await readSkillFile(skill.folder, file, { offset, length: READ });
  if (bytes.includes(0)) throw new PrusikError('SKILL_FILE_NOT_TEXT', `The file ${file} is not a text (${size} bytes)`);
  return cut(bytes, size, offset, file);
}

/** A page of whole characters, and how to go on. */
function cut(bytes: Buffer, size: number, offset: number, file: string): string {
  if (offset > 0 && offset >= size) throw unknown(`${file} has ${size} bytes; there is nothing at ${offset}`);
  let end = Math.min(PAGE, bytes.length);
  // A character has four bytes at most; what is no text is cut anywhere.
  for (let back = 0; back < 3 && end < bytes.length && isContinuation(bytes[end]); back += 1) end -= 1;
  const text = bytes.toString('utf8', 0, end);
  const left = size - offset - end;
  return left > 0 ? `${text}\n[… ${left} bytes more; go on at offset ${offset + end} …]` : text;
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

function listing({ files }: Skill): string {
  const named = files.slice(0, LISTED).map(({ path, bytes }) => `- ${path} (${bytes} bytes)`);
  return files.length > LISTED ? [...named, `- and ${files.length - LISTED} more`].join('\n') : named.join('\n');
}

const unknown = (message: string): PrusikError => new PrusikError('SKILL_FILE_UNKNOWN', message);

/** Written out, since no schema library is a dependency of this package. */
function readInput(names: readonly string[]): ModelSchema<ReadInput> {
  const check: StandardSchema<ReadInput>['~standard']['validate'] = (value) => {
    const { skill, file, offset } = (value ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof skill !== 'string' || !names.includes(skill))
      return { issues: [{ message: `expected one of ${names.join(', ')}`, path: ['skill'] }] };
    if (file !== undefined && typeof file !== 'string')
      return { issues: [{ message: 'expected a text', path: ['file'] }] };
    if (offset !== undefined && !(Number.isSafeInteger(offset) && (offset as number) >= 0))
      return { issues: [{ message: 'expected a whole number from 0', path: ['offset'] }] };
    return { value: value as ReadInput };
  };
  const jsonSchema = {
    type: 'object',
    properties: {
      skill: { type: 'string', enum: [...names] },
      file: { type: 'string', description: `A file that the skill names. Default: its instructions.` },
      offset: { type: 'integer', minimum: 0, description: 'Where to go on in a long file, in bytes.' },
    },
    required: ['skill'],
    additionalProperties: false,
  };
  return { '~standard': { version: 1, vendor: 'prusik', validate: check, jsonSchema: { input: () => jsonSchema } } };
}
