/** Redacts every text of a message that was just read, and is nobody else's, in place. What a server sends is shown to models and people, and recorded. */
export function redactMessage(message: object, redact: (text: string) => string): void {
  const open: object[] = [message];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    const members = one as Record<string, unknown>;
    for (const [name, value] of Object.entries(members)) {
      const safe = Array.isArray(one) ? name : redact(name);
      if (safe !== name) delete members[name];
      if (typeof value === 'object' && value !== null) open.push(value);
      const told = typeof value === 'string' ? redact(value) : value;
      if (safe !== name || told !== value) members[safe] = told;
    }
  }
}
