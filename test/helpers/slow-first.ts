/** The order of test files: those that take longest first, so that no worker ends with one while the others have none. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** In a fresh clone Vitest knows nothing of how long files take; `npm test` prints which took longest. */
const SLOW = [
  'test/unit/encoders/real-shape.test.ts',
  'test/unit/learning/finetune/minilm-steps.test.ts',
  'test/unit/companion/finetune.test.ts',
  'test/unit/companion/taken-away.test.ts',
  'test/unit/companion/command-line.test.ts',
  'test/browser/finetune-page.test.ts',
  'test/browser/main-job.test.ts',
  'test/browser/companion.test.ts',
  'test/browser/page.test.ts',
  'test/browser/layers.test.ts',
  'test/browser/report-multi-label.test.ts',
  'test/browser/probe.test.ts',
  'test/browser/accessibility.test.ts',
  'test/browser/own-classifier.test.ts',
  'test/browser/sources.test.ts',
  'test/browser/keep.test.ts',
];

const gone = SLOW.filter((path) => !existsSync(join(import.meta.dirname, '../..', path)));
if (gone.length > 0) throw new Error(`No such test files to run first: ${gone.join(', ')}.`);

export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const at = SLOW.findIndex((path) => moduleId.endsWith(`/${path}`));
      return at === -1 ? SLOW.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}
