/** Tells whether the egress policy binds a worker: see `egress.ts`. */
import { policyBindsHere } from './egress';

void policyBindsHere().then((binds) => self.postMessage(binds));
