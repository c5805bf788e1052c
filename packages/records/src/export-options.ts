import { checkOptions, checkRedactor, type Redactor } from '@prusik/core';
import type { Redaction } from './bundle.ts';

/** What of a run or a session is exported. */
export interface ExportOptions {
  /**
   * `secrets`: texts without what looks like credentials, a net and no promise. `content`: no text that somebody said, made or gave; names, times, codes and numbers stay.
   * `none`: everything as it is. @default 'secrets'
   */
  readonly redact?: Redaction;
  /** Whom every text goes through that is told, with secrets that the program knows and its own word; its bounds hold. @default shapes of credentials alone, without bounds */
  readonly redactor?: Redactor;
  /** Bytes of the blobs as well; only of what is not redacted, since nobody knows what is in them. @default true with `redact: 'none'` */
  readonly blobs?: boolean;
  /** Ends it with its reason. */
  readonly signal?: AbortSignal;
}

const OPTIONS = {
  names: { redact: true, redactor: true, blobs: true, signal: true } satisfies Record<keyof ExportOptions, true>,
};

/** @throws {TypeError} for options that cannot be. */
export function checkExportOptions(where: string, options: ExportOptions): void {
  checkOptions(where, options, OPTIONS);
  const { redact = 'secrets', redactor, blobs = false } = options;
  if (!['none', 'secrets', 'content'].includes(redact))
    throw new TypeError(`redact is one of none, secrets, content, not ${JSON.stringify(redact)}`);
  checkRedactor(redactor);
  if (redactor !== undefined && redact === 'none') throw new TypeError("redact: 'none' goes through no redactor");
  if (typeof blobs !== 'boolean') throw new TypeError('blobs is true or false');
  if (blobs && redact !== 'none')
    throw new TypeError("Blobs are exported with redact: 'none' alone: nobody knows what is in them");
}
