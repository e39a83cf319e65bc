/** A picture as a file of its own: what the page's style sheet gave it is written into it. */
import { HeadlightError } from '../../../base';
import type { ExportedFile } from '../../../engine';

/** Pixels for one of the page's, so that a PNG stands in print. */
const PNG_SCALE = 2;
const NAMESPACE = 'http://www.w3.org/2000/svg';

/** @param svg as it stands on the page: colours are resolved as they are seen there. */
export function svgFile(svg: SVGSVGElement, name: string): ExportedFile {
  const text = `<?xml version="1.0" encoding="UTF-8"?>\n${standalone(svg)}\n`;
  return {
    name: `${name}.svg`,
    mime: 'image/svg+xml',
    bytes: new TextEncoder().encode(text),
    containsTexts: false,
  };
}

/** @throws HeadlightError `internal` when this browser cannot paint it. */
export async function pngFile(svg: SVGSVGElement, name: string): Promise<ExportedFile> {
  const { width, height } = sizeOf(svg);
  const address = URL.createObjectURL(new Blob([standalone(svg)], { type: 'image/svg+xml' }));
  try {
    const image = new Image(width * PNG_SCALE, height * PNG_SCALE);
    image.src = address;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = width * PNG_SCALE;
    canvas.height = height * PNG_SCALE;
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => {
      canvas.toBlob(resolve, 'image/png');
    });
    if (blob === null) throw new Error('the canvas gave no PNG');
    return {
      name: `${name}.png`,
      mime: 'image/png',
      bytes: new Uint8Array(await blob.arrayBuffer()),
      containsTexts: false,
    };
  } catch (cause) {
    throw new HeadlightError('internal', 'This browser could not paint the picture as PNG.', {
      hint: 'Save it as SVG.',
      cause,
    });
  } finally {
    URL.revokeObjectURL(address);
  }
}

function sizeOf(svg: SVGSVGElement): { readonly width: number; readonly height: number } {
  return { width: svg.width.baseVal.value, height: svg.height.baseVal.value };
}

function standalone(svg: SVGSVGElement): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const originals = [svg, ...svg.querySelectorAll('*')];
  const copies = [copy, ...copy.querySelectorAll('*')];
  originals.forEach((original, at) => {
    const target = copies[at];
    if (target === undefined) return;
    const seen = getComputedStyle(original);
    for (const name of ['fill', 'stroke'] as const) {
      const value = original.getAttribute(name) ?? '';
      if (value.includes('var(') || value === 'currentColor') target.setAttribute(name, seen[name]);
    }
  });
  const seen = getComputedStyle(svg);
  const { width, height } = sizeOf(svg);
  copy.removeAttribute('style');
  copy.removeAttribute('class');
  copy.setAttribute('xmlns', NAMESPACE);
  copy.setAttribute('color', seen.color);
  copy.setAttribute('font-family', 'system-ui, sans-serif');
  copy.setAttribute('font-size', '12');
  const paper = document.createElementNS(NAMESPACE, 'rect');
  paper.setAttribute('width', String(width));
  paper.setAttribute('height', String(height));
  paper.setAttribute('fill', getComputedStyle(document.body).backgroundColor);
  copy.prepend(paper);
  return new XMLSerializer().serializeToString(copy);
}
