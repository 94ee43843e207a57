/** One message as an element. It is made anew when the message changes, so nothing here is updated in place. */
import type { Audience, Message, Reaction } from "@sidetalk/client";
import { h, icon, iconButton } from "./dom.js";
import type { Words } from "./i18n/words.js";
import type { Mention } from "./markdown.js";
import { cleanName, hue, initials } from "./names.js";
import type { Item, Session } from "./session.js";
import { blockNodes, draftTexts, parse, summary, texts } from "./text.js";

export interface MessageActions {
  menu(item: Item, anchor: HTMLElement): void;
  picker(item: Item, anchor: HTMLElement): void;
  react(item: Item, emoji: string): void;
  reply(item: Item): void;
  jump(id: string): void;
  /** Runs a call and tells the user if it was refused. */
  attempt(call: Promise<unknown>): void;
}

export interface Place {
  lead: boolean;
  tail: boolean;
}

export class MessageView {
  readonly #session: Session;
  readonly #words: Words;
  readonly #actions: MessageActions;
  #quotes = new Map<string, Promise<Message | null>>();

  constructor(session: Session, words: Words, actions: MessageActions) {
    this.#session = session;
    this.#words = words;
    this.#actions = actions;
  }

  render(item: Item, place: Place): HTMLElement {
    const { message, pending, own } = item;
    const scope = this.scope(item);
    const row = h(
      "div",
      { class: classes("row message", own && "own", place.lead && "lead", place.tail && "tail", scope && "private"), role: "article", tabindex: -1, "aria-label": this.label(item) },
      !own && (place.lead ? avatar(item.user ?? "", this.senderName(item), this.#picture(item)) : h("span")),
      h(
        "div",
        "stack",
        place.lead && this.#meta(item, scope),
        h("div", "line", this.#bubble(item)),
        message?.reactions.length ? this.#reactions(item, message.reactions) : null,
        pending?.state === "failed" && this.#failure(item),
      ),
    );
    if (message && !message.deleted_at) this.#offerTools(row, item);
    return row;
  }

  senderName(item: Item): string {
    if (item.own) return this.#words.text("you");
    return item.user === null ? cleanName(item.message?.sender.name ?? this.#words.text("server")) : this.#session.nameOf(item.user);
  }

  /** "Private with Ada and Bo", "Only group staff", or null for what everybody can read. */
  scope(item: Item): string | null {
    const audience: Audience | undefined = item.message ? item.message.audience : item.pending!.draft.audience;
    return audienceText(audience, this.#session, this.#words);
  }

  label(item: Item): string {
    const words = this.#words;
    const deleted = item.message?.deleted_at;
    const text = deleted ? words.text("deleted") : summary(item.message?.parts ?? [{ type: "text", ...draftTexts(item.pending!)[0]! }], 400);
    const says = words.text("says", { name: this.senderName(item), text });
    return [says, this.scope(item), words.time(item.at)].filter(Boolean).join(", ");
  }

  #picture(item: Item): string | null {
    return this.#session.people.find((person) => person.user === item.user)?.avatar ?? null;
  }

  #meta(item: Item, scope: string | null): HTMLElement {
    return h(
      "div",
      "meta",
      !item.own && h("bdi", `name hue${hue(item.user ?? "")}`, this.senderName(item)),
      scope && h("span", "scope", icon("lock"), h("span", { dir: "auto" }, scope)),
      h("time", { datetime: new Date(item.at).toISOString(), title: this.#words.moment(item.at) }, this.#words.time(item.at)),
    );
  }

  #bubble(item: Item): HTMLElement {
    const { message, pending } = item;
    if (message?.deleted_at) return h("div", "bubble tombstone", icon("trash"), this.#words.text("deleted"));
    const replyTo = message ? message.reply_to : pending!.draft.reply_to;
    const mentions = this.#mentions(message ? message.mentions : (pending!.draft.mentions ?? []));
    const parts = message ? texts(message.parts) : draftTexts(pending!);
    const blocks = parts.flatMap((part) => parse(part, mentions));
    const big = parts.length === 1 && /^(?:\p{Extended_Pictographic}[\u200d\ufe0f\p{M}\p{Emoji_Modifier}]*){1,3}$/u.test(parts[0]!.text.trim());
    return h(
      "div",
      classes("bubble", big && !replyTo && "big", pending && "pending", mentions.some((mention) => mention.own) && !item.own && "for-me"),
      replyTo && this.#quote(replyTo),
      h("div", "text", blockNodes(blocks)),
      (message?.edited_at || message?.pin) && this.#marks(message),
      pending && pending.state !== "failed" && h("span", { class: "mark", title: this.#words.text("sending") }, "…"),
    );
  }

  #marks(message: Message): HTMLElement {
    const words = this.#words;
    return h(
      "span",
      "mark",
      message.pin && h("span", { title: words.text("pinned", { n: 1 }) }, icon("pin")),
      message.edited_at && h("span", { title: words.moment(Date.parse(message.edited_at)) }, words.text("edited")),
    );
  }

  #mentions(users: readonly string[]): Mention[] {
    return users
      .flatMap((user) => [this.#session.nameOf(user), user].map((name) => ({ text: `@${name}`, own: user === this.#session.user })))
      .sort((a, b) => b.text.length - a.text.length);
  }

  /** Quotes say what their messages say now. */
  rewritten(root: Element, id?: string): void {
    this.#quotes.clear();
    for (const box of root.querySelectorAll<HTMLElement>(".quote")) if (!id || box.dataset["of"] === id) this.#look(box);
  }

  #quote(id: string): HTMLElement {
    const box = h("button", { class: "quote", "data-of": id, tabindex: -1, onclick: () => this.#actions.jump(id) });
    this.#look(box);
    return box;
  }

  #look(box: HTMLElement): void {
    const id = box.dataset["of"]!;
    const known = this.#session.timeline.get(id);
    if (known) return this.#fillQuote(box, known);
    box.textContent = "…";
    if (!this.#quotes.has(id)) this.#quotes.set(id, this.#session.message(id));
    // What failed is asked for again when the row is drawn again.
    void this.#quotes.get(id)!.then((message) => this.#fillQuote(box, message), () => this.#quotes.delete(id));
  }

  #fillQuote(box: HTMLElement, message: Message | null): void {
    if (!message) return box.replaceChildren(this.#words.text("gone"));
    const item = this.#session.item(message);
    const text = message.deleted_at ? this.#words.text("deleted") : summary(message.parts);
    box.replaceChildren(h("bdi", `name hue${hue(item.user ?? "")}`, this.senderName(item)), h("span", { dir: "auto" }, text));
  }

  #reactions(item: Item, reactions: readonly Reaction[]): HTMLElement {
    const session = this.#session;
    const words = this.#words;
    return h(
      "div",
      "reactions",
      reactions.map(({ emoji, count, users }) => {
        const own = users.includes(session.user);
        const names = users.slice(0, 10).map((user) => (user === session.user ? words.text("you") : session.nameOf(user)));
        if (count > names.length) names.push(`+${count - names.length}`);
        const label = words.text("reactedWith", { names: words.list(names), emoji });
        return h(
          "button",
          { class: own ? "reaction mine" : "reaction", tabindex: -1, "aria-pressed": String(own), title: label, onclick: () => this.#actions.react(item, emoji) },
          h("span", "symbol", emoji),
          words.number(count),
        );
      }),
    );
  }

  #failure(item: Item): HTMLElement {
    const words = this.#words;
    const pending = item.pending!;
    return h(
      "div",
      "failure",
      h("span", null, words.text("failed")),
      h("button", { class: "link", onclick: () => this.#actions.attempt(pending.retry()) }, words.text("retry")),
      h("button", { class: "link", onclick: () => pending.discard() }, words.text("discard")),
    );
  }

  /** Buttons beside the message, made when the pointer or the focus comes near; a long press opens the menu. */
  #offerTools(row: HTMLElement, item: Item): void {
    const words = this.#words;
    const actions = this.#actions;
    const offer = (): void => {
      if (row.querySelector(".tools")) return;
      const quiet = { tabindex: -1 };
      const more = iconButton("more", words.text("more"), () => actions.menu(item, more), { ...quiet, "aria-haspopup": "menu" });
      const react = iconButton("smile", words.text("react"), () => actions.picker(item, react), quiet);
      const reply = iconButton("reply", words.text("reply"), () => actions.reply(item), quiet);
      row.querySelector(".line")!.append(h("div", "tools", react, reply, more));
    };
    row.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && offer());
    row.addEventListener("focusin", offer);
    let press = 0;
    const cancel = (): void => window.clearTimeout(press);
    row.addEventListener("pointerdown", (event) => {
      cancel();
      if (event.pointerType === "touch") press = window.setTimeout(() => actions.menu(item, row.querySelector(".bubble")!), 450);
    });
    for (const type of ["pointerup", "pointermove", "pointercancel"]) row.addEventListener(type, cancel, { passive: true });
    row.addEventListener("contextmenu", (event) => {
      if ((event as PointerEvent).pointerType === "touch") event.preventDefault();
    });
  }
}

export function classes(...names: (string | false | null | undefined | "")[]): string {
  return names.filter(Boolean).join(" ");
}

export function avatar(user: string, name: string, picture: string | null): HTMLElement {
  const box = h("span", { class: `avatar hue${hue(user)}`, "aria-hidden": "true" }, initials(name));
  if (picture) {
    const image = h("img", { src: picture, alt: "", loading: "lazy", referrerpolicy: "no-referrer", onerror: () => image.remove() });
    box.append(image);
  }
  return box;
}

export function audienceText(audience: Audience | undefined, session: Session, words: Words): string | null {
  if (!audience || audience.type === "room") return null;
  if (audience.type === "group") return words.text("onlyGroup", { name: cleanName(audience.group) });
  const others = session.others(audience).map((user) => session.nameOf(user));
  return words.text("privateWith", { names: words.list(others.length ? others : [words.text("you")]) });
}
