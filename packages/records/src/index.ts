export { BUNDLE_VERSION } from './bundle.ts';
