import { checkId, type RunKey, type SessionKey } from '../ids.ts';
import type { ThreadKey } from '../message.ts';
import { checkOneOf } from './argument-values.ts';

export function checkRunKey({ tenant, run }: RunKey): void {
  checkId('tenant', tenant);
  checkId('run', run);
}

/** Copies, like all that comes in: what is read twice may be another the second time. */
export function checkedRunKey({ tenant, run }: RunKey): RunKey {
  return { tenant: checkId('tenant', tenant), run: checkId('run', run) };
}

export function checkedSessionKey({ tenant, session }: SessionKey): SessionKey {
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
