/** The picture of a map: every text stands inside it, the nearest is found, arrow keys go where they point. */
import { describe, expect, it } from 'vitest';
import { layersOf } from '../../../src/app/steps/report/map/layers';
import {
  ARROWS,
  nearestPlace,
  nextPlace,
  placesOf,
} from '../../../src/app/steps/report/map/places';

/** A square lattice of 5 x 5. */
const xy = Float32Array.from({ length: 50 }, (_, i) =>
  i % 2 === 0 ? ((i / 2) % 5) * 3 - 40 : Math.floor(i / 10) * 3 + 7,
);
const places = placesOf({ xy }, 400, 300);
const all = [...Array(25).keys()];

describe('the picture of a map', () => {
  it('holds every text, at one scale for both directions', () => {
    expect(Math.min(...places.x, ...places.y)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...places.x)).toBeLessThanOrEqual(400);
    expect(Math.max(...places.y)).toBeLessThanOrEqual(300);
    const right = (places.x[1] ?? 0) - (places.x[0] ?? 0);
    expect((places.y[5] ?? 0) - (places.y[0] ?? 0)).toBeCloseTo(right, 3);
    const one = placesOf({ xy: Float32Array.of(3, 4) }, 400, 300);
    expect([one.x[0], one.y[0]]).toEqual([200, 150]);
  });

  it('finds the text under the pointer, of those that are shown, within reach', () => {
    const [x, y] = [places.x[7] ?? 0, places.y[7] ?? 0];
    expect(nearestPlace(places, all, x + 3, y - 4, 10)).toBe(7);
    expect(nearestPlace(places, all, x + 30, y + 30, 10)).toBeNull();
    const others = all.filter((at) => at !== 7);
    expect(nearestPlace(places, others, x + 3, y - 4, 10)).toBeNull();
  });

  it.each([
    ['ArrowRight', 13],
    ['ArrowLeft', 11],
    ['ArrowUp', 7],
    ['ArrowDown', 17],
  ])('goes from the middle with %s to the next one there', (key, expected) => {
    expect(nextPlace(places, all, 12, ARROWS[key] ?? [0, 0])).toBe(expected);
  });

  it('stays at the edge, and begins in the middle', () => {
    expect(nextPlace(places, all, 4, [1, 0])).toBe(4);
    expect(nextPlace(places, all, null, [1, 0])).toBe(12);
    expect(nextPlace(places, [], null, [1, 0])).toBeNull();
  });

  it('draws each text once: by class, brought forward last, or as right and wrong', () => {
    const map = {
      actual: all.map((at) => [at % 3]),
      isWrong: Uint8Array.from(all, (at) => Number(at < 4)),
      classes: ['a', 'b', 'c'],
    };
    const drawn = (path: string, mark: RegExp): number => path.match(mark)?.length ?? 0;
    const byClass = layersOf(map, places, all, 'class', 1, 6);
    expect(byClass.reduce((sum, { path }) => sum + drawn(path, /h0/g), 0)).toBe(25);
    expect(byClass.at(-1)).toMatchObject({ key: 'class 1', opacity: 1 });
    const [right, wrong] = layersOf(map, places, all, 'error', null, 6);
    expect(drawn(right?.path ?? '', /h0/g)).toBe(21);
    expect(drawn(wrong?.path ?? '', /M/g)).toBe(8);
  });
});
