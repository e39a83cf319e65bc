import type { TensorBackendName } from '../../platform';
import type { Kernels } from './kernels';
import { TensorKernels } from './tensor-kernels';
import { loadTensorFlow } from './tensorflow';

/** Where heads are fitted. */
export interface HeadContext {
  /** The tfjs backend that is current (see `TensorBackends.use`), and stays it. */
  readonly backend: TensorBackendName;
  /** What linear heads compute with; absent: that backend. */
  readonly kernels?: Kernels;
}

/** Of linear heads, ready to compute. */
export async function kernelsOf({ backend, kernels }: HeadContext): Promise<Kernels> {
  if (kernels !== undefined) return kernels;
  await loadTensorFlow();
  return new TensorKernels(backend);
}
