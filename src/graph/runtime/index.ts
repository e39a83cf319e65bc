/** Graphs that run: one Session, one mutex. */
export { openSession, Session, toDevice } from './session';
