import { createHash } from 'node:crypto';
import { BUNDLE_VERSION, noRows, type BundleEnd, type BundleHeader, type BundleRows } from './bundle.ts';
import { createRedaction } from './redact.ts';
import type { ExportOptions } from './export-options.ts';

/** Makes the lines of one bundle, in their order, and counts and hashes them on the way. */
export interface BundleWriter {
  header(header: Omit<BundleHeader, 'prusik' | 'v' | 'redacted' | 'blobs'>): string;
  row<Kind extends keyof BundleRows>(kind: Kind, row: BundleRows[Kind]): string;
  end(): string;
}

export function createBundleWriter({
  redact = 'secrets',
  redactor,
  blobs = redact === 'none',
}: ExportOptions): BundleWriter {
  const hash = createHash('sha256');
  const counts = noRows();
  const redaction = createRedaction(redact, redactor);

  function line(value: object): string {
    const text = `${redaction.line(JSON.stringify(value))}\n`;
    hash.update(text);
    return text;
  }

  return {
    header: ({ of, id, tenant, live, counts: before }) =>
      line({
        prusik: 'records',
        v: BUNDLE_VERSION,
        of,
        id: redaction.name(id),
        tenant: redaction.name(tenant),
        redacted: redact,
        live,
        blobs,
        counts: before,
      } satisfies BundleHeader),
    row(kind, row) {
      counts[kind] += 1;
      return line({ [kind]: redaction.row(kind, row) });
    },
    end: () => `${JSON.stringify({ end: { counts, sha256: hash.copy().digest('hex') } } satisfies BundleEnd)}\n`,
  };
}
