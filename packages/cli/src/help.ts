import type { Command, Option } from './command.ts';

/** Options that every command has. */
export const COMMON_OPTIONS: Readonly<Record<string, Option>> = {
  db: { type: 'string', value: 'FILE', help: 'the database of the store (default: PRUSIK_DB of the environment)' },
  tenant: { type: 'string', value: 'NAME', help: 'whose runs these are (default: default)' },
  json: { type: 'boolean', help: 'one JSON object a line on stdout, and nothing else' },
  help: { type: 'boolean', help: 'this text' },
};

export function overview(commands: Readonly<Record<string, Command>>): string {
  const names = Object.entries(commands).map(
    ([name, { summary, operands }]) => [[name, ...operands].join(' '), summary] as const,
  );
  const width = Math.max(...names.map(([usage]) => usage.length));
  return `prusik: see and steer what runs in a database, beside its workers.

Usage: prusik COMMAND --db FILE [options]

${names.map(([usage, summary]) => `  ${usage.padEnd(width)}  ${summary}`).join('\n')}

${optionLines(COMMON_OPTIONS)}

prusik COMMAND --help tells more. It drives no run and creates no database. Content (inputs, outputs, texts) is shown with --content alone.

Exit codes
  0 done   1 defect   2 usage   3 not there   4 the database, and what doctor finds   5 refused, nothing was changed
  6 decided otherwise before   130 interrupted
`;
}

export function commandHelp(name: string, { summary, operands, options, notes = [] }: Command): string {
  const own = Object.keys(options).length === 0 ? '' : `\n${optionLines(options)}\n`;
  const said = notes.length === 0 ? '' : `\n${notes.join('\n')}\n`;
  return `prusik ${name}: ${summary}.

Usage: prusik ${[name, ...operands].join(' ')} --db FILE [options]
${own}
${optionLines(COMMON_OPTIONS)}
${said}`;
}

function optionLines(options: Readonly<Record<string, Option>>): string {
  const lines = Object.entries(options).map(
    ([name, { value, help }]) => [`--${name}${value === undefined ? '' : ` ${value}`}`, help] as const,
  );
  const width = Math.max(...lines.map(([option]) => option.length));
  return lines.map(([option, help]) => `  ${option.padEnd(width)}  ${help}`).join('\n');
}
