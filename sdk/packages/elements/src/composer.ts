/** Where messages are written: text, audience, reply and edit, mentions, emoji, drafts, slow mode and limits. */
import type { Audience, Draft } from "@sidetalk/client";
import { audienceKey } from "@sidetalk/client/timeline";
import { audienceItems } from "./audience.js";
import { h, icon, iconButton } from "./dom.js";
import { Drafts } from "./drafts.js";
import { EMOJI } from "./emoji.js";
import type { Words } from "./i18n/words.js";
import { MentionPicker } from "./mentions.js";
import type { Layer } from "./menu.js";
import { audienceText } from "./message.js";
import type { Item, Session } from "./session.js";
import { summary, texts } from "./text.js";

export interface ComposerEvents {
  post(draft: Draft): void;
  edit(item: Item, text: string, mentions: string[]): void;
  /** Arrow up in an empty field. */
  editLast(): void;
  /** Escape with nothing left to cancel. */
  leave(): void;
}

const ROOM: Audience = { type: "room" };
const HINT_SHARE = 0.9;
const bytes = new TextEncoder();

export class Composer {
  readonly #session: Session;
  readonly #words: Words;
  readonly #layer: Layer;
  readonly #events: ComposerEvents;
  readonly element: HTMLFormElement;
  #input: HTMLTextAreaElement;
  #strip = h("div", { class: "strip", hidden: true });
  #scope: HTMLButtonElement;
  #sendButton: HTMLButtonElement;
  #hint = h("div", { class: "limit", role: "status" });
  #silence = h("p", { class: "silence", hidden: true });
  #field: HTMLElement;
  #mentions: MentionPicker;
  #drafts: Drafts;
  #audience: Audience = ROOM;
  #replying: Item | null = null;
  #editing: Item | null = null;
  #waitUntil = 0;
  #ticker = 0;
  #told = 0;

