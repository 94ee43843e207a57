/** Finds messages; pinned ones are listed by the same view. */
import type { Message } from "@sidetalk/client";
import { fill, h } from "./dom.js";
import type { Words } from "./i18n/words.js";
import { avatar, type MessageView } from "./message.js";
import type { Session } from "./session.js";
import { summary } from "./text.js";

const PAUSE_MS = 250;

export class SearchView {
  readonly #session: Session;
  readonly #words: Words;
  readonly #view: MessageView;
  readonly #jump: (id: string) => void;
  readonly element: HTMLElement;
  #input: HTMLInputElement;
  #results = h("ul", "results");
  #status = h("p", { class: "count", role: "status" });
  #timer = 0;
  #turn = 0;

  constructor(session: Session, words: Words, view: MessageView, jump: (id: string) => void) {
    this.#session = session;
    this.#words = words;
    this.#view = view;
    this.#jump = jump;
    const hint = words.text("searchHint");
    this.#input = h("input", { type: "search", "data-first": true, placeholder: hint, "aria-label": hint, dir: "auto", enterkeyhint: "search", oninput: () => this.#later() });
    this.element = h("div", "search", this.#input, this.#status, this.#results);
  }

  #later(): void {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#look(), PAUSE_MS);
  }

  async #look(): Promise<void> {
    const text = this.#input.value.trim();
    const turn = ++this.#turn;
    if (!text) return (this.#results.replaceChildren(), void (this.#status.textContent = ""));
    const messages = await this.#session.search(text).catch(() => null);
    // An answer that was overtaken by a later question is not shown.
    if (turn !== this.#turn) return;
    this.#status.textContent = messages ? this.#words.text("found", { n: messages.length }) : this.#words.text("trouble");
    fill(this.#results, hits(messages ?? [], this.#session, this.#words, this.#view, this.#jump));
  }
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
