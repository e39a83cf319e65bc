/**
 * Iterative stratification for several labels a row: K. Sechidis, G. Tsoumakas, I. Vlahavas, “On the
 * Stratification of Multi-label Data”, ECML PKDD 2011, algorithm 1. Groups of rows stand in for single rows.
 */
import type { Random } from '../../base';
import type { RowGroups } from '../same-text';
import type { LabelledTexts } from '../types';
import { TEST, TRAIN, VALIDATION, tooFewTexts, type Shares } from './stratified';

/**
 * @param random null: no shuffling, groups are dealt out in the order of the file, ties to training.
 * @returns the part of each group.
 * @throws HeadlightError `bad-labels` naming a label that cannot stand in both parts.
 */
export function divideByLabels(
  data: LabelledTexts,
  groups: RowGroups,
  shares: Shares,
  random: Random | null,
): Uint8Array {
  const classes = data.classes.length;
  const targets = data.targets ?? new Uint8Array(0);
  const order = Int32Array.from({ length: groups.count }, (_, group) => group);
  if (random !== null) random.shuffle(order);

  // Labels of each group with their rows, one list after the other.
  const starts = new Int32Array(groups.count + 1);
  const labels: number[] = [];
  const rowsOf: number[] = [];
  const rows = new Int32Array(classes);
  const members: number[][] = Array.from({ length: classes }, () => []);
  const own = new Int32Array(classes);
  for (let group = 0; group < groups.count; group++) {
    own.fill(0);
    for (const row of groups.rows(group)) {
      for (let label = 0; label < classes; label++) {
        if (targets[row * classes + label] === 1) own[label] = (own[label] ?? 0) + 1;
      }
    }
    own.forEach((count, label) => {
      if (count === 0) return;
      labels.push(label);
      rowsOf.push(count);
      rows[label] = (rows[label] ?? 0) + count;
    });
    starts[group + 1] = labels.length;
  }
  for (const group of order) {
    for (let at = starts[group] ?? 0; at < (starts[group + 1] ?? 0); at++) {
      members[labels[at] ?? 0]?.push(group);
    }
  }
  data.classes.forEach((name, label) => {
    if ((members[label]?.length ?? 0) < 2) throw tooFewTexts(name, rows[label] ?? 0);
  });

  const parts = [
    { part: TRAIN, share: 1 - shares.test - shares.validation },
    { part: TEST, share: shares.test },
    ...(shares.validation > 0 ? [{ part: VALIDATION, share: shares.validation }] : []),
  ];
  const total = groups.of.length;
  const desired = parts.map(({ share }) => share * total);
  const wanted = parts.map(({ share }) => Float64Array.from(rows, (count) => count * share));
  // A rare label stands in training and in the test, one row of it at least; the paper leaves that to chance.
  for (let label = 0; label < classes; label++) {
    const [train, test] = wanted;
    if (train === undefined || test === undefined) continue;
    if ((test[label] ?? 0) < 1) test[label] = 1;
    if ((train[label] ?? 0) < 1) train[label] = 1;
  }
  const placed = new Uint8Array(groups.count);
  const result = new Uint8Array(groups.count);
  const left = Int32Array.from(members, (groupsOf) => groupsOf.length);

  const place = (group: number, choice: number): void => {
    placed[group] = 1;
    result[group] = parts[choice]?.part ?? TRAIN;
    desired[choice] = (desired[choice] ?? 0) - groups.size(group);
    const share = wanted[choice];
    for (let at = starts[group] ?? 0; at < (starts[group + 1] ?? 0); at++) {
      const label = labels[at] ?? 0;
      if (share !== undefined) share[label] = (share[label] ?? 0) - (rowsOf[at] ?? 0);
      left[label] = (left[label] ?? 0) - 1;
    }
  };
  const pick = (label: number | null): number => {
    let ties: number[] = [];
    let most: readonly [number, number] = [-Infinity, -Infinity];
    parts.forEach((_, choice) => {
      const need = label === null ? 0 : (wanted[choice]?.[label] ?? 0);
      const room = desired[choice] ?? 0;
      if (need > most[0] || (need === most[0] && room > most[1])) {
        most = [need, room];
        ties = [choice];
      } else if (need === most[0] && room === most[1]) ties.push(choice);
    });
    return ties[random === null || ties.length === 1 ? 0 : random.integer(ties.length)] ?? 0;
  };
  for (;;) {
    let rarest = -1;
    for (let label = 0; label < classes; label++) {
      const count = left[label] ?? 0;
      if (count > 0 && (rarest < 0 || count < (left[rarest] ?? 0))) rarest = label;
    }
    if (rarest < 0) break;
    for (const group of members[rarest] ?? []) if (placed[group] === 0) place(group, pick(rarest));
  }
  for (const group of order) if (placed[group] === 0) place(group, pick(null));
  return result;
}
