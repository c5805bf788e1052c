import { checkId, type RunKey, type SessionKey } from '../ids.ts';
import type { ThreadKey } from '../message.ts';
import { shown } from '../shown.ts';
import { checkOneOf } from './argument-values.ts';

/** An id in the place of a key is the commonest mistake, and would be told as a tenant that is missing. */
function keyOf<Key extends RunKey | SessionKey>(what: 'run' | 'session', key: Key): Key {
  const given: unknown = key;
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`A ${what} is named by its key, { tenant, ${what} }, not by ${shown(given)}`);
  return key;
}

export function checkRunKey(key: RunKey): void {
  const { tenant, run } = keyOf('run', key);
  checkId('tenant', tenant);
  checkId('run', run);
}

/** Copies, like all that comes in: what is read twice may be another the second time. */
export function checkedRunKey(key: RunKey): RunKey {
  const { tenant, run } = keyOf('run', key);
  return { tenant: checkId('tenant', tenant), run: checkId('run', run) };
}

export function checkedSessionKey(key: SessionKey): SessionKey {
  const { tenant, session } = keyOf('session', key);
  return { tenant: checkId('tenant', tenant), session: checkId('session', session) };
}

export function checkedThreadKey({ tenant, of, id }: ThreadKey): ThreadKey {
  checkOneOf('owner of a thread', of, ['session', 'run']);
  return { tenant: checkId('tenant', tenant), of, id: checkId(of, id) };
}

export function checkBlobHash(hash: unknown): void {
  if (typeof hash !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(hash))
    throw new TypeError('The hash of a blob is "sha256:" and 64 hexadecimal digits');
}
