/** Puts the parts together: header, pins, list, typing line, composer, and the views that slide over them. */
// These first, because the pages' script shrinks by 0.3 kB when the code stands in this order.
import { type Item, Session, type SessionOptions } from "./session.js";
import { endText, StatusBar } from "./status.js";
import type { Draft, SidetalkError } from "@sidetalk/client";
import { Announcer } from "./announcer.js";
import { Composer } from "./composer.js";
import { fill, h, icon, iconButton } from "./dom.js";
import { EMOJI, QUICK } from "./emoji.js";
import { errorText } from "./errors.js";
import { Feed } from "./feed.js";
import type { Key, Words } from "./i18n/words.js";
import { mayWhisper } from "./audience.js";
import { Layer, type MenuItem } from "./menu.js";
import { MessageView } from "./message.js";
import { peopleView, type SideView } from "./people.js";
import { hits, searchView } from "./search.js";
import { summary, texts } from "./text.js";
import { toolsView } from "./tools.js";

/** Tells the page: joined, over for good, a message, how many are here. */
export type Tell = (type: "ready" | "ended" | "message" | "people", detail: object) => void;

export class Panel {
  readonly #words: Words;
  readonly #tell: Tell;
  readonly element: HTMLElement;
  readonly session: Session;
  #layer: Layer;
  #view: MessageView;
  #feed: Feed;
  #composer: Composer;
  #status: StatusBar;
  #announcer: Announcer;
  #heading = h("bdi");
  #count = h("button", { class: "count", hidden: true, onclick: () => this.#openPeople() });
  #gear: HTMLButtonElement;
  #find: HTMLButtonElement;
  #pins = h("div", { class: "pins", hidden: true });
  #typing = h("div", "typing");
  #over = false;
  #side: { element: HTMLElement; refresh: () => void; back: HTMLElement } | null = null;

