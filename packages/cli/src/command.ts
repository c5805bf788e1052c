import type { RunKey, Store } from '@prusik/core';
import type { Decisions, Engine } from '@prusik/durable';
import type { ExitCode } from './exit-codes.ts';
import type { Teller } from './tell.ts';
import type { OutputStream } from './terminal.ts';

/** The process, handed in so that a test can hold it. */
export interface Io {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Fires when the person wants out. */
  readonly signal: AbortSignal;
}

/** An option of a command, with its line of help. */
export interface Option {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  /** How the value is named in the help: `MS`. */
  readonly value?: string;
  readonly help: string;
}

/** One command: what it takes, and what it does. */
export interface Command {
  /** One sentence, without a full stop. */
  readonly summary: string;
  /** Names of what stands behind the command, in order; those in brackets may be left out. */
  readonly operands: readonly string[];
  readonly options: Readonly<Record<string, Option>>;
  /** Sentences that the help adds. */
  readonly notes?: readonly string[];
  run(call: Call): Promise<ExitCode>;
}

/** What a command is called with. */
export interface Call {
  readonly io: Io;
  readonly tell: Teller;
  readonly values: Values;
  readonly tenant: string;
  /** The file of `--db`, absolute. @throws {PrusikError} `CLI_USAGE` without one */
  db(): string;
  /** The operand of that place. @throws {PrusikError} `CLI_USAGE` without one */
  operand(at: number): string;
  operands(): number;
  /** Opens the database that is there; closed when the command is over. */
  open(): Opened;
  keyOf(run: string): RunKey;
}

/** Values of options by name, as they were given. */
export interface Values {
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  has(name: string): boolean;
}

/** A live database: read, and acted on through an engine that drives nothing. */
export interface Opened {
  readonly store: Store;
  readonly engine: Engine;
  readonly decisions: Decisions;
}
