/** What every provider takes. */
const PROVIDER_SAFE_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

/** @throws {TypeError} for a name that some provider would refuse; `fix` says what to do beside choosing another. */
export function checkToolName(name: string, fix = ''): void {
  if (typeof name !== 'string' || !PROVIDER_SAFE_NAME.test(name))
    throw new TypeError(`The tool name ${JSON.stringify(name)} must be 1 to 64 letters, digits, "_" or "-"${fix}`);
}
