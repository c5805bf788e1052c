/** Variables by name. */
export type Environment = Readonly<Record<string, string>>;

/**
 * Read by the dynamic linker and the shell before a command starts, that is, in the launcher that sets the limits:
 * a library preloaded there could leave them unset.
 */
const LAUNCHER_VARIABLES = /^(?:LD_.*|GLIBC_TUNABLES|GCONV_PATH|ENV|BASH_ENV|SHELLOPTS|BASHOPTS|BASH_FUNC_.*)$/;

/**
 * Merges environments, later ones first. Nothing of `process.env` is in it: a sandbox's environment is built, never inherited.
 *
 * @throws {TypeError} for a name or value that cannot be one, and for a variable that acts on the launcher.
 */
export function buildEnvironment(...parts: readonly (Environment | undefined)[]): Environment {
  const merged: Record<string, string> = {};
  for (const part of parts) {
    for (const [name, value] of Object.entries(part ?? {})) {
      if (name === '' || name.includes('=') || name.includes('\0'))
        throw new TypeError(`${JSON.stringify(name)} cannot be the name of an environment variable`);
      if (typeof value !== 'string' || value.includes('\0'))
        throw new TypeError(`The environment variable ${name} must be a string without NUL`);
      if (LAUNCHER_VARIABLES.test(name))
        throw new TypeError(
          `${name} would act on the sandbox's launcher; set it in the command: env ${name}=… program`,
        );
      merged[name] = value;
    }
  }
  return merged;
}
