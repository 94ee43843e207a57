/** What moderators set for the whole room. */
import type { PrivateChat } from "@sidetalk/client";
import { h } from "./dom.js";
import type { Words } from "./i18n/words.js";
import type { Layer } from "./menu.js";
import type { PeopleEvents } from "./people.js";
import type { Session } from "./session.js";

/** The server takes two minutes at most. */
const PAUSES_S = [0, 5, 10, 30, 60, 120];

export class ToolsView {
  readonly #session: Session;
  readonly #words: Words;
  readonly #layer: Layer;
  readonly #attempt: PeopleEvents["attempt"];
  readonly element: HTMLElement;
  #chat: HTMLInputElement;
  #slow: HTMLSelectElement;
  #privacy: HTMLSelectElement;

  constructor(session: Session, words: Words, layer: Layer, attempt: PeopleEvents["attempt"]) {
    this.#session = session;
    this.#words = words;
    this.#layer = layer;
    this.#attempt = attempt;
    const room = session.room!;
    this.#chat = h("input", { type: "checkbox", role: "switch", onchange: () => attempt(this.#chat.checked ? room.enableChat() : room.disableChat()) });
    this.#slow = h("select", { onchange: () => attempt(room.update({ slow_mode_s: Number(this.#slow.value) || null })) });
    this.#privacy = h("select", { onchange: () => attempt(room.update({ private_chat: this.#privacy.value as PrivateChat })) }, [
      h("option", { value: "everyone" }, words.text("toEveryone")),
      h("option", { value: "with_moderators" }, words.text("withModerators")),
      h("option", { value: "off" }, words.text("off")),
    ]);
    this.element = h(
      "div",
      "tools-view",
      setting(words.text("chat"), words.text("chatSwitchHint"), this.#chat),
      setting(words.text("slowMode"), null, this.#slow),
      setting(words.text("privateChat"), null, this.#privacy),
      h("button", { class: "button danger", onclick: () => this.#clear() }, words.text("clear")),
    );
    this.refresh();
  }

  refresh(): void {
    const { chat_enabled, slow_mode_s, private_chat } = this.#session.room!.state.settings;
    const current = slow_mode_s ?? 0;
    const pauses = [...new Set([...PAUSES_S, current])].sort((a, b) => a - b);
    this.#chat.checked = chat_enabled;
    this.#slow.replaceChildren(...pauses.map((seconds) => h("option", { value: seconds }, seconds ? this.#words.duration(seconds) : this.#words.text("off"))));
    this.#slow.value = String(current);
    this.#privacy.value = private_chat;
  }

  async #clear(): Promise<void> {
    const words = this.#words;
    if (await this.#layer.ask(words.text("clearAsk"), words.text("clear"))) this.#attempt(this.#session.room!.clearHistory());
  }
}

function setting(label: string, hint: string | null, control: HTMLElement): HTMLElement {
  return h("label", "setting", h("span", null, label, hint && h("small", null, hint)), control);
}
