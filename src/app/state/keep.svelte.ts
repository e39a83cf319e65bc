/** What can be taken away, with what each file is and whether it holds the person's texts. */
import type { Engine, ExportedFile, ExportKind } from '../../engine';
import { Work } from './work.svelte';

export interface Takeaway {
  readonly kind: ExportKind;
  readonly title: string;
  /** One line: what it is for. */
  readonly purpose: string;
  readonly containsTexts: boolean;
}

export const TAKEAWAYS: readonly Takeaway[] = [
  {
    kind: 'onnx',
    title: 'Classifier (ONNX)',
    purpose:
      'Encoder, pooling and head in one graph, with tokenizer. transformers.js and onnxruntime run it.',
    containsTexts: false,
  },
  {
    kind: 'head',
    title: 'Head (JSON)',
    purpose:
      'The coefficients alone, in scikit-learn’s layout. A few kilobytes; ten lines of numpy load it.',
    containsTexts: false,
  },
  {
    kind: 'predictions',
    title: 'Test predictions (CSV)',
    purpose: 'Every test text with its label, the prediction, and a probability for each class.',
    containsTexts: true,
  },
  {
    kind: 'run',
    title: 'Run record (JSON)',
    purpose: 'What came out: every figure of the report, timings, versions, hashes.',
    containsTexts: false,
  },
  {
    kind: 'recipe',
    title: 'Recipe (JSON)',
    purpose: 'What was asked: “headlight run recipe.json” repeats it on the same files.',
    containsTexts: false,
  },
  {
    kind: 'project',
    title: 'Whole project (zip)',
    purpose: 'Files, settings and all runs. Drop it on this page, here or elsewhere, to go on.',
    containsTexts: true,
  },
];

export class Keep {
  readonly #engine: Engine;
  readonly #project: string;
  #active = $state.raw<ExportKind | null>(null);
  #sizes = $state.raw<Readonly<Partial<Record<ExportKind, number>>>>({});
  readonly work = new Work();

  constructor(engine: Engine, project: string) {
    this.#engine = engine;
    this.#project = project;
  }

  /** Which file is being made; null when none is. */
  get active(): ExportKind | null {
    return this.#active;
  }
  /** Bytes of the files that have been made. */
  get sizes(): Readonly<Partial<Record<ExportKind, number>>> {
    return this.#sizes;
  }

  /** @returns the file; null when it failed or was stopped. */
  async make(run: string | null, kind: ExportKind): Promise<ExportedFile | null> {
    this.#active = kind;
    const file = await this.work.run('Preparing the file', (signal) =>
      this.#engine.export(this.#project, run, kind, signal),
    );
    if (file !== null) this.#sizes = { ...this.#sizes, [kind]: file.bytes.byteLength };
    this.#active = null;
    return file;
  }

  /** Sizes were those of another run. */
  reset(): void {
    this.#sizes = {};
  }
}
