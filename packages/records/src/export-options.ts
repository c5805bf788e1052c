import { checkOptions } from '@prusik/core';
import type { Redaction } from './bundle.ts';
import type { RedactText } from './redaction-rule.ts';

/** What of a run or a session is exported. */
export interface ExportOptions {
  /**
   * `secrets`: texts without what looks like credentials, a net and no promise. `content`: no text that somebody said, made or gave; names, times, codes and numbers stay.
   * `none`: everything as it is. @default 'secrets'
   */
  readonly redact?: Redaction;
  /** Asked about every text that is left after that. */
  readonly redactText?: RedactText | undefined;
  /** Bytes of the blobs as well; only of what is not redacted, since nobody knows what is in them. @default true with `redact: 'none'` */
  readonly blobs?: boolean;
  /** Ends it with its reason. */
  readonly signal?: AbortSignal;
}

const OPTIONS = {
  names: { redact: true, redactText: true, blobs: true, signal: true } satisfies Record<keyof ExportOptions, true>,
};

/** @throws {TypeError} for options that cannot be. */
export function checkExportOptions(where: string, options: ExportOptions): void {
  checkOptions(where, options, OPTIONS);
  const { redact = 'secrets', redactText, blobs = false } = options;
  if (!['none', 'secrets', 'content'].includes(redact))
    throw new TypeError(`redact is one of none, secrets, content, not ${JSON.stringify(redact)}`);
  if (redactText !== undefined && typeof redactText !== 'function') throw new TypeError('redactText is a function');
  if (typeof blobs !== 'boolean') throw new TypeError('blobs is true or false');
  if (blobs && (redact !== 'none' || redactText !== undefined))
    throw new TypeError(
      "Blobs are exported with redact: 'none' and without redactText alone: nobody knows what is in them",
    );
}
