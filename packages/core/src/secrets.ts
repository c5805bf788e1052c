/** Names after which a credential stands; whatever is written before them (`OPENAI_`, `client_`, `db-`) belongs to the name. */
const NAME =
  '(?:api|access|account|private|signing|encryption|secret|shared[-_ ]?access)[-_ ]?key|secret|token|passw(?:or)?d|passphrase|credential';
/** Of those the ones that people make up, and that may be words. */
const CHOSEN = 'secret|passw(?:or)?d|passphrase';
/** The end of a name that stands in quotation marks, those of JSON in JSON too. */
const CLOSED = String.raw`\\{0,3}["'\u0060]?\s{0,8}`;
/** A word of a sentence, with another one after it. */
const WORD = String.raw`\p{L}+[,.:;!?)]{0,3}\s+[\p{L}\d(]`;
const AUTHORIZATION = String.raw`\b((?:proxy-)?authorization["']?\s{0,8}[:=]\s{0,8})`;
const SCHEME = String.raw`(?:bearer|basic|token|digest|negotiate|ntlm|hawk|api-?key|aws4-hmac-sha256)\s(?!${WORD})`;
const BARE = String.raw`[^\s"'\u0060,;&<>(){}]`;

type Shape = readonly [shape: RegExp, instead: string];

/**
 * Shapes in which credentials are most often printed, by what has to stand in a text that holds them. A net under the ground, not the ground: what must not be told
 * is not written down. Each pattern has few places to begin at, and reads none twice for the same beginning; a word of prose after a colon is left alone.
 */
const SHAPES: readonly (readonly [needs: RegExp, shapes: readonly Shape[]])[] = [
  [
    /PRIVATE KEY/,
    [[/-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[^]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|$)/g, '[redacted]']],
  ],
  // All of the line, since it is one credential or a list of them.
  [
    /authorization|cookie/i,
    [
      [new RegExp(String.raw`${AUTHORIZATION}"${SCHEME}[^\r\n"]+`, 'giu'), '$1"[redacted]'],
      [new RegExp(String.raw`${AUTHORIZATION}'${SCHEME}[^\r\n']+`, 'giu'), "$1'[redacted]"],
      [new RegExp(String.raw`${AUTHORIZATION}${SCHEME}[^\r\n]+`, 'giu'), '$1[redacted]'],
      [
        new RegExp(String.raw`${AUTHORIZATION}(?!\[redacted)(?=\S{0,256}\d|\S{257})[^\s"',;&]{4,}`, 'giu'),
        '$1[redacted]',
      ],
      [/\b((?:set-)?cookie["']?\s{0,8}[:=]\s{0,8}["']?)[^\s=;"']{1,256}=[^\r\n"']*/gi, '$1[redacted]'],
    ],
  ],
  [
    /bearer|basic/i,
    [
      [/\b(bearer)\s+(?=[\w.~+/=-]*[\d_=]|[\w.~+/=-]{14})[\w.~+/=-]{8,}/gi, '$1 [redacted]'],
      [/\b(basic)\s+(?=[a-z+/]*[\d+=])[a-z0-9+/]{8,}={0,2}/gi, '$1 [redacted]'],
    ],
  ],
  // After their names: in quotation marks, after `=`, after `:`.
  [
    /key|secret|token|passw|passphrase|credential/i,
    [
      [
        new RegExp(String.raw`(${NAME})(${CLOSED}(?:=>|[:=])\s{0,8})"(?:\\[^]|[^"\\\r\n])+"?`, 'gi'),
        '$1$2"[redacted]"',
      ],
      [
        new RegExp(String.raw`(${NAME})(${CLOSED}(?:=>|[:=])\s{0,8})'(?:\\[^]|[^'\\\r\n])+'?`, 'gi'),
        "$1$2'[redacted]'",
      ],
      [new RegExp(String.raw`(${NAME})(${CLOSED}(?:=>|[:=])\s{0,8}\\{1,3}["'])[^"'\\\r\n]+`, 'gi'), '$1$2[redacted]'],
      [new RegExp(String.raw`(${NAME})(${CLOSED}=)(?!\[redacted)${BARE}{4,}`, 'gi'), '$1$2[redacted]'],
      [
        new RegExp(String.raw`(${CHOSEN})(${CLOSED}[:=]\s{0,8})(?!\[redacted|${WORD})${BARE}{4,}`, 'giu'),
        '$1$2[redacted]',
      ],
      [
        new RegExp(
          String.raw`(${NAME})(${CLOSED}[:=]\s{0,8})(?!\[redacted)(?=${BARE}{0,64}\d|${BARE}{24})${BARE}{4,}`,
          'gi',
        ),
        '$1$2[redacted]',
      ],
    ],
  ],
  // In addresses.
  [
    /:\/\/|[?&]/,
    [
      [/\b(\w{1,32}:\/\/)(?:[^\s/?#"'<>:@]*:[^\s/?#"'<>]*|[^\s/?#"'<>:@]{8,})@/g, '$1[redacted]@'],
      [
        /([?&](?:x-(?:amz|goog)-(?:signature|credential|security-token)|sig|signature|key|code)=)(?!\[redacted)[^\s"'&;<>#]{8,}/gi,
        '$1[redacted]',
      ],
    ],
  ],
  // By the form that their makers gave them.
  [
    /[-_.]|A[KS]IA|AIza/,
    [
      [/(?<![A-Za-z0-9])(?:sk|pk|rk)[-_](?=[\w-]{0,64}\d|[\w-]{24})[\w-]{8,}/g, '[redacted]'],
      [/(?<![A-Za-z0-9])(?:gh[opsur]_|github_pat_|xox[abeprs]-|glpat-|whsec_)[\w-]{8,}/g, '[redacted]'],
      [/(?<![A-Za-z0-9])(?:npm_[A-Za-z0-9]{20,}|hf_[A-Za-z0-9]{20,}|AIza[\w-]{30,})/g, '[redacted]'],
      [/(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, '[redacted]'],
      [/\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g, '[redacted]'],
    ],
  ],
];

/** The text without what looks like credentials. Takes time in proportion to its length, whatever it holds. */
export function withoutSecrets(text: string): string {
  let safe = text;
  for (const [needs, shapes] of SHAPES)
    if (needs.test(text)) for (const [shape, instead] of shapes) safe = safe.replace(shape, instead);
  return safe;
}
