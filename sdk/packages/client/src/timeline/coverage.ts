import type { HistoryPage } from "../types.js";

/** A part of the log, both ends included, of which every message is known. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** A place where messages are missing: load `room.history({ before: gap.before })` and `add` it. */
export interface Gap {
  /** The last `seq` that is known before it; 0: it goes back to the beginning. */
  readonly after: number;
  /** The first `seq` that is known behind it. */
  readonly before: number;
}

/** The ranges with one more; ascending, neither touching nor overlapping. */
export function cover(ranges: readonly Range[], range: Range): Range[] {
  const merged: Range[] = [];
  for (const next of [...ranges, range].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last && next.from <= last.to + 1) merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, next.to) };
    else merged.push(next);
  }
  return merged;
}

export function unite(a: readonly Range[] = [], b: readonly Range[] = []): readonly Range[] {
  return b.reduce<readonly Range[]>(cover, a);
}

/** Behind every message. */
const end = 2 ** 32 - 1;

export function gapsOf(ranges: readonly Range[]): Gap[] {
  const gaps: Gap[] = [];
  let after = 0;
  for (const { from, to } of ranges) {
    if (from > after + 1) gaps.push({ after, before: from });
    after = to;
  }
  return after ? gaps : [{ after, before: end }];
}

/** What a page covers: between its ends, and beyond them where nothing more is said to be. */
export function pageRange({ messages, more_before, more_after, query, asOf }: HistoryPage): Range | undefined {
  const first = messages[0]?.seq;
  const last = messages.at(-1)?.seq;
  const { before, after } = query;
  const from = after !== undefined ? after + 1 : more_before ? first : 0;
  const to = before !== undefined ? before - 1 : more_after ? last : Math.max(asOf, last ?? 0);
  return from === undefined || to === undefined || to < from ? undefined : { from, to };
}
