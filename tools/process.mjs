import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { isatty } from 'node:tty';

/**
 * Runs a command in the foreground: it owns the terminal, and this process only waits and passes signals on.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<number>} its exit code; 128 + n where signal n ended it, as a shell reports it
 */
export function runForeground(command, args, options) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: 'inherit' });
    // Ctrl-C reaches the whole foreground process group, so the child has its own already, and a second one
    // means "at once" to many programs. Without a terminal a signal is sent to us alone and has to be passed on.
    const hasTerminal = [0, 1, 2].some((fd) => isatty(fd));
    const onInterrupt = () => hasTerminal || child.kill('SIGINT');
    const onTerminate = () => child.kill('SIGTERM');
    process.on('SIGINT', onInterrupt);
    process.on('SIGTERM', onTerminate);
    const done = (/** @type {number} */ code) => {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onTerminate);
      resolve(code);
    };
    child.once('error', (error) => {
      console.error(`${command} could not be started: ${error.message}`);
      done(127);
    });
    child.once('exit', (code, signal) => done(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}
