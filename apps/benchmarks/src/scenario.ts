import type { Result, Rounds } from './measure.ts';

/** What a scenario is given. */
export interface Bench extends Rounds {
  /** How often each scenario does its work before the rounds, so that they measure compiled code, as in a process that has run for some seconds. */
  readonly warmUp: number;
  /** How often a server is started and stopped, to see what is left of it. */
  readonly cycles: number;
  /** `full`, or less of it where nobody wants to know the time: the tests of this package. */
  readonly count: (full: number) => number;
  /** A path in a folder that is removed after the scenario; nothing is there yet. */
  readonly newPath: () => string;
  /** Arguments of Node.js for child processes, which must find the same packages as this one. */
  readonly execArgv: readonly string[];
}

/** One question about speed or memory, with all rows that answer it. */
export interface Scenario {
  readonly name: string;
  /** One line, for the help. */
  readonly about: string;
  readonly run: (bench: Bench) => Promise<readonly Result[]>;
}
