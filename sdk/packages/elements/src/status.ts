/** The bar that says how the connection stands. It is silent as long as all is well. */
import { h, icon } from "./dom.js";
import type { Key, Words } from "./i18n/words.js";
import type { Session } from "./session.js";

const BACK_MS = 3000;
/** A short loss is repaired before anybody has read the bar. */
const PATIENCE_MS = 700;

export class StatusBar {
  readonly #session: Session;
  readonly #words: Words;
  readonly element: HTMLElement;
  #text = h("span");
  #retry: HTMLButtonElement;
  #wasOnline = false;
  #lost = false;
  #timer = 0;
  #noticeUntil = 0;

  constructor(session: Session, words: Words) {
    this.#session = session;
    this.#words = words;
    this.#retry = h("button", { class: "link", onclick: () => session.client.retryNow() }, words.text("tryNow"));
    this.element = h("div", { class: "status", role: "status" }, icon("check"), this.#text, this.#retry);
    this.refresh();
  }

  dispose(): void {
    window.clearTimeout(this.#timer);
  }

  /** A passing word, such as a refusal. */
  notice(text: string): void {
    this.#show("notice", text);
    this.#stay(4000);
  }

  refresh(): void {
    const session = this.#session;
    const words = this.#words;
    const state = session.client.state;
    if (session.ended !== null) return this.#show("bad", words.text(endText(session.ended)));
    if (state.status === "online") {
      if (this.#lost) {
        this.#lost = false;
        this.#show("good", words.text("online"));
        return this.#stay(BACK_MS);
      }
      this.#wasOnline ||= session.room !== null;
      if (Date.now() >= this.#noticeUntil) this.#show(session.room ? "" : "wait", session.room ? "" : words.text("connecting"));
      return;
    }
    if (!this.#wasOnline && state.status !== "offline") return this.#show("wait", words.text("connecting"));
    if (!this.#lost) {
      this.#lost = true;
      return this.#stay(PATIENCE_MS);
    }
    if (Date.now() < this.#noticeUntil) return;
    if (!navigator.onLine) this.#show("bad", words.text("offline"));
    else if (state.status === "offline") {
      const seconds = Math.max(1, Math.ceil((state.retryAt - Date.now()) / 1000));
      this.#show("bad", words.text("reconnect", { n: seconds }), true);
      this.#again(500);
    } else this.#show("wait", words.text("connecting"));
  }

  /** What is shown now stays for so long. */
  #stay(ms: number): void {
    this.#noticeUntil = Date.now() + ms;
    this.#again(ms);
  }

  #again(ms: number): void {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.refresh(), ms);
  }

  #show(kind: string, text: string, retry = false): void {
    this.element.hidden = text === "";
    this.element.dataset["kind"] = kind;
    // The same button stays, so that it keeps the focus while the seconds change.
    this.#retry.hidden = !retry;
    if (this.#text.textContent !== text) this.#text.textContent = text;
    // Seconds that count down are not read out one by one.
    this.element.ariaLive = retry ? "off" : "polite";
  }
}

/** Why a session is over, in words. */
export function endText(ended: { code: string } | string): Key {
  const reason = typeof ended === "string" ? ended : ended.code;
  if (reason === "kicked" || reason === "banned") return reason;
  return /^(not_found|role_too_low|room_full|wrong_room_kind|unauthenticated)$/.test(reason) ? "refused" : "ended";
}
