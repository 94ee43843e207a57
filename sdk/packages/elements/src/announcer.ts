/**
 * Speaks to screen readers: one new message is one announcement, a loaded history is none, and a flood becomes one
 * number. The visible list is silent.
 */
import { h } from "./dom.js";

const FLOOD = 4;
const KEPT = 20;

export class Announcer {
  readonly #summary: (count: number) => string;
  readonly element = h("div", { class: "hidden", role: "log", "aria-live": "polite", "aria-relevant": "additions" });
  #queue: string[] = [];
  #timer = 0;

  constructor(summary: (count: number) => string) {
    this.#summary = summary;
  }

  say(text: string): void {
    this.#queue.push(text);
    this.#timer ||= window.setTimeout(() => this.#flush(), 150);
  }

  #flush(): void {
    this.#timer = 0;
    const queue = this.#queue;
    this.#queue = [];
    const lines = queue.length > FLOOD ? [this.#summary(queue.length)] : queue;
    this.element.append(...lines.map((line) => h("p", { dir: "auto" }, line)));
    while (this.element.childElementCount > KEPT) this.element.firstElementChild!.remove();
  }
}
