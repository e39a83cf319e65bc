/** Putting an exported folder on the Hugging Face Hub. */
export { checkUpload, pushToHub, type HubDestination } from './push';
