import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { checkId, DEFAULT_TENANT } from '@prusik/core';
import type { Call, Command, Io, Values } from './command.ts';
import { COMMANDS } from './commands.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { COMMON_OPTIONS, commandHelp, overview } from './help.ts';
import { openDatabase } from './open.ts';
import { createTeller, type Teller } from './tell.ts';
import { outputOf, type Output } from './terminal.ts';
import { usage } from './values.ts';

/** Runs one command line to its end. Never throws: what went wrong is a line and an exit code. */
export async function runCli(args: readonly string[], io: Io): Promise<ExitCode> {
  const [stdout, stderr] = [outputOf(io.stdout, io.env), outputOf(io.stderr, io.env)];
  const code = await runLine(args, io, { stdout, stderr });
  try {
    await stdout.flushed();
    return code;
  } catch (error) {
    // Whoever reads no more has what they wanted. What was asked for is done otherwise, and nobody has heard what came of it.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE' || code !== EXIT.ok) return code;
    createTeller(false, stdout, stderr).error(error);
    return EXIT.failed;
  }
}

async function runLine(
  args: readonly string[],
  io: Io,
  { stdout, stderr }: { readonly stdout: Output; readonly stderr: Output },
): Promise<ExitCode> {
  let tell: Teller = createTeller(args.includes('--json'), stdout, stderr);
  try {
    const [name, ...rest] = args;
    if (name === undefined) {
      stderr.write(overview(COMMANDS));
      return EXIT.usage;
    }
    if (['help', '--help', '-h'].includes(name)) {
      const [about] = rest;
      stdout.write(
        about === undefined || about.startsWith('-') ? overview(COMMANDS) : commandHelp(about, commandNamed(about)),
      );
      return EXIT.ok;
    }
    if (['--version', '-V'].includes(name)) {
      stdout.write(`${version()}\n`);
      return EXIT.ok;
    }
    const command = commandNamed(name);
    const { values, positionals } = parse(name, command, rest);
    if (values.has('help')) {
      stdout.write(commandHelp(name, command));
      return EXIT.ok;
    }
    tell = createTeller(values.has('json'), stdout, stderr);
    return await runCommand(name, command, { io, tell, values, positionals });
  } catch (error) {
    if (!io.signal.aborted) return tell.error(error);
    const { code } = io.signal.reason as NodeJS.ErrnoException;
    if (code === 'FILE_UNWRITABLE') return tell.error(io.signal.reason);
    // Nobody reads any more, so there is nobody to tell.
    if (code !== 'EPIPE') tell.error(error);
    return EXIT.interrupted;
  }
}

interface Parsed {
  readonly io: Io;
  readonly tell: Teller;
  readonly values: Values;
  readonly positionals: readonly string[];
}

async function runCommand(
  name: string,
  command: Command,
  { io, tell, values, positionals }: Parsed,
): Promise<ExitCode> {
  const most = command.operands.length;
  if (positionals.length > most)
    throw usage(`${positionals[most]} is one argument too many; see prusik ${name} --help`);
  const needed = command.operands.filter((operand) => !operand.startsWith('[')).length;
  if (positionals.length < needed)
    throw usage(`prusik ${name} needs ${command.operands[positionals.length]}; see prusik ${name} --help`);
  let opened: ReturnType<typeof openDatabase> | undefined;
  const tenant = checked('tenant', values.text('tenant') ?? DEFAULT_TENANT);
  const db = (): string => {
    const given = values.text('db') ?? io.env['PRUSIK_DB'];
    if (given === undefined || given === '')
      throw usage('Say which database: --db FILE, or PRUSIK_DB in the environment');
    return resolve(io.cwd, given);
  };
  const call: Call = {
    io,
    tell,
    values,
    tenant,
    db,
    open: () => (opened ??= openDatabase(db(), tell.warn)),
    operands: () => positionals.length,
    operand(at) {
      const operand = positionals[at];
      if (operand === undefined) throw usage(`prusik ${name} needs ${command.operands[at]}`);
      return operand;
    },
    keyOf: (run) => ({ tenant, run: checked('run', run) }),
  };
  try {
    return await command.run(call);
  } finally {
    await opened?.[Symbol.asyncDispose]();
  }
}

function commandNamed(name: string): Command {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw usage(`There is no command ${JSON.stringify(name)}; see prusik --help`);
  return command;
}

function parse(name: string, command: Command, args: readonly string[]): Pick<Parsed, 'values' | 'positionals'> {
  const options = { ...COMMON_OPTIONS, ...command.options };
  const config = Object.fromEntries(
    Object.entries(options).map(([key, { type, multiple = false }]) => [
      key,
      { type, multiple, ...(key === 'help' ? { short: 'h' } : {}) },
    ]),
  );
  let parsed: ReturnType<typeof parseArgs<{ options: typeof config; allowPositionals: true; tokens: true }>>;
  try {
    parsed = parseArgs({ args: [...args], allowPositionals: true, options: config, tokens: true });
  } catch (error) {
    const said = error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error);
    throw usage(`${said}; see prusik ${name} --help`, error);
  }
  const given = parsed.values;
  // The last one would count, and of two ages of a prune nobody knows which was meant.
  const named = parsed.tokens.flatMap((token) =>
    token.kind === 'option' && token.value !== undefined ? token.name : [],
  );
  const twice = named.find((key, at) => options[key]?.multiple !== true && named.indexOf(key) < at);
  if (twice !== undefined) throw usage(`--${twice} is given twice; see prusik ${name} --help`);
  return {
    positionals: parsed.positionals,
    values: {
      has: (key) => given[key] === true,
      text(key) {
        const value = given[key];
        return typeof value === 'string' ? value : undefined;
      },
      texts(key) {
        const value = given[key];
        return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
      },
    },
  };
}

function checked(kind: 'run' | 'tenant', text: string): string {
  try {
    return checkId(kind, text);
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error), error);
  }
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return (manifest as { readonly version: string }).version;
}
