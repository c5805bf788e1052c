/** Names are chosen by people and by servers of others: what they may cost, and what stands in a terminal, is bounded. */
const NAME_LIMIT = 128;
const ODD = /[^\u0020-\u007e\u00a0-\uffff]/gu;

/** A name of a definition, a model, a tool or a server, at most 128 characters. */
export function plainName(name: string): string {
  const cut = name.length > NAME_LIMIT ? name.slice(0, NAME_LIMIT).toWellFormed() : name;
  return cut.replace(ODD, '�');
}
