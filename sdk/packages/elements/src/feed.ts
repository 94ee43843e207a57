/** The list of messages: what is in it, where the reader stands, what was read, and the keyboard's way through it. */
import type { Message } from "@sidetalk/client";
import { h, icon } from "./dom.js";
import type { Words } from "./i18n/words.js";
import { VirtualList } from "./list.js";
import type { MessageView } from "./message.js";
import { type Row, Rows } from "./rows.js";
import type { Item, Session } from "./session.js";

const LOAD_AT_PX = 1200;

export interface FeedEvents {
  menu(item: Item, anchor: HTMLElement): void;
  key(item: Item, event: KeyboardEvent): void;
}

export class Feed {
  readonly #session: Session;
  readonly #words: Words;
  readonly #view: MessageView;
  readonly #events: FeedEvents;
  readonly element: HTMLElement;
  #scroller = h("div", "scroller");
  #canvas: HTMLElement;
  #jumpButton: HTMLButtonElement;
  #jumpLabel = h("span");
  #list: VirtualList<Row<Item>>;
  #rows = new Rows<Item>();
  #items: Item[] = [];
  #unreadAfter: number | null = null;
  /** Up to where everything was read. */
  #read = 0;
  #fresh = 0;
  #current: string | null = null;
  #frame = 0;
  #joined = false;
  #loadFailedAt = 0;
  #today = "";

