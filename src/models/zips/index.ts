/** Zips as they lie: their directory, checked, and their entries, in pieces. */
export {
  readZipDirectory,
  type UnreadableEntry,
  type ZipDirectory,
  type ZipEntry,
} from './directory';
export { ZipFile } from './read';
