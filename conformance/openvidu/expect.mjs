// What cases say: equal, ok, until. A failure carries what was expected and what came, each in one short line.
import { setTimeout as pause } from "node:timers/promises";

export { pause };

export class Different extends Error {
  constructor(what, expected, got) {
    super(`${what}: expected ${short(expected)}, got ${short(got)}`);
  }
}

export function equal(got, expected, what) {
  if (canonical(got) !== canonical(expected)) throw new Different(what, expected, got);
}

export function ok(condition, what, got = condition) {
  if (!condition) throw new Different(what, "that it holds", got);
}

export function matches(text, pattern, what) {
  if (!pattern.test(String(text))) throw new Different(what, String(pattern), text);
}

/** Holds for a number from `least` to `most`, both included. */
export function between(number, least, most, what) {
  if (!(number >= least && number <= most)) throw new Different(what, `${least} to ${most}`, number);
}

/** Waits until `test` gives something true and returns it. */
export async function until(test, what, ms = 5000) {
  for (const end = performance.now() + ms; ; await pause(15)) {
    const value = await test();
    if (value) return value;
    if (performance.now() > end) throw new Different(what, `within ${ms / 1000} s`, "nothing");
  }
}

/** The same text for the same value, whatever the order of its keys. */
function canonical(value) {
  return JSON.stringify(value, (_, each) =>
    each && typeof each === "object" && !Array.isArray(each) ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1))) : each,
  );
}

function short(value) {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  return (text.length > 300 ? `${text.slice(0, 300)}… (${text.length} characters)` : text).replaceAll("\n", " ");
}