  constructor(session: Session, words: Words, view: MessageView, events: FeedEvents) {
    this.#session = session;
    this.#words = words;
    this.#view = view;
    this.#events = events;
    this.#canvas = h("div", { class: "canvas", "aria-label": words.text("messages"), role: "group" });
    this.#scroller.append(this.#canvas);
    this.#jumpButton = h("button", { class: "jump", hidden: true, onclick: (event: MouseEvent) => this.#down(event) }, icon("down"), this.#jumpLabel);
    this.element = h("div", "feed", this.#scroller, this.#jumpButton);
    this.#list = new VirtualList(this.#scroller, this.#canvas, {
      render: (row) => this.#render(row),
      moved: (atEnd, start_px) => this.#moved(atEnd, start_px),
    });
    this.#canvas.addEventListener("keydown", (event) => this.#keydown(event));
    this.#canvas.addEventListener("focusin", (event) => this.#focused(event));
    document.addEventListener("visibilitychange", this.#visible);
    window.addEventListener("focus", this.#visible);
  }

  dispose(): void {
    this.#list.dispose();
    cancelAnimationFrame(this.#frame);
    document.removeEventListener("visibilitychange", this.#visible);
    window.removeEventListener("focus", this.#visible);
  }

  /** At the first sight of the room: the line goes where the reader stopped the last time. */
  start(): void {
    this.#joined = true;
    for (const { audience, seen, count } of this.#session.room!.joined.unread ?? [])
      if (audience.type === "room" && seen && count) this.#unreadAfter = seen;
    this.refresh();
  }

  posted(message: Message): void {
    if (message.sender.user === this.#session.user) {
      if (message.sender.connection === this.#session.room?.state.me.connection) this.#unreadAfter = null;
      return;
    }
    if (this.#looking && this.#list.atEnd) return;
    this.#fresh++;
    if (this.#fresh === 1) this.#unreadAfter = message.seq - 1;
    this.#showJump();
  }

  /** Draws at most once per frame, however many messages come. In a hidden page there are no frames. */
  refresh(): void {
    if (this.#frame) return;
    const draw = (): void => {
      this.#frame = 0;
      this.#draw();
    };
    if (document.hidden) draw();
    else this.#frame = requestAnimationFrame(draw);
  }

  toEnd(): void {
    this.#list.toEnd();
    this.#settle();
  }

  #down({ detail }: MouseEvent): void {
    this.toEnd();
    // Pressed by a key, the button takes the focus away with it.
    if (!detail) this.#go(this.#items.at(-1)!.key);
  }

  async jump(id: string): Promise<boolean> {
    const item = await this.#session.find(id);
    if (!item) return false;
    this.#draw();
    this.#list.reveal(item.key);
    this.#go(item.key);
    const element = this.#list.get(item.key);
    element?.classList.add("flash");
    window.setTimeout(() => element?.classList.remove("flash"), 1600);
    return true;
  }

  focusMessage(): void {
    if (this.#current !== null) this.#go(this.#current);
  }

  lastOwn(): Item | undefined {
    return this.#items.findLast((item) => item.own && item.message && !item.message.deleted_at);
  }

  get #looking(): boolean {
    return !document.hidden && document.hasFocus() && this.#list.shown;
  }

  #visible = (): void => this.refresh();

  #draw(): void {
    if (!this.#joined) return;
    this.#items = this.#session.list;
    const today = new Date().toDateString();
    // What was "Today" is drawn anew.
    if (today !== this.#today) this.#rows = new Rows();
    this.#today = today;
    const rows = this.#items.length ? this.#rows.build(this.#items, { loading: this.#session.hasOlder, unread: this.#unreadAfter }) : [];
    this.element.classList.toggle("nothing", rows.length === 0);
    // A feed must have articles; before the first message it is only a place.
    this.#canvas.role = rows.length ? "feed" : "group";
    this.#list.update(rows);
    if (this.#list.atEnd && this.#looking) this.#settle();
    this.#keepStop();
  }

  #render(row: Row<Item>): HTMLElement {
    const words = this.#words;
    switch (row.kind) {
      case "start":
        return h("div", "row start", h("span", null, words.text(row.loading ? "loading" : "start")));
      case "day":
        return h("div", "row day", h("span", null, words.day(row.at)));
      case "unread":
        return h("div", "row unread", h("span", null, words.text("unread")));
      case "message": {
        const element = this.#view.render(row.message, row);
        if (row.key === this.#current) element.tabIndex = 0;
        element.dataset["key"] = row.key;
        return element;
      }
    }
  }

  #moved(atEnd: boolean, start_px: number): void {
    if (atEnd && this.#looking) this.#settle();
    this.#showJump();
    if (start_px < LOAD_AT_PX && this.#joined) this.#more();
  }

  #more(): void {
    if (!this.#session.hasOlder || Date.now() - this.#loadFailedAt < 2000) return;
    this.#canvas.ariaBusy = "true";
    this.#session
      .loadOlder()
      .catch(() => {
        this.#loadFailedAt = Date.now();
        window.setTimeout(() => this.refresh(), 2500);
      })
      .finally(() => (this.#canvas.ariaBusy = "false"));
  }

  /** Everything down to the end has been seen. */
  #settle(): void {
    this.#fresh = 0;
    this.#showJump();
    if (!this.#joined || !this.#looking) return;
    const newest = new Map<string, Message>();
    for (let at = this.#items.length - 1; at >= 0; at--) {
      const { message, audience } = this.#items[at]!;
      if (!message) continue;
      if (message.seq <= this.#read) break;
      if (!newest.has(audience)) newest.set(audience, message);
    }
    for (const { seq, audience } of newest.values()) {
      this.#read = Math.max(this.#read, seq);
      this.#session.room!.markRead(seq, { audience }).catch(() => undefined);
    }
  }

  #showJump(): void {
    const jumpButton = this.#jumpButton;
    const fresh = this.#fresh;
    const words = this.#words;
    jumpButton.hidden = this.#list.atEnd;
    this.#jumpLabel.textContent = fresh ? words.text("fresh", { n: fresh }) : words.text("newest");
    jumpButton.classList.toggle("has-fresh", fresh > 0);
  }

  // The keyboard: one message is in the tab order; arrows move on from there.

  #keepStop(): void {
    if (this.#items.some((item) => item.key === this.#current) && this.#canvas.contains(this.#active)) return;
    this.#stop(this.#items.at(-1)?.key ?? null);
  }

  get #active(): Element | null {
    return (this.#canvas.getRootNode() as ShadowRoot).activeElement;
  }

  #stop(key: string | null): void {
    if (key === this.#current) return void this.#list.get(key ?? "")?.setAttribute("tabindex", "0");
    if (this.#current !== null) this.#list.get(this.#current)?.setAttribute("tabindex", "-1");
    this.#current = key;
    if (key !== null) this.#list.get(key)?.setAttribute("tabindex", "0");
  }

  #focused(event: FocusEvent): void {
    const row = (event.target as Element).closest<HTMLElement>("[data-key]");
    if (!row) return;
    this.#stop(row.dataset["key"]!);
    this.#list.hold(this.#current);
  }

  #go(key: string): void {
    this.#list.reveal(key, "nearest");
    this.#stop(key);
    this.#list.hold(key);
    this.#list.get(key)?.focus({ preventScroll: true });
  }

  #keydown(event: KeyboardEvent): void {
    const at = this.#items.findIndex((item) => item.key === this.#current);
    const item = this.#items[at];
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const steps: Record<string, number> = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: this.#items.length - 1 };
    const to = steps[event.key];
    const onRow = (event.target as HTMLElement).dataset["key"] !== undefined;
    if (to !== undefined) {
      event.preventDefault();
      const next = this.#items[Math.max(0, Math.min(this.#items.length - 1, to))]!;
      return this.#go(next.key);
    }
    if (/^Arrow(Left|Right)$/.test(event.key)) return this.#across(event, item);
    if (!onRow) return;
    if ((event.key === "Enter" || event.key === " " || event.key === "ContextMenu") && item.message && !item.message.deleted_at) {
      event.preventDefault();
      this.#events.menu(item, this.#list.get(item.key)!);
    } else this.#events.key(item, event);
  }

  /** Left and right reach what is inside a message: its quote, links, reactions and buttons. */
  #across(event: KeyboardEvent, item: Item): void {
    const row = this.#list.get(item.key)!;
    const stops = [row, ...row.querySelectorAll<HTMLElement>("a, button")];
    const forward = (event.key === "ArrowRight") === (this.#words.dir === "ltr");
    const to = stops.indexOf(this.#active as HTMLElement) + (forward ? 1 : -1);
    event.preventDefault();
    stops[(to + stops.length) % stops.length]!.focus({ preventScroll: true });
  }
}
