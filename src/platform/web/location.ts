/**
 * Where the page lies, seen from a worker, so that everything works from any sub-path. A built worker
 * script lies one folder below the page (`assets/`); Vite's development server knows its base itself.
 */
export function pageBase(): URL {
  return import.meta.env.DEV
    ? new URL(import.meta.env.BASE_URL, self.location.origin)
    : new URL('../', self.location.href);
}
