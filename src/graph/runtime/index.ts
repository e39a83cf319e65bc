/** Graphs that run: one Session, one mutex. */
export { exclusively, openSession, prepareWeights, Session, toDevice } from './session';
