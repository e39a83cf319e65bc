/** What is wrong with the data, in plain words, before it is trained on. */
export { auditData, type AuditInput } from './audit';
export { auditLength, auditRagged, junkOf, type TokenLimit } from './rows';
export { inConflict } from './texts';
