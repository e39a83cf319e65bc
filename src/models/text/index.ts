/** Texts to token ids, and token ids to batches. */
export * from './batches';
export * from './sequences';
export * from './tokenizer';
export { tokenizerNames, tokenizerOfVocabulary, VOCABULARY_FILES } from './vocabulary';
