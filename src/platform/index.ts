/** The interfaces only; `platform/web` and `platform/node` are imported by entry points alone. */
export * from './platform';
