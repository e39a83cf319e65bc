export * from './archive';
export * from './classifier';
export * from './head';
export * from './project-zip';
export * from './fold-probe';
export * from './stock-probe';
export * from './adapter';
export { hubId } from './card';
export type * from './parts';
