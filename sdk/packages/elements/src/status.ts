/** The bar that says how the connection stands. It is silent as long as all is well. */
import { fill, h, icon } from "./dom.js";
import type { Key, Words } from "./i18n/words.js";
import type { Session } from "./session.js";

const BACK_MS = 3000;
/** A short loss is repaired before anybody has read the bar. */
const PATIENCE_MS = 700;

export class StatusBar {
  readonly #session: Session;
  readonly #words: Words;
  readonly element = h("div", { class: "status", role: "status", hidden: true });
  #wasOnline = false;
  #lost = false;
  #timer = 0;
  #noticeUntil = 0;
  #shown = "";

  constructor(session: Session, words: Words) {
    this.#session = session;
    this.#words = words;
    this.refresh();
  }

  dispose(): void {
    window.clearTimeout(this.#timer);
  }

  /** A passing word, such as a refusal. */
  notice(text: string): void {
    this.#noticeUntil = Date.now() + 4000;
    this.#show("notice", text);
    this.#again(4000);
  }

  refresh(): void {
    const session = this.#session;
    const words = this.#words;
    const state = session.client.state;
    if (session.ended !== null) return this.#show("bad", words.text(endText(session.ended)));
    if (state.status === "online") {
      if (this.#lost) {
        this.#lost = false;
        this.#noticeUntil = Date.now() + BACK_MS;
        this.#show("good", words.text("online"));
        return this.#again(BACK_MS);
      }
      this.#wasOnline ||= session.room !== null;
      if (Date.now() >= this.#noticeUntil) this.#show(session.room ? "" : "wait", session.room ? "" : words.text("connecting"));
      return;
    }
    if (!this.#wasOnline && state.status !== "offline") return this.#show("wait", words.text("connecting"));
    if (!this.#lost) {
      this.#lost = true;
      this.#noticeUntil = Date.now() + PATIENCE_MS;
      return this.#again(PATIENCE_MS);
    }
    if (Date.now() < this.#noticeUntil) return;
    if (!navigator.onLine) this.#show("bad", words.text("offline"));
    else if (state.status === "offline") {
      const seconds = Math.max(1, Math.ceil((state.retryAt - Date.now()) / 1000));
      this.#show("bad", words.text("reconnect", { n: seconds }), true);
      this.#again(500);
    } else this.#show("wait", words.text("connecting"));
  }

  #again(ms: number): void {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.refresh(), ms);
  }

  #show(kind: string, text: string, retry = false): void {
    if (this.#shown === kind + text) return;
    this.#shown = kind + text;
    this.element.hidden = text === "";
    this.element.dataset["kind"] = kind;
    const button = retry && h("button", { class: "link", onclick: () => void this.#session.client.connect().catch(() => undefined) }, this.#words.text("tryNow"));
    fill(this.element, kind === "good" && icon("check"), h("span", null, text), button);
    // Seconds that count down are not read out one by one.
    this.element.setAttribute("aria-live", retry ? "off" : "polite");
  }
}

/** Why a session is over, in words. */
export function endText(ended: { code: string } | string): Key {
  const reason = typeof ended === "string" ? ended : ended.code;
  if (reason === "kicked" || reason === "banned") return reason;
  if (["not_found", "role_too_low", "room_full", "wrong_room_kind", "unauthenticated"].includes(reason)) return "refused";
  return "ended";
}
