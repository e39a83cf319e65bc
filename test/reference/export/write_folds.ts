/**
 * Writes probes on [CLS], folded into the stock heads of the small golden encoders, for load_folds.py.
 *
 *     npx tsx test/reference/export/write_folds.ts OUT
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hfFolder } from '../../../src/project';
import { tinyParts } from '../../helpers/export-parts';
import { folded, FOLDED, probeOf } from '../../helpers/folded-probes';

const out = process.argv[2];
if (out === undefined) throw new Error('usage: write_folds.ts OUT');
for (const [name, layer] of FOLDED)
  for (const classes of [2, 3, 9]) {
    const probe = probeOf(classes);
    const parts = {
      ...tinyParts('bert', 'text'),
      ...folded(name, layer, probe),
      classes: probe.classes,
      maxTokens: 20,
    };
    const folder = join(out, `${name}-${layer}-${classes}`);
    await mkdir(folder, { recursive: true });
    const files = hfFolder(parts, { onnx: [], weights: true, repository: null });
    for (const [path, bytes] of files) await writeFile(join(folder, path), bytes);
    const { coef, intercept } = probe;
    const told = { name, layer, coef: [...coef], intercept: [...intercept] };
    await writeFile(join(folder, 'probe.json'), JSON.stringify(told));
  }
