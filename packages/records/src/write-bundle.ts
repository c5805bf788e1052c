import { createHash } from 'node:crypto';
import { BUNDLE_VERSION, noRows, type BundleEnd, type BundleHeader, type BundleRows } from './bundle.ts';
import { createRedaction } from './redact.ts';
import type { ExportOptions } from './export-options.ts';

/** Makes the lines of one bundle, in their order, and counts and hashes them on the way. */
export interface BundleWriter {
  header(header: Omit<BundleHeader, 'prusik' | 'v' | 'redacted' | 'blobs'>): string;
  /** `of`: the run or session that it belongs to. */
  row<Kind extends keyof BundleRows>(kind: Kind, row: BundleRows[Kind], of: string): string;
  end(): string;
}

export function createBundleWriter({ redact = 'secrets', redactText, blobs }: ExportOptions): BundleWriter {
  const hash = createHash('sha256');
  const counts = noRows();
  const redaction = createRedaction(redact, redactText);

  function line(value: object): string {
    const text = `${JSON.stringify(value)}\n`;
    hash.update(text);
    return text;
  }

  return {
    header: ({ of, id, tenant, live, counts: before }) =>
      line({
        prusik: 'records',
        v: BUNDLE_VERSION,
        of,
        id,
        tenant,
        redacted: redact === 'none' && redactText !== undefined ? 'custom' : redact,
        live,
        blobs: blobs ?? isWhole({ redact, redactText }),
        counts: before,
      } satisfies BundleHeader),
    row(kind, row, of) {
      counts[kind] += 1;
      return line({ [kind]: redaction(kind, row, of) });
    },
    end: () => `${JSON.stringify({ end: { counts, sha256: hash.copy().digest('hex') } } satisfies BundleEnd)}\n`,
  };
}

/** Whether nothing of what is exported is changed; only then bytes of blobs may go with it. */
export const isWhole = ({ redact = 'secrets', redactText }: Pick<ExportOptions, 'redact' | 'redactText'>): boolean =>
  redact === 'none' && redactText === undefined;
