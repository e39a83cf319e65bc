/** Rows of many numbers as a picture in two dimensions. */
export { neighboursKept } from './kept';
export { principalPlane } from './principal-plane';
export {
  DEFAULT_PROJECTION,
  projectRows,
  type Projection,
  type ProjectionSettings,
} from './project-rows';
