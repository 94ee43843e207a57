/**
 * Text to a small tree: bold, italic, strike, code, code blocks, quotes, lists, links and bare addresses. Pure, without
 * a DOM, and linear in the text's length: every search that found nothing is remembered, every nesting has an end.
 */
export type Inline =
  | string
  | { kind: "strong" | "em" | "s"; children: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "link"; href: string; children: Inline[] }
  | { kind: "mention"; text: string; own: boolean }
  | { kind: "br" };

export type Block =
  | { kind: "p"; children: Inline[] }
  | { kind: "pre"; text: string }
  | { kind: "quote"; blocks: Block[] }
  | { kind: "list"; start: number | null; items: Block[][] };

/** What `@…` texts to mark, and which of them mean the reader. */
export interface Mention {
  text: string;
  own: boolean;
}

const DEPTH_MAX = 6;
const FENCE = /^ {0,3}```[^`]*$/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])[ \t]+(?=\S)/;

export function parseMarkdown(text: string, mentions: Mention[] = []): Block[] {
  return blocks(text.replace(/\r\n?/g, "\n").split("\n"), mentions, 0);
}

/** Plain text: line breaks, bare addresses and mentions only. */
export function parsePlain(text: string, mentions: Mention[] = []): Block[] {
  return [{ kind: "p", children: inline(text.replace(/\r\n?/g, "\n"), mentions, true) }];
}

/** The text alone on one line, for quotes, pins and announcements. */
export function plainText(list: (Block | Inline)[]): string {
  return list.map(flat).join(" ").replace(/\s+/g, " ").trim();
}

function flat(node: Block | Inline): string {
  if (typeof node === "string") return node;
  if ("children" in node) return node.children.map(flat).join("");
  if ("blocks" in node) return plainText(node.blocks);
  if ("items" in node) return node.items.map(plainText).join(", ");
  return "text" in node ? node.text : " ";
}

/** The address if it is one that we let people click, else null. */
export function safeHref(address: string): string | null {
  if (/[\u0000-\u0020\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\\]/.test(address)) return null;
  try {
    const url = new URL(address);
    if (url.protocol === "mailto:") return url.href;
    // A name and password before the host only serve to disguise where the link goes.
    return /^https?:$/.test(url.protocol) && url.hostname && !url.username && !url.password ? url.href : null;
  } catch {
    return null;
  }
}

