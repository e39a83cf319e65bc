/** A chunk of its own, loaded when it is first needed, whose name differs from release to release. */
declare const __RELEASE__: string;

export const release = __RELEASE__;
