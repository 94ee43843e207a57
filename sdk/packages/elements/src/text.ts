/** The tree of a text as DOM nodes, and what a message says in one line. */
import type { Message, PendingMessage } from "@sidetalk/client";
import { type Child, h } from "./dom.js";
import { type Block, type Inline, type Mention, parseMarkdown, parsePlain, plainText } from "./markdown.js";
import { tame } from "./names.js";

export function blockNodes(blocks: Block[]): Child[] {
  return blocks.map((block) => {
    switch (block.kind) {
      case "p":
        return h("p", { dir: "auto" }, inlineNodes(block.children));
      case "pre":
        return h("pre", { dir: "ltr", tabindex: 0 }, h("code", null, block.text));
      case "quote":
        return h("blockquote", null, blockNodes(block.blocks));
      case "list": {
        const items = block.items.map((item) => h("li", { dir: "auto" }, blockNodes(item)));
        return block.start === null ? h("ul", null, items) : h("ol", { start: block.start }, items);
      }
    }
  });
}

function inlineNodes(nodes: Inline[]): Child[] {
  return nodes.map((node) => {
    if (typeof node === "string") return node;
    switch (node.kind) {
      case "br":
        return h("br");
      case "code":
        return h("code", null, node.text);
      case "mention":
        return h("span", { class: node.own ? "mention own-mention" : "mention" }, h("bdi", null, node.text));
      case "link": {
        const shown = inlineNodes(node.children);
        const safe = { href: node.href, target: "_blank", rel: "noopener noreferrer nofollow", title: node.href };
        return h("a", safe, h("bdi", null, shown));
      }
      default:
        return h(node.kind, null, inlineNodes(node.children));
    }
  });
}

export interface Text {
  text: string;
  format: "plain" | "markdown";
}

/** The texts of a message, with its files by name. */
export function texts(parts: Message["parts"]): Text[] {
  return parts.flatMap((part): Text[] => {
    if (part.type === "text") return [{ text: part.text, format: part.format }];
    return part.type === "custom" ? [] : [{ text: `📎 ${part.file.name}`, format: "plain" }];
  });
}

export function draftTexts({ draft }: PendingMessage): Text[] {
  return [{ text: draft.text ?? "", format: draft.format ?? "plain" }];
}

export function parse({ text, format }: Text, mentions: Mention[] = []): Block[] {
  return (format === "markdown" ? parseMarkdown : parsePlain)(tame(text), mentions);
}

/** The first `max` characters of a message without its marks, on one line. */
export function summary(parts: Message["parts"], max = 140): string {
  const line = plainText(texts(parts).flatMap((each) => parse({ ...each, text: each.text.slice(0, max * 4) })));
  const chars = [...line];
  return chars.length > max ? `${chars.slice(0, max).join("")}…` : line;
}
