/**
 * Names and texts come from strangers. What is shown is cut, freed of marks that reach into neighbouring lines and of
 * characters that change the direction of what stands beside it. Pure.
 */
const NAME_CHARS_MAX = 60;
/** Controls, fillers, zero-width spaces and everything that overrides the direction of text; not what joins and varies letters and emoji. */
const INVISIBLE = /(?![\u200c\u200d\ufe0f])[\p{Cc}\p{Cf}\p{DI}]/gu;

/** At most `max` combining marks in a row, visible or not, so that no letter grows over its neighbours. */
export function tame(text: string, max = 6): string {
  return text.replace(new RegExp(`([\\p{M}\\p{Cf}]{${max}})[\\p{M}\\p{Cf}]+`, "gu"), "$1");
}

export function cleanName(name: string): string {
  const tidy = tame(name.replace(/\s+/g, " ").replace(INVISIBLE, ""), 3).trim();
  const chars = [...tidy];
  return chars.length > NAME_CHARS_MAX ? `${chars.slice(0, NAME_CHARS_MAX - 1).join("")}…` : tidy || "?";
}

export function initials(name: string): string {
  const words = cleanName(name).split(/[\s._-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const picked = words.length > 1 ? [words[0]!, words[words.length - 1]!] : words;
  return picked.map((word) => [...word.replace(/^[^\p{L}\p{N}]+/u, "")][0] ?? "").join("").toUpperCase() || "?";
}

/** One of `count` colours, always the same for the same user. */
export function hue(user: string, count = 8): number {
  let hash = 0;
  for (let at = 0; at < user.length; at++) hash = Math.imul(hash ^ user.charCodeAt(at), 0x9e3779b1);
  return (hash >>> 28) % count;
}

const LOOKALIKES = "аaеeоoрpсcуyхxіi0o1l|l";

/** What a name looks like to a hurried reader; two people with the same one are told apart by their ids. */
export function look(name: string): string {
  const folded = cleanName(name).normalize("NFKD").toLowerCase().replace(/[\p{M}\s._-]/gu, "");
  return [...folded].map((char) => {
    const at = LOOKALIKES.indexOf(char);
    return at >= 0 && at % 2 === 0 ? LOOKALIKES[at + 1]! : char;
  }).join("").replace(/i/g, "l");
}
