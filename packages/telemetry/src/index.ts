export { CONVENTIONS } from './conventions.ts';
