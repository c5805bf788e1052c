import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock, CredentialKey, CredentialStore, JsonObject } from '@prusik/core';
import { signInFailed, type OAuthGrant } from './oauth-grant.ts';
import type { CredentialOwner } from './oauth-owner.ts';
import type { RegisteredClient } from './oauth-registration.ts';

/** A sign-in that was begun. */
export interface PendingSignIn {
  readonly server: string;
  /** Where the server was: what somebody signed in to is what gets the tokens. */
  readonly url: string;
  readonly owner: CredentialOwner;
  readonly redirectUrl: string;
  readonly verifier: string;
  readonly grant: OAuthGrant;
  readonly client: RegisteredClient;
}

interface Kept extends PendingSignIn {
  readonly expiresAt: number;
}

type All = Readonly<Record<string, Kept>>;

/** Sign-ins between their two halves: in the credential store, as the second half may be another process's. */
export interface PendingSignIns {
  keep(state: string, pending: PendingSignIn): Promise<{ readonly expiresAt: number }>;
  /** Once: whoever comes after finds nothing, however close. */
  take(state: string): Promise<PendingSignIn | undefined>;
}

/** A person has to have signed in by then. */
const PENDING_MS = 600_000;
const PENDING = 1_000;
/** Of one owner at one server; an older one gives way. */
const PENDING_OF_ONE = 5;
/** Others write meanwhile; each time one of them has got on. */
const ATTEMPTS = 100;

/** Whom it is for is not known before the state is found, so they stand together. */
const KEY: CredentialKey = { tenant: '', subject: '', audience: '', name: 'pending' };

export function pendingSignIns(credentials: CredentialStore, clock: Clock): PendingSignIns {
  /** Changes what is there by a function of it, alone. `undefined` changes nothing. */
  async function change(server: string, next: (all: All) => All | undefined): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const kept = await credentials.get(KEY);
      const all = Object.entries((kept?.value['pending'] ?? {}) as unknown as All);
      const live = all.filter(([, { expiresAt }]) => expiresAt > clock.now());
      const changed = next(Object.fromEntries(live));
      if (changed === undefined) return;
      const value: JsonObject = { pending: changed as unknown as JsonObject };
      if (await credentials.set(KEY, value, { expected: kept?.revision ?? null })) return;
    }
    throw signInFailed(server, 'too many sign in at once', 'busy', true);
  }

  return {
    async keep(state, pending) {
      const expiresAt = clock.now() + PENDING_MS;
      await change(pending.server, (all) => {
        const isAlike = ({ server, owner }: Kept) =>
          server === pending.server && owner.tenant === pending.owner.tenant && owner.subject === pending.owner.subject;
        const alike = Object.entries(all).filter(([, other]) => isAlike(other));
        const [oldest] = alike.toSorted(([, one], [, other]) => one.expiresAt - other.expiresAt);
        const { [alike.length < PENDING_OF_ONE ? '' : (oldest?.[0] ?? '')]: _, ...others } = all;
        if (Object.keys(others).length >= PENDING)
          throw signInFailed(pending.server, `${PENDING} sign-ins are under way`, 'busy', true);
        return { ...others, [digestOf(state)]: { ...pending, expiresAt } };
      });
      return { expiresAt };
    },

    async take(state) {
      let taken: Kept | undefined;
      await change('', (all) => {
        const digest = Object.keys(all).find((other) => isSame(other, digestOf(state)));
        taken = digest === undefined ? undefined : all[digest];
        if (digest === undefined) return undefined;
        const { [digest]: _, ...others } = all;
        return others;
      });
      return taken;
    },
  };
}

/** 256 bits that nobody guesses. */
export const newState = (): string => randomBytes(32).toString('base64url');

const digestOf = (state: string): string => createHash('sha256').update(state).digest('hex');

/** Of two digests, in a time that tells nothing of where they differ. */
const isSame = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
