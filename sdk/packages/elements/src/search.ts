/** Finds messages; pinned ones are listed by the same view. */
import type { Message } from "@sidetalk/client";
import { fill, h } from "./dom.js";
import type { Words } from "./i18n/words.js";
import { avatar, type MessageView } from "./message.js";
import type { Session } from "./session.js";
import { summary } from "./text.js";

const PAUSE_MS = 250;

export function searchView(session: Session, words: Words, view: MessageView, jump: (id: string) => void): HTMLElement {
  const results = h("ul", "results");
  const status = h("p", { class: "count", role: "status" });
  const hint = words.text("searchHint");
  let timer = 0;
  let turn = 0;
  const look = async (): Promise<void> => {
    const text = input.value.trim();
    const own = ++turn;
    if (!text) return (results.replaceChildren(), void (status.textContent = ""));
    const messages = await session.search(text).catch(() => null);
    // An answer that was overtaken by a later question is not shown.
    if (own !== turn) return;
    status.textContent = messages ? words.text("found", { n: messages.length }) : words.text("trouble");
    fill(results, hits(messages ?? [], session, words, view, jump));
  };
  const later = (): void => {
    window.clearTimeout(timer);
    timer = window.setTimeout(look, PAUSE_MS);
  };
  const input = h("input", { type: "search", "data-first": true, placeholder: hint, "aria-label": hint, dir: "auto", enterkeyhint: "search", oninput: later });
  return h("div", "search", input, status, results);
}

export function hits(messages: readonly Message[], session: Session, words: Words, view: MessageView, jump: (id: string) => void): HTMLElement[] {
  return messages.map((message) => {
    const item = session.item(message);
    const name = view.senderName(item);
    const scope = view.scope(item);
    return h(
      "li",
      null,
      h(
        "button",
        { onclick: () => jump(message.id) },
        avatar(item.user ?? "", name, null),
        h(
          "span",
          "hit",
          h("span", "meta", h("bdi", "name", name), scope && h("span", { class: "scope", dir: "auto" }, scope), h("time", null, words.moment(item.at))),
          h("span", { class: "excerpt", dir: "auto" }, summary(message.parts)),
        ),
      ),
    );
  });
}