function blocks(lines: string[], mentions: Mention[], depth: number): Block[] {
  const out: Block[] = [];
  let paragraph: string[] = [];
  const flush = (): void => {
    if (paragraph.length) out.push({ kind: "p", children: inline(paragraph.join("\n"), mentions, false) });
    paragraph = [];
  };
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    if (FENCE.test(line)) {
      let end = at + 1;
      while (end < lines.length && !/^ {0,3}```\s*$/.test(lines[end]!)) end++;
      flush();
      out.push({ kind: "pre", text: lines.slice(at + 1, end).join("\n") });
      at = end;
    } else if (/^ {0,3}>/.test(line) && depth < DEPTH_MAX) {
      const quoted: string[] = [];
      for (; at < lines.length && /^ {0,3}>/.test(lines[at]!); at++) quoted.push(lines[at]!.replace(/^ {0,3}> ?/, ""));
      at--;
      flush();
      out.push({ kind: "quote", blocks: blocks(quoted, mentions, depth + 1) });
    } else if (ITEM.test(line) && depth < DEPTH_MAX) {
      flush();
      at = list(lines, at, mentions, depth, out) - 1;
    } else if (line.trim() === "") flush();
    else paragraph.push(line);
  }
  flush();
  return out;
}

/** Reads one list that starts at line `at`; gives the line behind it. */
function list(lines: string[], at: number, mentions: Mention[], depth: number, out: Block[]): number {
  const first = ITEM.exec(lines[at]!)!;
  const ordered = /\d/.test(first[2]!);
  const items: Block[][] = [];
  while (at < lines.length) {
    const match = ITEM.exec(lines[at]!);
    if (!match || /\d/.test(match[2]!) !== ordered) break;
    const own = [lines[at]!.slice(match[0].length)];
    for (at++; at < lines.length && /^( {2,}|\t)\S/.test(lines[at]!); at++) own.push(lines[at]!.replace(/^(\t| {2,4})/, ""));
    items.push(blocks(own, mentions, depth + 1));
  }
  out.push({ kind: "list", start: ordered ? parseInt(first[2]!, 10) : null, items });
  return at;
}

interface Frame {
  mark: string;
  nodes: Inline[];
}
const KIND = { "**": "strong", __: "strong", "*": "em", _: "em", "~~": "s" } as const;
const LINK = /\[([^[\]\n]{1,500})\]\(((?:[^\s()]|\([^\s()]{0,500}\)){1,2000})\)/y;
const ADDRESS = /(?:https?:\/\/|www\.|mailto:)[^\s<>"`]{1,2000}/iy;
const word = (char: string | undefined): boolean => char !== undefined && /[\p{L}\p{N}_]/u.test(char);
const space = (char: string | undefined): boolean => char === undefined || /\s/.test(char);

function inline(text: string, mentions: Mention[], plain: boolean): Inline[] {
  const frames: Frame[] = [{ mark: "", nodes: [] }];
  const unclosed = new Set<number>();
  let at = 0;

  const add = (node: Inline): void => {
    const { nodes } = frames[frames.length - 1]!;
    const last = nodes.length - 1;
    if (typeof node === "string" && typeof nodes[last] === "string") nodes[last] += node;
    else nodes.push(node);
  };
  // A mark that never closed is only text.
  const unwind = (): void => {
    const { mark, nodes } = frames.pop()!;
    add(mark);
    nodes.forEach(add);
  };
  const close = (mark: string): boolean => {
    const index = frames.findLastIndex((frame) => frame.mark === mark);
    if (index < 1 || (index === frames.length - 1 && !frames[index]!.nodes.length)) return false;
    while (frames.length - 1 > index) unwind();
    const { nodes } = frames.pop()!;
    add({ kind: KIND[mark as keyof typeof KIND], children: nodes });
    return true;
  };
  const emphasis = (char: string): void => {
    let run = 1;
    while (text[at + run] === char) run++;
    const before = text[at - 1];
    const after = text[at + run];
    const opens = !space(after) && !(char === "_" && word(before));
    const closes = !space(before) && !(char === "_" && word(after));
    for (let left = run; left > 0; ) {
      const top = frames[frames.length - 1]!.mark;
      const mark = left >= 2 && top !== char ? char + char : char === "~" ? "" : char;
      if (!mark || left > 3 || run > 3) add(char.repeat(left)), (left = 0);
      else {
        if (!(closes && close(mark))) {
          if (opens && frames.length < DEPTH_MAX) frames.push({ mark, nodes: [] });
          else add(mark);
        }
        left -= mark.length;
      }
    }
    at += run;
  };
  const code = (): boolean => {
    let run = 1;
    while (text[at + run] === "`") run++;
    const end = unclosed.has(run) ? -1 : text.indexOf("`".repeat(run), at + run);
    if (end < 0) {
      unclosed.add(run);
      add(text.slice(at, (at += run)));
    } else {
      add({ kind: "code", text: text.slice(at + run, end).replace(/\n/g, " ") });
      at = end + run;
    }
    return true;
  };
  const link = (): boolean => {
    LINK.lastIndex = at;
    const match = LINK.exec(text);
    const href = match && safeHref(match[2]!);
    if (!href) return false;
    add({ kind: "link", href, children: [match[1]!] });
    at += match[0].length;
    return true;
  };
  const address = (): boolean => {
    ADDRESS.lastIndex = at;
    const match = word(text[at - 1]) ? null : ADDRESS.exec(text);
    if (!match) return false;
    const shown = trimAddress(match[0]);
    const href = safeHref(/^www\./i.test(shown) ? `https://${shown}` : shown);
    if (!href || (/^mailto:/i.test(shown) && !shown.includes("@"))) return false;
    add({ kind: "link", href, children: [shown] });
    at += shown.length;
    return true;
  };
  const mention = (): boolean => {
    const found = word(text[at - 1]) ? undefined : mentions.find((each) => text.startsWith(each.text, at));
    if (!found || word(text[at + found.text.length])) return false;
    add({ kind: "mention", ...found });
    at += found.text.length;
    return true;
  };

  while (at < text.length) {
    const char = text[at]!;
    if (char === "\n") add({ kind: "br" }), at++;
    else if (char === "@" && mention()) continue;
    else if (/[hwm]/i.test(char) && address()) continue;
    else if (plain) add(char), at++;
    else if (char === "\\" && /[\\`*_~[\]()#>@.!+-]/.test(text[at + 1] ?? "")) add(text[at + 1]!), (at += 2);
    else if (char === "`") code();
    else if (char === "[" && link()) continue;
    else if (/[*_~]/.test(char)) emphasis(char);
    else add(char), at++;
  }
  while (frames.length > 1) unwind();
  return frames[0]!.nodes;
}

/** Punctuation at the end belongs to the sentence, and so does a bracket that the address did not open. */
function trimAddress(address: string): string {
  for (;;) {
    const last = address.slice(-1);
    const open = { ")": "(", "]": "[" }[last];
    const lonely = open !== undefined && address.split(last).length > address.split(open).length;
    if (!lonely && !/[.,;:!?'*_~]/.test(last)) return address;
    address = address.slice(0, -1);
  }
}
