/** Version of the form in which records are exported. */
export const BUNDLE_VERSION = 1;
