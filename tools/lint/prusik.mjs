/** Rules of this repository that oxlint has none of its own for. */
export default {
  meta: { name: 'prusik' },
  rules: {
    /** Only types are stripped from the sources, and the oldest Node.js that runs them cannot parse `using`. */
    'no-using': {
      create: (/** @type {{ report(problem: { node: unknown; message: string }): void }} */ context) => ({
        VariableDeclaration(/** @type {{ kind: string }} */ node) {
          if (node.kind.endsWith('using'))
            context.report({ node, message: 'The oldest Node.js cannot parse `using`: dispose in a `finally`' });
        },
      }),
    },
  },
};
