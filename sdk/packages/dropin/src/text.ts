import type { Message } from "@sidetalk/client";

/** Texts as they are, nothing as nothing, other values as their JSON. */
export function textOf(data: unknown): string | undefined {
  return typeof data === "string" ? data : data == null ? undefined : JSON.stringify(data);
}

/** What a page that knows only texts can show of a message. */
export function textOfParts(parts: Message["parts"]): string | undefined {
  const texts = parts.map((part) => (part.type === "text" ? part.text : part.type === "custom" ? textOf(part.data) : part.file.name));
  return texts.length > 1 ? texts.join("\n") : texts[0];
}
