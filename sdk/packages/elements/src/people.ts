/** Who is there, what they are, and what a moderator can do about them. */
import { fill, h, iconButton } from "./dom.js";
import type { Key, Words } from "./i18n/words.js";
import { mayWhisper } from "./audience.js";
import type { Layer, MenuItem } from "./menu.js";
import { avatar } from "./message.js";
import type { Person, Session } from "./session.js";

export interface PeopleEvents {
  whisper(user: string): void;
  /** Runs a call and tells the user if it was refused. */
  attempt(call: Promise<unknown>): void;
}

export class PeopleView {
  readonly #session: Session;
  readonly #words: Words;
  readonly #layer: Layer;
  readonly #events: PeopleEvents;
  readonly element = h("ul", "people");

  constructor(session: Session, words: Words, layer: Layer, events: PeopleEvents) {
    this.#session = session;
    this.#words = words;
    this.#layer = layer;
    this.#events = events;
    if (session.moderates) void session.askMembers();
    this.refresh();
  }

  refresh(): void {
    const focused = (this.element.getRootNode() as ShadowRoot).activeElement?.closest<HTMLElement>("[data-user]")?.dataset["user"];
    fill(this.element, this.#session.people.map((person) => this.#row(person)));
    if (focused) [...this.element.querySelectorAll<HTMLElement>("[data-user]")].find((row) => row.dataset["user"] === focused)?.querySelector("button")?.focus();
  }

  #row(person: Person): HTMLElement {
    const words = this.#words;
    const more = this.#items(person).length
      ? iconButton("more", words.text("actions", { name: person.name }), () => this.#layer.menu(more!, words.text("actions", { name: person.name }), () => this.#items(person)), { "aria-haspopup": "menu" })
      : null;
    const role = roleText(person.role, words);
    return h(
      "li",
      { "data-user": person.user },
      avatar(person.user, person.name, person.avatar),
      h("span", "who", h("bdi", null, person.name), person.own && h("small", null, ` ${words.text("you")}`)),
      person.muted && h("span", "badge quiet", words.text("isMuted")),
      person.role !== "member" && h("span", "badge", role),
      more,
    );
  }

  #items(person: Person): MenuItem[] {
    const session = this.#session;
    const words = this.#words;
    const events = this.#events;
    const layer = this.#layer;
    const room = session.room!;
    const { user, name, role } = person;
    if (person.own) return [];
    const items: MenuItem[] = [];
    if (mayWhisper(session, role)) items.push({ label: words.text("whisper"), run: () => events.whisper(user) });
    if (!session.outranks(role)) return items;
    const act = (key: Key, call: () => Promise<unknown>, danger = false): MenuItem => ({ label: words.text(key), danger, run: () => events.attempt(call()) });
    if (person.muted) items.push(act("unmute", () => room.unmute(user)));
    else items.push(act("mute", () => room.mute(user)), act("mute5", () => room.mute(user, { durationS: 300 })));
    items.push(role === "moderator" ? act("demote", () => room.setRole(user, "member")) : act("promote", () => room.setRole(user, "moderator")));
    items.push(act("kick", () => room.kick(user), true));
    items.push({
      label: words.text("ban"),
      danger: true,
      run: () => void layer.ask(words.text("banAsk", { name }), words.text("ban")).then((yes) => yes && events.attempt(room.ban(user))),
    });
    return items;
  }
}

export function roleText(role: Person["role"], words: Words): string {
  return words.text(role === "viewer" ? "viewerRole" : role);
}
