/** What to tell people when something was refused. */
import type { SidetalkError } from "@sidetalk/client";
import type { Key, Words } from "./i18n/words.js";

const TEXTS: Record<string, Key> = {
  chat_disabled: "chatOff",
  muted: "muted",
  private_chat_off: "privateOff",
  private_chat_with_moderators: "privateMods",
  rate_limited: "limited",
  not_found: "gone",
  message_deleted: "gone",
  too_many_reactions: "reactionsFull",
};

export function errorText(error: SidetalkError, words: Words): string {
  if (error.code === "slow_mode" && error.retryAfterMs) return words.text("wait", { n: Math.ceil(error.retryAfterMs / 1000) });
  return words.text(/^(role_|not_author)/.test(error.code) ? "notAllowed" : (TEXTS[error.code] ?? "trouble"));
}
