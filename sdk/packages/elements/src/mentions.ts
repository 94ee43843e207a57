/** Completes `@na…` from the people who are there. */
import { h } from "./dom.js";
import type { Words } from "./i18n/words.js";
import { avatar } from "./message.js";
import type { Person, Session } from "./session.js";

const SHOWN_MAX = 6;

export class MentionPicker {
  readonly #input: HTMLTextAreaElement;
  readonly #session: Session;
  readonly #changed: () => void;
  readonly element: HTMLElement;
  #found: Person[] = [];
  #at = 0;
  #from = 0;
  /** Who was meant by which text; several people may have been completed. */
  #known = new Map<string, string>();

  constructor(input: HTMLTextAreaElement, session: Session, words: Words, changed: () => void) {
    this.#input = input;
    this.#session = session;
    this.#changed = changed;
    this.element = h("div", { class: "mentions", role: "listbox", id: "mentions", "aria-label": words.text("people"), hidden: true });
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", "mentions");
  }

  /** Those whose `@name` stands in the text. */
  used(text: string): string[] {
    for (const person of this.#session.people) this.#known.set(`@${person.name}`, person.user);
    return [...new Set([...this.#known].filter(([name]) => text.includes(name)).map(([, user]) => user))];
  }

  know(users: readonly string[]): void {
    for (const user of users) this.#known.set(`@${this.#session.nameOf(user)}`, user);
  }

  look(): void {
    const before = this.#input.value.slice(0, this.#input.selectionStart);
    const match = /(?:^|[\s(])@([^\s@][^@\n]{0,30})?$/u.exec(before);
    if (!match) return this.close();
    const wanted = (match[1] ?? "").toLowerCase();
    this.#from = before.length - (match[1]?.length ?? 0) - 1;
    const fits = (person: Person): boolean => [person.name, person.user, ...person.name.split(/\s+/)].some((name) => name.toLowerCase().startsWith(wanted));
    this.#found = this.#session.people.filter((person) => !person.own && fits(person)).slice(0, SHOWN_MAX);
    if (!this.#found.length) return this.close();
    this.#at = 0;
    this.#draw();
  }

  close(): void {
    this.#found = [];
    this.element.hidden = true;
    this.#input.removeAttribute("aria-activedescendant");
  }

  /** True if the key was for the list. */
  keydown(event: KeyboardEvent): boolean {
    const count = this.#found.length;
    if (!count) return false;
    if (event.key === "ArrowDown") this.#at = (this.#at + 1) % count;
    else if (event.key === "ArrowUp") this.#at = (this.#at + count - 1) % count;
    else if (event.key === "Enter" || event.key === "Tab") this.#pick(this.#found[this.#at]!);
    else if (event.key === "Escape") this.close();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    if (this.#found.length) this.#draw();
    return true;
  }

  #pick(person: Person): void {
    const name = `@${person.name}`;
    this.#known.set(name, person.user);
    this.#input.setRangeText(`${name} `, this.#from, this.#input.selectionStart, "end");
    this.close();
    this.#changed();
    this.close();
  }

  #draw(): void {
    const options = this.#found.map((person, at) =>
      h(
        "div",
        { role: "option", id: `mention${at}`, "aria-selected": String(at === this.#at), onpointerdown: (event: Event) => (event.preventDefault(), this.#pick(person)) },
        avatar(person.user, person.name, person.avatar),
        h("bdi", null, person.name),
      ),
    );
    this.element.replaceChildren(...options);
    this.element.hidden = false;
    this.#input.setAttribute("aria-activedescendant", `mention${this.#at}`);
  }
}
