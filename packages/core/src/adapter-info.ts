/** The package that an adapter of a port comes from. */
export interface AdapterInfo {
  readonly package: string;
  readonly version: string;
}
