/** The report of a run as a file: what the engine writes, with the pictures as they are drawn here. */
import {
  reportPage,
  type CurveStudy,
  type ExportedFile,
  type ReportPicture,
  type RunReport,
  type RunView,
} from '../../../engine';
import { draw } from '../../parts/plot/draw';
import type { FullReport } from '../../state/report.svelte';
import {
  learningCurvePicture,
  precisionRecallPicture,
  reliabilityPicture,
  rocPicture,
  type PictureContent,
} from './figures/pictures';

/** As on paper of A4, two side by side. */
const WIDTH = 400;

/**
 * @param full is opened when it has not been; what it finds is then there.
 * @param curve the learning curve, where it has been drawn.
 * @returns null when it could not be read; `full.work` or `full.mistakesWork` says why.
 */
export async function reportFile(
  name: string,
  run: RunView,
  full: FullReport,
  curve: CurveStudy | null,
  withTexts: boolean,
): Promise<ExportedFile | null> {
  await full.open();
  const { report } = full;
  if (report === null) return null;
  const mistakes = withTexts ? await full.surest() : null;
  if (withTexts && mistakes === null) return null;
  const wanted: readonly (readonly [string, PictureContent | null])[] = [
    ...curvesOf(report),
    ['Learning curve', curve === null ? null : learningCurvePicture(curve)],
  ];
  const pictures: ReportPicture[] = [];
  for (const [title, picture] of wanted) {
    if (picture !== null) pictures.push(await drawn(title, picture));
  }
  const text = reportPage({ name, run, report, pictures, mistakes });
  return {
    name: `${fileStem(name)}-report.html`,
    mime: 'text/html;charset=utf-8',
    bytes: new TextEncoder().encode(text),
    containsTexts: withTexts,
  };
}

/** Of two classes the second in front, as in the page; of more the first. */
function curvesOf(report: RunReport): (readonly [string, PictureContent | null])[] {
  const front = report.classes.length === 2 && !report.multiLabel ? 1 : 0;
  return [
    ['ROC curve', rocPicture(report, front)],
    ['Precision and recall', precisionRecallPicture(report, front)],
    ['Reliability diagram', reliabilityPicture(report, null)],
  ];
}

async function drawn(title: string, { spec, summary }: PictureContent): Promise<ReportPicture> {
  const svg = await draw(spec, WIDTH, title);
  // The size on the page gives way to the file's own.
  svg.setAttribute('viewBox', `0 0 ${svg.width.baseVal.value} ${svg.height.baseVal.value}`);
  svg.setAttribute('font-family', 'system-ui, sans-serif');
  svg.setAttribute('font-size', '12');
  svg.removeAttribute('style');
  return { title, summary, svg: new XMLSerializer().serializeToString(svg) };
}

function fileStem(name: string): string {
  const plain = name
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60);
  return plain === '' ? 'headlight' : plain.toLowerCase();
}
