/** Repairs of labels: joined, named, left out. They hold for every part, and do not depend on their order. */
import { HeadlightError } from '../../base';
import { listed, many } from '../words';
import { classCounts, selectRows, sortClasses, strata } from '../labels';
import type { LabelledTexts, Repair, RepairChange } from '../types';

type Join = Extract<Repair, { kind: 'join_labels' }>;
type Naming = Extract<Repair, { kind: 'name_labels' }>;

export interface RelabelledTexts {
  readonly data: LabelledTexts;
  /** Rows of the data before that are still there, ascending; null when all are. */
  readonly kept: Int32Array | null;
  readonly changes: readonly RepairChange[];
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Joins first, then names, and leaves out a class by any of its names.
 * @throws HeadlightError `bad-labels` when fewer than two classes are left (for several labels a row: none).
 */
export function repairLabels(data: LabelledTexts, repairs: readonly Repair[]): RelabelledTexts {
  const joins = repairs.filter(isJoin);
  const namings = repairs.filter(isNaming);
  const drops = repairs.filter((repair) => repair.kind === 'drop_class');
  if (joins.length + namings.length + drops.length === 0) return { data, kept: null, changes: [] };
  const { join, name } = labelNames(repairs);
  const dropped = (label: string): boolean =>
    drops.some((drop) => [label, join(label), name(label)].includes(drop.label));

  const counts = classCounts(data);
  const rowsOf = (wanted: (label: string) => boolean): number =>
    data.classes.reduce((sum, label, at) => sum + (wanted(label) ? (counts[at] ?? 0) : 0), 0);
  const changes = [
    ...joins.flatMap((repair): RepairChange[] => {
      const from = repair.from.filter((label) => data.classes.includes(label));
      const count = rowsOf((label) => from.includes(label) && label !== repair.to);
      if (from.length === 0) return [];
      const sentence = `Label ${listed(from)} was joined to “${repair.to}” in all parts: ${many(count, 'row')}.`;
      return [{ repair, sentence, part: 'both', count, rows: [] }];
    }),
    ...namings.flatMap((repair): RepairChange[] => {
      const named = data.classes.filter((label) => repair.names[join(label)] !== undefined);
      if (named.length === 0) return [];
      const sentence = `${many(named.length, 'label')} that ${named.length === 1 ? 'was a number has its name' : 'were numbers have their names'} in all parts.`;
      return [
        {
          repair,
          sentence,
          part: 'both',
          count: rowsOf((label) => named.includes(label)),
          rows: [],
        },
      ];
    }),
    ...drops.flatMap((repair): RepairChange[] => {
      const gone = data.classes.filter((label) =>
        [label, join(label), name(label)].includes(repair.label),
      );
      if (gone.length === 0) return [];
      const count = rowsOf((label) => gone.includes(label));
      const sentence =
        data.targets === null
          ? `Class “${repair.label}” was left out with its ${many(count, 'row')}, in all parts: it is neither trained nor tested.`
          : `Label “${repair.label}” was left out; its ${many(count, 'row')} stay, without it.`;
      return [{ repair, sentence, part: 'both', count, rows: [] }];
    }),
  ];
  const kept = data.classes.filter((label) => !dropped(label)).map(name);
  const distinct = [...new Set(kept)];
  if (distinct.length < (data.targets === null ? 2 : 1)) {
    throw new HeadlightError(
      'bad-labels',
      `After the repairs only ${distinct.length === 0 ? 'no class' : `class “${distinct[0] ?? ''}”`} is left.`,
      {
        hint: 'Undo one of the repairs: a classifier needs at least two classes.',
      },
    );
  }
  const classes = data.targets === null ? sortClasses(distinct) : distinct;
  const places = data.classes.map((label) => (dropped(label) ? -1 : classes.indexOf(name(label))));
  return {
    ...(data.targets === null ? relabel(data, classes, places) : retarget(data, classes, places)),
    changes,
  };
}

/** What a label is called when it has been joined, and when it has its name as well; the others as they are. */
export function labelNames(repairs: readonly Repair[]): {
  readonly join: (label: string) => string;
  readonly name: (label: string) => string;
} {
  const joined = joinedNames(repairs.filter(isJoin));
  const names = allNames(repairs.filter(isNaming));
  const join = (label: string): string => joined.get(label) ?? label;
  return { join, name: (label) => names.get(join(label)) ?? join(label) };
}

function isJoin(repair: Repair): repair is Join {
  return repair.kind === 'join_labels';
}

function isNaming(repair: Repair): repair is Naming {
  return repair.kind === 'name_labels';
}

function relabel(
  data: LabelledTexts,
  classes: readonly string[],
  places: readonly number[],
): Pick<RelabelledTexts, 'data' | 'kept'> {
  const labels = data.labels.map((label) => places[label] ?? -1);
  const renamed: LabelledTexts = { ...data, classes, labels };
  if (!labels.includes(-1)) return { data: renamed, kept: null };
  const kept = Int32Array.from({ length: labels.length }, (_, row) => row).filter(
    (row) => labels[row] !== -1,
  );
  return { data: selectRows(renamed, kept), kept };
}

function retarget(
  data: LabelledTexts,
  classes: readonly string[],
  places: readonly number[],
): Pick<RelabelledTexts, 'data' | 'kept'> {
  const before = data.targets ?? new Uint8Array(0);
  const width = data.classes.length;
  const targets = new Uint8Array(data.texts.length * classes.length);
  for (let row = 0; row < data.texts.length; row++) {
    places.forEach((place, label) => {
      if (place >= 0 && before[row * width + label] === 1)
        targets[row * classes.length + place] = 1;
    });
  }
  return {
    data: { ...data, classes, targets, labels: strata(targets, classes.length) },
    kept: null,
  };
}

/** Labels that are joined in any way are one; its name is the one that nothing joins further, the first of several. */
function joinedNames(joins: readonly Join[]): Map<string, string> {
  const parent = new Map<string, string>();
  const find = (label: string): string => {
    let root = label;
    for (let up = parent.get(root); up !== undefined && up !== root; up = parent.get(root))
      root = up;
    return root;
  };
  const from = new Set<string>();
  const to = new Set<string>();
  for (const join of joins) {
    to.add(join.to);
    for (const label of join.from) {
      if (label !== join.to) from.add(label);
      const [a, b] = [find(label), find(join.to)].sort(byText);
      if (a !== undefined && b !== undefined && a !== b) parent.set(b, a);
    }
  }
  const members = new Map<string, string[]>();
  for (const label of [...from, ...to].sort(byText)) {
    members.set(find(label), [...(members.get(find(label)) ?? []), label]);
  }
  const names = new Map<string, string>();
  for (const labels of members.values()) {
    const target = labels.find((label) => to.has(label) && !from.has(label)) ?? labels[0];
    if (target !== undefined) for (const label of labels) names.set(label, target);
  }
  return names;
}

/** Of two names for one label the first by its letters. */
function allNames(namings: readonly Naming[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const { names: given } of namings) {
    for (const [label, name] of Object.entries(given)) {
      const plain = name.trim();
      const before = names.get(label);
      if (plain !== '' && (before === undefined || plain < before)) names.set(label, plain);
    }
  }
  return names;
}
