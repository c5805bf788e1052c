/** Names are chosen by people and by servers of others: what they may cost, and what stands in a terminal, is bounded. */
const NAME_LIMIT = 128;
const ODD = /[^\u0020-\u007e\u00a0-\uffff]/gu;
const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;

/** A name of a definition, a model, a tool or a server, at most 128 characters. */
export function plainName(name: string): string {
  const cut = name.length > NAME_LIMIT ? name.slice(0, NAME_LIMIT).toWellFormed() : name;
  return cut.replace(ODD, '�');
}

/** A value of `error.type`: a code of ours, or `_OTHER` for what only looks like one, since anybody's text may stand where a code does. */
export function errorType(code: string): string {
  return CODE.test(code) ? code : '_OTHER';
}