  constructor(session: Session, words: Words, layer: Layer, events: ComposerEvents, draftsKey: string) {
    this.#session = session;
    this.#words = words;
    this.#layer = layer;
    this.#events = events;
    this.#drafts = new Drafts(draftsKey);
    this.#input = h("textarea", { rows: 1, dir: "auto", enterkeyhint: "send", autocapitalize: "sentences", oninput: () => this.#changed(), onkeydown: (event: KeyboardEvent) => this.#keydown(event) });
    this.#mentions = new MentionPicker(this.#input, session, words, () => this.#changed());
    this.#input.addEventListener("blur", () => window.setTimeout(() => this.#mentions.close(), 150));
    this.#scope = h("button", { class: "scope-button", "aria-haspopup": "menu", onclick: () => this.#chooseAudience() });
    this.#sendButton = h("button", { type: "submit", class: "send" });
    const emoji = iconButton("smile", words.text("emoji"), () => this.#layer.grid(emoji, words.text("emoji"), EMOJI, 8, (symbol) => this.#insert(symbol), this.#input), { "aria-haspopup": "true" });
    this.#field = h("div", "field", this.#input, emoji, this.#sendButton);
    this.element = h(
      "form",
      { class: "composer", onsubmit: (event: Event) => (event.preventDefault(), this.#submit()) },
      this.#strip,
      this.#mentions.element,
      this.#scope,
      this.#field,
      this.#hint,
      this.#silence,
    );
    this.#load();
    this.refresh();
  }

  dispose(): void {
    window.clearInterval(this.#ticker);
  }

  focus(): void {
    this.#input.focus();
  }

  /** People, settings or rights have changed. */
  refresh(): void {
    const session = this.#session;
    const words = this.#words;
    const silenced = session.silenced;
    this.#field.hidden = silenced !== null;
    this.#silence.hidden = silenced === null;
    if (silenced) {
      const timed = silenced.why === "muted" && silenced.until;
      this.#silence.textContent = timed ? words.text("mutedUntil", { time: words.time(Date.parse(timed)) }) : words.text(silenced.why);
      this.#cancel();
    }
    const choices = audienceItems(session, words, this.#audience, () => undefined);
    if (this.#audience.type !== "room" && session.room && choices.length < 2) this.#setAudience(ROOM);
    const own = session.room && (choices.length > 1 || this.#audience.type !== "room");
    this.#scope.hidden = silenced !== null || !own || this.#editing !== null;
    const readers = audienceText(this.#audience, session, words);
    const label = readers ?? words.text("everyone");
    this.#scope.ariaLabel = `${words.text("readers")} ${label}`;
    this.#scope.replaceChildren(icon(readers ? "lock" : "people"), h("span", { dir: "auto" }, label), icon("chevron"));
    this.element.classList.toggle("private", readers !== null);
    this.#input.placeholder = readers ?? words.text("write");
    this.#input.ariaLabel = this.#input.placeholder;
    this.#tick();
  }

  reply(item: Item): void {
    this.#cancel();
    this.#replying = item;
    // A private message is answered to those who can read it, and to nobody else.
    this.#setAudience(item.message!.audience);
    const name = item.own ? this.#words.text("you") : item.user === null ? this.#words.text("server") : this.#session.nameOf(item.user);
    this.#showStrip(this.#words.text("replyTo", { name }), summary(item.message!.parts));
  }

  edit(item: Item): void {
    this.#cancel();
    this.#editing = item;
    this.#mentions.know(item.message!.mentions);
    this.#showStrip(this.#words.text("editing"), summary(item.message!.parts));
    this.#input.value = texts(item.message!.parts).map(({ text }) => text).join("\n");
    this.#grow();
    this.refresh();
    this.#input.setSelectionRange(this.#input.value.length, this.#input.value.length);
  }

  whisper(user: string): void {
    this.#setAudience({ type: "users", users: [user] });
    this.focus();
  }

  /** The server says how long to wait. */
  wait(ms: number): void {
    this.#waitUntil = Math.max(this.#waitUntil, Date.now() + ms);
    this.#ticker ||= window.setInterval(() => this.#tick(), 250);
    this.#tick();
  }

  #showStrip(title: string, text: string): void {
    const close = iconButton("close", this.#words.text("cancel"), () => (this.#cancel(), this.focus()));
    this.#strip.replaceChildren(icon(this.#editing ? "edit" : "reply"), h("div", null, h("strong", { dir: "auto" }, title), h("span", { dir: "auto" }, text)), close);
    this.#strip.hidden = false;
    this.focus();
  }

  #cancel(): boolean {
    const some = this.#replying !== null || this.#editing !== null;
    const edited = this.#editing !== null;
    this.#replying = this.#editing = null;
    this.#strip.hidden = true;
    if (edited) {
      this.#load();
      this.refresh();
    }
    return some;
  }

  #chooseAudience(): void {
    const words = this.#words;
    const items = () => audienceItems(this.#session, words, this.#audience, (audience) => this.#setAudience(audience));
    this.#layer.menu(this.#scope, words.text("readers"), items, h("p", "menu-title", words.text("readers")), this.#input);
  }

  #setAudience(audience: Audience): void {
    if (audience.type === "users" && !this.#session.others(audience).length) audience = audience.users.length ? audience : ROOM;
    if (!this.#editing) this.#drafts.set(audienceKey(this.#audience), this.#input.value);
    const carried = this.#input.value;
    this.#audience = audience;
    if (this.#replying && audienceKey(this.#replying.message!.audience) !== audienceKey(audience)) this.#cancel();
    // What is being written goes along when its readers change; a draft that waits there is not overwritten.
    const waiting = this.#drafts.get(audienceKey(audience));
    if (!this.#editing) this.#input.value = waiting || (audience.type === "room" ? "" : carried);
    this.#grow();
    this.refresh();
  }

  #load(): void {
    this.#input.value = this.#drafts.get(audienceKey(this.#audience));
    this.#grow();
  }

  #changed(): void {
    if (!this.#editing) this.#drafts.set(audienceKey(this.#audience), this.#input.value);
    this.#grow();
    this.#mentions.look();
    const writing = this.#input.value.trim() !== "" && !this.#editing;
    if (writing || this.#told) this.#session.room?.typing(writing, { audience: this.#audience });
    this.#told = writing ? 1 : 0;
  }

  #grow(): void {
    const input = this.#input;
    input.style.height = "auto";
    if (input.scrollHeight) input.style.height = `${Math.min(input.scrollHeight, 160)}px`;
    this.#tick();
  }

  /** Bytes, because that is what the server counts. */
  get #room(): { used: number; limit: number } {
    const state = this.#session.client.state;
    const limit = state.status === "online" ? state.welcome.limits.text_bytes : 16_384;
    return { used: bytes.encode(this.#input.value.trim()).length, limit };
  }

  /** The button and the line under the field. */
  #tick(): void {
    const words = this.#words;
    const left = Math.ceil((this.#waitUntil - Date.now()) / 1000);
    const waits = left > 0 && !this.#editing;
    if (left <= 0) {
      window.clearInterval(this.#ticker);
      this.#ticker = 0;
    }
    const { used, limit } = this.#room;
    this.#hint.textContent = used < limit * HINT_SHARE ? "" : `${words.number(used)} / ${words.number(limit)}`;
    this.#hint.classList.toggle("bad", used > limit);
    const label = waits ? words.text("wait", { n: left }) : words.text(this.#editing ? "save" : "send");
    const off = waits || used > limit || this.#input.value.trim() === "";
    this.#sendButton.ariaDisabled = String(off);
    this.#sendButton.classList.toggle("waits", waits);
    if (this.#sendButton.ariaLabel === label) return;
    this.#sendButton.ariaLabel = label;
    this.#sendButton.title = label;
    this.#sendButton.replaceChildren(waits ? h("span", null, words.number(left)) : icon(this.#editing ? "check" : "send"));
  }

  #submit(): void {
    const text = this.#input.value.trim();
    if (!text || this.#sendButton.ariaDisabled === "true") return;
    const mentions = this.#mentions.used(text);
    if (this.#editing) {
      const item = this.#editing;
      this.#cancel();
      if (text !== texts(item.message!.parts).map((part) => part.text).join("\n")) this.#events.edit(item, text, mentions);
      return this.focus();
    }
    const replying = this.#replying;
    const session = this.#session;
    this.#input.value = "";
    this.#drafts.set(audienceKey(this.#audience), "");
    this.#cancel();
    this.#mentions.close();
    this.#told = 0;
    this.#grow();
    session.room?.typing(false, { audience: this.#audience });
    const slow_s = session.room?.state.settings.slow_mode_s;
    if (slow_s && !session.moderates) this.wait(slow_s * 1000);
    this.#events.post({
      text,
      format: "markdown",
      ...(this.#audience.type === "room" ? {} : { audience: this.#audience }),
      ...(mentions.length ? { mentions } : {}),
      ...(replying ? { reply_to: replying.message!.id } : {}),
    });
    this.focus();
  }

  #insert(symbol: string): void {
    this.#input.setRangeText(symbol, this.#input.selectionStart, this.#input.selectionEnd, "end");
    this.#changed();
  }

  #keydown(event: KeyboardEvent): void {
    if (event.isComposing || this.#mentions.keydown(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !matchMedia("(pointer: coarse)").matches) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "ArrowUp" && this.#input.value === "" && !this.#editing) {
      event.preventDefault();
      this.#events.editLast();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      if (!this.#cancel()) this.#events.leave();
    }
  }
}