  constructor(options: SessionOptions & { title: string | null }, words: Words, tell: Tell) {
    this.#words = words;
    this.#tell = tell;
    this.element = h("section", { class: "panel", dir: words.dir, lang: words.tag });
    this.#layer = new Layer(this.element, words);
    this.session = new Session(options, {
      state: () => this.#connection(),
      joined: (room) => {
        this.#composer.start(`sidetalk draft ${options.server} ${options.room} ${this.session.user} `);
        this.#composer.element.inert = this.#find.hidden = false;
        this.#feed.start();
        tell("ready", { room });
      },
      room: () => this.#refresh(),
      messages: () => this.#feed.refresh(),
      posted: (message) => {
        const item = this.session.item(message);
        this.#feed.posted(message);
        tell("message", { id: message.id, own: item.own });
        if (!item.own) this.#announcer.say(this.#words.text(item.audience === "room" ? "says" : "whispers", { name: this.#view.senderName(item), text: summary(message.parts, 300) }));
      },
      typing: () => this.#showTyping(),
      pins: () => this.#showPins(),
      rewritten: (id) => this.#view.rewritten(this.#feed.element, id),
      notice: (key) => this.#announcer.say(words.text(key)),
    });
    const { session } = this;
    this.#view = new MessageView(session, words, {
      menu: this.#openMenu,
      picker: (item, anchor) => this.#pickReaction(item, anchor),
      react: (item, emoji) => this.#react(item, emoji),
      reply: (item) => this.#composer.reply(item),
      jump: this.#jump,
      attempt: this.attempt,
    });
    this.#announcer = new Announcer((n) => words.text("fresh", { n }));
    this.#feed = new Feed(session, words, this.#view, {
      menu: this.#openMenu,
      key: (item, event) => this.#shortcut(item, event),
    });
    this.#status = new StatusBar(session, words);
    this.#composer = new Composer(session, words, this.#layer, {
      nameOf: (item) => this.#view.senderName(item),
      post: (draft) => this.#post(draft),
      edit: (item, text, mentions) => {
        const edit = session.room!.edit(item.message!.id, { text, format: "markdown", mentions });
        this.attempt(edit);
        return edit;
      },
      editLast: () => {
        const own = this.#feed.lastOwn();
        if (own) this.#composer.edit(own);
      },
      leave: () => this.#feed.focusMessage(),
    });
    this.#find = iconButton("search", words.text("search"), () => this.#openSearch(), { hidden: true });
    this.#gear = iconButton("more", words.text("settings"), () => this.#openTools(), { hidden: true });
    this.setTitle(options.title);
    this.element.append(
      h("header", "head", h("div", "names", h("h2", "title", this.#heading), this.#count), this.#find, this.#gear),
      this.#pins,
      this.#status.element,
      this.#feed.element,
      this.#typing,
      this.#composer.element,
      this.#announcer.element,
    );
    this.#feed.element.append(h("div", "empty", h("strong", null, words.text("empty")), h("span", null, words.text("emptyHint"))));
    this.#composer.element.inert = true;
    void session.start();
  }

  dispose(): void {
    this.session.stop();
    this.#feed.dispose();
    this.#composer.dispose();
    this.#status.dispose();
  }

  setTitle(title: string | null): void {
    this.#heading.textContent = title ?? this.#words.text("chat");
  }

  focus(): void {
    this.#composer.focus();
  }

  #connection(): void {
    this.#status.refresh();
    const { ended } = this.session;
    if (ended === null || ended === "closed" || this.#over) return;
    this.#over = true;
    this.#composer.element.inert = true;
    this.element.classList.add("over");
    this.#announcer.say(this.#words.text(endText(ended)));
    this.#tell("ended", { reason: typeof ended === "string" ? ended : ended.code });
  }

  #refresh(): void {
    const words = this.#words;
    const { session } = this;
    const n = session.people.length;
    this.#count.hidden = false;
    this.#count.textContent = words.text("here", { n });
    this.#gear.hidden = !session.moderates;
    this.#status.refresh();
    this.#composer.refresh();
    this.#side?.refresh();
    this.#tell("people", { count: n });
  }

  #showTyping(): void {
    const words = this.#words;
    const { session } = this;
    const users = [...new Set(session.typists.values())];
    const names = words.list(users.slice(0, 3).map((user) => session.nameOf(user)));
    const text = users.length ? words.text("typing", { n: users.length, names }) : "";
    fill(this.#typing, text && [h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), h("span", { dir: "auto" }, text)]);
  }

  #showPins(): void {
    const words = this.#words;
    const { session } = this;
    const last = session.pinned.at(-1);
    this.#pins.hidden = !last;
    if (!last) return;
    const n = session.pinned.length;
    const open = (): void => (n > 1 ? this.#openPins() : this.#jump(last.id));
    fill(this.#pins, h("button", { onclick: open }, icon("pin"), h("span", null, h("strong", null, words.text("pinned", { n })), h("span", { dir: "auto" }, summary(last.parts)))));
  }

  // What people do.

  /** Runs a call and says so if it was refused. */
  attempt = (call: Promise<unknown>): void => {
    call.catch((error: SidetalkError) => {
      if (error.code === "slow_mode" && error.retryAfterMs) this.#composer.wait(error.retryAfterMs);
      if (error.code !== "aborted" && error.code !== "closed") this.#status.notice(errorText(error, this.#words));
    });
  };

  #post(draft: Draft): void {
    this.#feed.toEnd();
    this.attempt(this.session.room!.post(draft));
  }

  #react(item: Item, emoji: string): void {
    const { room, user } = this.session;
    const own = item.message!.reactions.some((reaction) => reaction.emoji === emoji && reaction.users.includes(user));
    this.attempt(own ? room!.unreact(item.message!.id, emoji) : room!.react(item.message!.id, emoji));
  }

  #jump = (id: string): void => {
    this.#closeSide();
    this.attempt(this.#feed.jump(id).then((found) => found || this.#status.notice(this.#words.text("gone"))));
  };

  #pickReaction(item: Item, anchor: HTMLElement): void {
    this.#layer.grid(anchor, this.#words.text("react"), EMOJI, 8, (emoji) => this.#react(item, emoji), this.#rowOf(anchor));
  }

  #rowOf(anchor: HTMLElement): HTMLElement {
    return anchor.closest<HTMLElement>(".row") ?? anchor;
  }

  #openMenu = (item: Item, anchor: HTMLElement): void => {
    const words = this.#words;
    const layer = this.#layer;
    const quick = h("div", "quick", QUICK.map((emoji) => h("button", { class: "symbol", role: "menuitem", tabindex: -1, "aria-label": `${words.text("react")} ${emoji}`, onclick: () => (layer.close(), this.#react(item, emoji)) }, emoji)),
      h("button", { class: "symbol", role: "menuitem", tabindex: -1, "aria-label": words.text("emoji"), onclick: () => (layer.close(), this.#pickReaction(item, anchor)) }, icon("smile")));
    const at = anchor.classList.contains("message") ? anchor.querySelector<HTMLElement>(".bubble")! : anchor;
    layer.menu(at, words.text("more"), () => this.#menuItems(item), quick, this.#rowOf(anchor));
  };

  #menuItems(item: Item): MenuItem[] {
    const words = this.#words;
    const composer = this.#composer;
    const { session } = this;
    const message = item.message!;
    const { id } = message;
    const room = session.room!;
    const say = (key: Key, name: MenuItem["icon"], run: () => void, danger = false): MenuItem => ({ label: words.text(key), ...(name ? { icon: name } : {}), run, danger });
    const items = [say("reply", "reply", () => composer.reply(item))];
    const person = session.people.find(({ user }) => user === item.user);
    if (!item.own && person && mayWhisper(session, person.role)) items.push(say("whisper", "lock", () => composer.whisper(person.user)));
    items.push(say("copy", "copy", () => this.attempt(this.#copy(message.parts))));
    if (item.own) items.push(say("edit", "edit", () => composer.edit(item)));
    if (session.moderates) items.push(message.pin ? say("unpin", "pin", () => this.attempt(room.unpin(id))) : say("pin", "pin", () => this.attempt(room.pin(id))));
    if (item.own || session.moderates) items.push(say("remove", "trash", () => this.#remove(id), true));
    return items;
  }

  async #copy(parts: Parameters<typeof texts>[0]): Promise<void> {
    const text = texts(parts).map((part) => part.text).join("\n");
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else {
      // A page without https has only the old way.
      const put = (event: ClipboardEvent): void => (event.preventDefault(), event.clipboardData!.setData("text/plain", text));
      document.addEventListener("copy", put);
      const done = document.execCommand("copy");
      document.removeEventListener("copy", put);
      if (!done) throw Error("not copied");
    }
    this.#status.notice(this.#words.text("copied"));
  }

  async #remove(id: string): Promise<void> {
    if (await this.#layer.ask(this.#words.text("removeAsk"), this.#words.text("remove"))) this.attempt(this.session.room!.delete(id));
  }

  #shortcut(item: Item, event: KeyboardEvent): void {
    if (!item.message || item.message.deleted_at) return;
    if (event.key === "r") this.#composer.reply(item);
    else if (event.key === "e" && item.own) this.#composer.edit(item);
    else if (event.key === "Delete" && (item.own || this.session.moderates)) void this.#remove(item.message.id);
    else if (event.key === "Escape") this.#composer.focus();
    else return;
    event.preventDefault();
  }

  // Views over the list.

  #openPeople(): void {
    const words = this.#words;
    const layer = this.#layer;
    const { session } = this;
    const view = peopleView(session, words, layer, {
      whisper: (user) => {
        this.#closeSide();
        this.#composer.whisper(user);
      },
      attempt: this.attempt,
    });
    this.#openSide(words.text("people"), this.#count, view);
  }

  #openTools(): void {
    this.#openSide(this.#words.text("settings"), this.#gear, toolsView(this.session, this.#words, this.#layer, this.attempt));
  }

  #openSearch(): void {
    this.#openSide(this.#words.text("search"), this.#find, { element: searchView(this.session, this.#words, this.#view, this.#jump), refresh: () => undefined });
  }

  #openPins(): void {
    const words = this.#words;
    const { session } = this;
    const element = h("ul", "results");
    const refresh = (): void => fill(element, hits([...session.pinned].reverse(), session, words, this.#view, this.#jump));
    refresh();
    this.#openSide(words.text("pinned", { n: session.pinned.length }), this.#pins.querySelector("button")!, { element, refresh });
  }

  #openSide(title: string, back: HTMLElement, { element: content, refresh }: SideView): void {
    this.#closeSide();
    const close = iconButton("back", this.#words.text("back"), () => this.#closeSide());
    const element = h("div", { class: "side", role: "dialog", "aria-label": title }, h("header", "head", close, h("h2", "title", title)), h("div", "side-body", content));
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.#closeSide();
    });
    this.#side = { element, refresh, back };
    this.element.append(element);
    (content.querySelector<HTMLElement>("[data-first]") ?? close).focus({ preventScroll: true });
    this.#shut((child) => child !== element && child !== this.#announcer.element);
  }

  /** Takes these parts out of reach, and lets the others back. */
  #shut(which: (child: Element) => boolean): void {
    for (const child of this.element.children) child.toggleAttribute("inert", which(child));
  }

  #closeSide(): void {
    const side = this.#side;
    if (!side) return;
    this.#side = null;
    side.element.remove();
    this.#shut((child) => this.#over && child === this.#composer.element);
    if (side.back.isConnected) side.back.focus({ preventScroll: true });
  }
}
