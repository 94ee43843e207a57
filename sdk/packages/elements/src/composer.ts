/** Where messages are written: text, audience, reply and edit, mentions, emoji, drafts, slow mode and limits. */
import type { Audience, Draft } from "@sidetalk/client";
import { audienceKey } from "@sidetalk/client/timeline";
import { audienceItems, unreachable } from "./audience.js";
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
  nameOf(item: Item): string;
  post(draft: Draft): void;
  edit(item: Item, text: string, mentions: string[]): Promise<unknown>;
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
  #drafts!: Drafts;
  #audience: Audience = ROOM;
  #replying: Item | null = null;
  #editing: Item | null = null;
  #waitUntil = 0;
  #ticker = 0;
  #told = false;
  /** Why nothing can be sent to these readers. */
  #stuck = "";

  constructor(session: Session, words: Words, layer: Layer, events: ComposerEvents) {
    this.#session = session;
    this.#words = words;
    this.#layer = layer;
    this.#events = events;
    this.#input = h("textarea", { rows: 1, dir: "auto", oninput: () => this.#changed(), onkeydown: (event: KeyboardEvent) => this.#keydown(event) });
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
    this.refresh();
  }

  /** Who writes is known now: another user of the same tab has drafts of his own. */
  start(draftsKey: string): void {
    this.#drafts = new Drafts(draftsKey);
    this.#load();
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
    this.#field.hidden = this.#hint.hidden = silenced !== null;
    this.#silence.hidden = silenced === null;
    if (silenced) {
      const { why, until } = silenced;
      this.#silence.textContent = until ? words.text("mutedUntil", { time: words.time(Date.parse(until)) }) : words.text(why);
      this.#cancel();
    }
    // Whoever cannot be reached any more stays chosen: readers are never changed while somebody types.
    this.#stuck = this.#editing ? "" : unreachable(session, words, this.#audience);
    const choices = audienceItems(session, words, this.#audience, () => undefined).length;
    this.#scope.hidden = silenced !== null || this.#editing !== null || (choices < 2 && this.#audience.type === "room");
    const readers = audienceText(this.#audience, session, words);
    const label = readers ?? words.text("everyone");
    this.#scope.ariaLabel = `${words.text("readers")} ${label}`;
    this.#scope.replaceChildren(icon(readers ? "lock" : "people"), h("span", { dir: "auto" }, label), icon("chevron"));
    this.element.classList.toggle("private", readers !== null);
    this.#input.placeholder = this.#input.ariaLabel = readers ?? words.text("write");
    this.#tick();
  }

  reply(item: Item): void {
    this.#cancel();
    this.#replying = item;
    // A private message is answered to those who can read it, and to nobody else.
    this.#setAudience(item.message!.audience);
    this.#showStrip(this.#words.text("replyTo", { name: this.#events.nameOf(item) }), summary(item.message!.parts));
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
    const edited = this.#editing !== null;
    const some = this.#replying !== null || edited;
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
    if (audience.type === "users" && !audience.users.length) audience = ROOM;
    const drafts = this.#drafts;
    const [before, after] = [audienceKey(this.#audience), audienceKey(audience)];
    this.#audience = audience;
    if (this.#replying && audienceKey(this.#replying.message!.audience) !== after) this.#cancel();
    if (!this.#editing) {
      const text = this.#input.value;
      drafts.set(before, text);
      const waiting = drafts.get(after);
      if (waiting || audience.type === "room") this.#input.value = waiting;
      else {
        // What is being written goes along, and nothing of it stays for those who could read it before.
        drafts.set(before, "");
        drafts.set(after, text);
      }
    }
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
    this.#told = writing;
  }

  #grow(): void {
    const input = this.#input;
    input.style.height = "auto";
    if (input.scrollHeight) input.style.height = `${Math.min(input.scrollHeight, 160)}px`;
    this.#tick();
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
    const { state } = this.#session.client;
    const limit = state.status === "online" ? state.welcome.limits.text_bytes : 16_384;
    const text = this.#input.value.trim();
    // Bytes, because that is what the server counts.
    const used = bytes.encode(text).length;
    const stuck = this.#stuck;
    const hint = stuck || (used < limit * HINT_SHARE ? "" : `${words.number(used)} / ${words.number(limit)}`);
    // What has not changed is not read out again.
    if (this.#hint.textContent !== hint) this.#hint.textContent = hint;
    const bad = stuck !== "" || used > limit;
    this.#hint.classList.toggle("bad", bad);
    const label = waits ? words.text("wait", { n: left }) : words.text(this.#editing ? "save" : "send");
    const off = waits || bad || !text;
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
      if (text !== texts(item.message!.parts).map((part) => part.text).join("\n")) {
        this.#events.edit(item, text, mentions).catch(() => {
          // It was refused: what was written comes back, unless something else is being written.
          if (this.#input.value) return;
          this.edit(item);
          this.#input.value = text;
          this.#grow();
        });
      }
      return this.focus();
    }
    const replying = this.#replying;
    const session = this.#session;
    this.#input.value = "";
    this.#drafts.set(audienceKey(this.#audience), "");
    this.#cancel();
    this.#mentions.close();
    this.#told = false;
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
    // 229: the key is for the input method, also if the composition is over by now, as in Safari.
    if (event.keyCode === 229 || this.#mentions.keydown(event)) return;
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
