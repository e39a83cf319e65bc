/** What can be taken away, with what each file is and whether it holds the person's texts. */
import type { Engine, ExportedFile, ExportKind, RunView } from '../../engine';
import type { OwnRecord } from '../../project';
import { Work } from './work.svelte';

export interface Takeaway {
  readonly kind: ExportKind;
  readonly title: string;
  /** One line: what it is for. */
  readonly purpose: string;
  readonly containsTexts: boolean;
}

const ONNX: Takeaway = {
  kind: 'onnx',
  title: 'Classifier (ONNX)',
  purpose:
    'Encoder, pooling and head in one graph, with tokenizer. transformers.js and onnxruntime run it.',
  containsTexts: false,
};
const PAGE: Takeaway = {
  kind: 'standalone_html',
  title: 'Classifier page (HTML)',
  purpose:
    'One file that anyone opens in a browser, without a network: type a text, or label a table.',
  containsTexts: false,
};
const PAGE_Q8: Takeaway = {
  kind: 'standalone_html_q8',
  title: 'Classifier page (HTML), 8-bit',
  purpose: 'The same, a quarter of the size, with weights rounded to 8 bits.',
  containsTexts: false,
};
const FINETUNED_ONNX: readonly Takeaway[] = [
  {
    kind: 'onnx',
    title: 'ONNX, 32-bit',
    purpose: 'One graph with its tokenizer, exact. transformers.js and onnxruntime run it.',
    containsTexts: false,
  },
  {
    kind: 'onnx-fp16',
    title: 'ONNX, 16-bit',
    purpose: 'Half the size, for GPUs: dtype "fp16" in transformers.js.',
    containsTexts: false,
  },
  {
    kind: 'onnx-quantized',
    title: 'ONNX, 8-bit',
    purpose: 'A quarter of the size, for processors: dtype "q8" in transformers.js.',
    containsTexts: false,
  },
  {
    kind: 'onnx-q4',
    title: 'ONNX, 4-bit',
    purpose:
      'A sixth of the size, on processors and GPUs: dtype "q4" in transformers.js. Rounded more: try it on your texts.',
    containsTexts: false,
  },
];
const HUGGING_FACE_FOLDER: Takeaway = {
  kind: 'huggingface',
  title: 'Model folder (transformers)',
  purpose:
    'model.safetensors and ONNX, config, tokenizer and model card: from_pretrained loads it, adapters are merged.',
  containsTexts: false,
};
const ADAPTER: Takeaway = {
  kind: 'adapter',
  title: 'Adapter (PEFT)',
  purpose:
    'The LoRA weights and the head alone, a few megabytes. PeftModel.from_pretrained loads it.',
  containsTexts: false,
};
const HEAD: Takeaway = {
  kind: 'head',
  title: 'Head (JSON)',
  purpose:
    'The coefficients alone, in scikit-learn’s layout. A few kilobytes; ten lines of numpy load it.',
  containsTexts: false,
};
const DOCUMENTS: readonly Takeaway[] = [
  {
    kind: 'predictions',
    title: 'Test predictions (CSV)',
    purpose:
      'Every test text with what it is labelled, the prediction, and a probability for each class or label.',
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

/** Whose stock head can be made to compute a probe’s logits: tanh, ReLU and GELU can be undone. */
const FOLDABLE: readonly string[] = [
  'bert',
  'distilbert',
  'roberta',
  'xlm-roberta',
  'electra',
  'mpnet',
  'albert',
  'deberta',
  'deberta-v2',
];
/** Whose embeddings end in no LayerNorm: only layers can be folded. */
const PROJECTED: readonly string[] = ['electra', 'albert'];

/** Whether a run leaves as a folder that `transformers` loads: fine-tuned, or a probe on [CLS]. */
export function hasFolder({ record }: RunView): boolean {
  if (record.method !== 'probe') return record.method === 'finetune' || isOneToOne(record);
  const { architecture, layer, layerWeights, pooling } = record.encoder;
  if (!FOLDABLE.includes(architecture) || pooling !== 'cls' || layerWeights !== undefined)
    return false;
  return layer > 0 || !PROJECTED.includes(architecture);
}

/** Whether each label is one class of the model: its head's rows then stand for the labels as they are. */
function isOneToOne({ own, data }: OwnRecord): boolean {
  const labels = own.classes.flatMap(({ label }) => (label === null ? [] : [label]));
  return labels.length === data.classes.length && new Set(labels).size === labels.length;
}

/** What there is to take away of a run. */
export function takeaways(run: RunView): readonly Takeaway[] {
  const { record } = run;
  if (record.method === 'finetune') {
    const { method, head } = record.finetune;
    // PEFT has no class for mean pooling.
    const adapter = method.name === 'lora' && head === 'stock' ? [ADAPTER] : [];
    return [PAGE, PAGE_Q8, HUGGING_FACE_FOLDER, ...adapter, ...FINETUNED_ONNX, ...DOCUMENTS];
  }
  if (record.method === 'own') {
    const folder = hasFolder(run) ? [HUGGING_FACE_FOLDER] : [];
    return [PAGE, PAGE_Q8, ...folder, ...FINETUNED_ONNX, ...DOCUMENTS];
  }
  const folder = hasFolder(run) ? [HUGGING_FACE_FOLDER] : [];
  return [PAGE, ONNX, ...folder, HEAD, ...DOCUMENTS];
}

export class Keep {
  readonly #engine: Engine;
  readonly #project: string;
  #active = $state.raw<ExportKind | null>(null);
  #sizes = $state.raw<Readonly<Partial<Record<ExportKind, number>>>>({});
  #expected = $state.raw<Readonly<Partial<Record<ExportKind, number>>>>({});
  #generation = 0;
  #made = 0;
  #shown = 0;
  readonly work = new Work();

  constructor(engine: Engine, project: string) {
    this.#engine = engine;
    this.#project = project;
  }

  /** Bytes of the classifier pages before they are made, about. */
  get expected(): Readonly<Partial<Record<ExportKind, number>>> {
    return this.#expected;
  }

  /** Asks how large the pages of a run will be. */
  async expect(run: RunView): Promise<void> {
    const generation = ++this.#generation;
    this.#expected = {};
    for (const { kind } of takeaways(run)) {
      if (kind !== 'standalone_html' && kind !== 'standalone_html_q8') continue;
      const size = await this.work.attempt(() =>
        this.#engine.exportSize(this.#project, run.id, kind),
      );
      if (generation !== this.#generation) return;
      if (size !== null) this.#expected = { ...this.#expected, [kind]: size };
    }
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
    const [made, shown] = [++this.#made, this.#shown];
    this.#active = kind;
    const file = await this.work.run('Preparing the file', (signal) =>
      this.#engine.export(this.#project, run, kind, signal),
    );
    // Another run may be shown by now, and another file be asked for.
    if (file !== null && shown === this.#shown)
      this.#sizes = { ...this.#sizes, [kind]: file.bytes.byteLength };
    if (made === this.#made) this.#active = null;
    return file;
  }

  /** Sizes were those of another run. */
  reset(): void {
    this.#shown++;
    this.#sizes = {};
  }
}
