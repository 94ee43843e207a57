/**
 * One room as the panel sees it: the connection, the ordered messages, and what follows from them (who is there, what
 * names people have, what I may do). It knows nothing of the page.
 */
import { type Audience, type Message, type Member, type PendingMessage, type Presence, type Role, type Room, SidetalkClient, type SidetalkError, type TokenProvider } from "@sidetalk/client";
import { audienceKey, Timeline } from "@sidetalk/client/timeline";
import { cleanName, look } from "./names.js";
import type { RowMessage } from "./rows.js";

export interface SessionOptions {
  server: string;
  room: string;
  token: string | TokenProvider;
}

export interface SessionEvents {
  /** The connection came or went, or has ended for good. */
  state(): void;
  /** The room is joined; comes once. */
  joined(room: Room): void;
  /** People, settings or my own rights have changed. */
  room(): void;
  /** Messages came, changed or went. */
  messages(): void;
  /** A message came in live (not from the history). */
  posted(message: Message): void;
  typing(): void;
  pins(): void;
  /** A message, loaded or not, says something else now; without an id: any of them. */
  rewritten(id?: string): void;
  /** Something that people should be told of. */
  notice(key: "chatOff" | "chatOn" | "cleared"): void;
}

export interface Person {
  user: string;
  name: string;
  avatar: string | null;
  role: Role;
  own: boolean;
  muted: boolean;
  /** What the name looks like. */
  look: string;
}

/** A message in the list, stored or on its way. */
export interface Item extends RowMessage {
  message: Message | null;
  pending: PendingMessage | null;
  own: boolean;
}

export const RANK: Record<Role, number> = { viewer: 0, guest: 1, member: 2, moderator: 3, owner: 4 };
const ROOM: Audience = { type: "room" };
/** A longer time would be over at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export class Session {
  readonly #options: SessionOptions;
  readonly #events: SessionEvents;
  readonly client: SidetalkClient;
  readonly timeline = new Timeline();
  room: Room | null = null;
  /** Set when this session is over for good. */
  ended: SidetalkError | string | null = null;
  pinned: Message[] = [];
  readonly typists = new Map<string, string>();
  #names = new Map<string, string>();
  /** Who is muted, and until when; `null`: until it is lifted. */
  #muted = new Map<string, string | null>();
  #lapse: ReturnType<typeof setTimeout> | undefined;
  #items = new WeakMap<object, Item>();
  #folk: { from: unknown; people: Person[] } | null = null;
  #total = 0;
  #soon: ReturnType<typeof setTimeout> | undefined;
  #loading: Promise<void> | null = null;

  constructor(options: SessionOptions, events: SessionEvents) {
    this.#options = options;
    this.#events = events;
    this.client = new SidetalkClient({ url: options.server, token: options.token, name: "sidetalk-elements/0.1" });
    this.client.on("state", (state) => {
      if (state.status === "closed" && state.reason !== "closed") this.ended ??= state.reason;
      events.state();
    });
    this.timeline.on("change", () => events.messages());
  }

  async start(): Promise<void> {
    try {
      await this.client.connect();
      const room = await this.client.join(this.#options.room, { history: 50, unread: true, pinned: true, timeoutMs: TIMER_MAX_MS });
      this.room = room;
      this.#listen(room);
      this.timeline.attach(room);
      this.pinned = [...(room.joined.pinned ?? [])];
      this.#events.joined(room);
      this.#events.pins();
      this.#refresh();
      this.#events.messages();
    } catch (error) {
      this.ended ??= error as SidetalkError;
      this.#events.state();
    }
  }

  stop(): void {
    this.ended ??= "closed";
    this.client.close();
    clearTimeout(this.#lapse);
    clearTimeout(this.#soon);
  }

  // Rights.

  get role(): Role {
    return this.room?.state.me.role ?? "viewer";
  }

  get user(): string {
    return this.room?.state.me.user ?? "";
  }

  get moderates(): boolean {
    return RANK[this.role] >= RANK.moderator;
  }

  outranks(role: Role): boolean {
    return this.moderates && RANK[role] < RANK[this.role];
  }

  /** Why I may not write, or null. */
  get silenced(): { why: "viewer" | "chatOff" | "muted"; until?: string | null } | null {
    const state = this.room?.state;
    if (!state) return null;
    const { role, muted } = state.me;
    if (role === "viewer") return { why: role };
    if (muted && lasts(muted.until)) return { why: "muted", until: muted.until };
    return state.settings.chat_enabled ? null : { why: "chatOff" };
  }

  // People.

  get people(): Person[] {
    const state = this.room?.state;
    if (!state) return [];
    if (this.#folk?.from === state) return this.#folk.people;
    const byUser = new Map<string, Person>();
    for (const presence of state.presence.values()) {
      const known = byUser.get(presence.user);
      if (!known || RANK[presence.role] > RANK[known.role]) byUser.set(presence.user, this.#person(presence));
    }
    const people = [...byUser.values()];
    // Two people whose names look the same are told apart by their ids.
    const looks = new Map<string, number>();
    for (const { look } of people) looks.set(look, (looks.get(look) ?? 0) + 1);
    for (const each of people) if (looks.get(each.look)! > 1) each.name = `${each.name} (${cleanName(each.user)})`;
    for (const each of people) this.#names.set(each.user, each.name);
    people.sort((a, b) => RANK[b.role] - RANK[a.role] || a.name.localeCompare(b.name));
    this.#folk = { from: state, people };
    return people;
  }

  #person({ user, name, avatar, role }: Presence): Person {
    const picture = avatar && /^https:\/\//.test(avatar) ? avatar : null;
    const muted = lasts(this.#muted.get(user));
    return { user, name: cleanName(name), look: look(name), avatar: picture, role, own: user === this.user, muted };
  }

  nameOf(user: string): string {
    return this.#names.get(user) ?? cleanName(user);
  }

  /** Who is muted is not in the presence; moderators can ask. */
  async askMembers(): Promise<void> {
    const members: Member[] = await this.room!.members().catch(() => []);
    this.#muted = new Map(members.flatMap(({ user, muted }) => (muted ? [[user, muted.until]] : [])));
    this.#refresh();
  }

  #refresh(): void {
    this.#folk = null;
    this.#soon = void clearTimeout(this.#soon);
    this.#total = this.room!.state.presenceTotal;
    // A mute ends by itself and nobody tells: look again then.
    clearTimeout(this.#lapse);
    const ends = [...this.#muted.values(), this.room!.state.me.muted?.until].map(left).filter((ms) => ms > 0);
    if (ends.length) this.#lapse = setTimeout(() => this.#refresh(), Math.min(...ends, TIMER_MAX_MS));
    this.#events.room();
  }

  /** The people besides me who can read an audience. */
  others(audience: Audience): string[] {
    return audience.type === "users" ? audience.users.filter((user) => user !== this.user) : [];
  }

  // Messages.

  /** All messages, oldest first, mine on their way at the end. */
  get list(): Item[] {
    const { messages, pending } = this.timeline.view();
    const out = messages.map((message) => this.item(message));
    let last = out.length ? out[out.length - 1]!.at : 0;
    for (const each of pending) {
      const item = this.#pendingItem(each, last);
      last = item.at;
      out.push(item);
    }
    return out;
  }

  item(message: Message): Item {
    let item = this.#items.get(message);
    if (!item) {
      const { user, name } = message.sender;
      if (user && name && !this.#names.has(user)) this.#names.set(user, cleanName(name));
      const own = user !== null && user === this.user;
      item = {
        // The key of a message of mine is the same before and after it is stored, so its row stays.
        key: own && message.client_id ? `c ${message.client_id}` : message.id,
        seq: message.seq,
        user,
        audience: audienceKey(message.audience),
        at: Date.parse(message.posted_at),
        message,
        pending: null,
        own,
      };
      this.#items.set(message, item);
    }
    return item;
  }

  #pendingItem(pending: PendingMessage, notBefore: number): Item {
    let item = this.#items.get(pending);
    if (!item || item.at < notBefore) {
      const audience = audienceKey(withMe(pending.draft.audience ?? ROOM, this.user));
      const at = Math.max(pending.createdAt, notBefore);
      item = { key: `c ${pending.client_id}`, seq: null, user: this.user, audience, at, message: null, pending, own: true };
      this.#items.set(pending, item);
    }
    return item;
  }

  get hasOlder(): boolean {
    return this.timeline.view().gaps.length > 0;
  }

  /** Loads one page of what is missing nearest to the end; calls in quick succession share it. */
  loadOlder(limit = 100): Promise<void> {
    const gap = this.timeline.view().gaps.at(-1);
    if (!this.room || !gap) return Promise.resolve();
    this.#loading ??= this.room
      .history({ before: gap.before, limit })
      .then((page) => {
        // The same gap would be asked for again at once, without an end.
        if (page.more_before && !page.messages.length) throw Error("an empty page");
        this.timeline.add(page);
      })
      .finally(() => (this.#loading = null));
    return this.#loading;
  }

  /** The newest that match, so many at most. A page that is shorter than asked for is not the end. */
  async search(text: string, max = 50): Promise<Message[]> {
    const found: Message[] = [];
    for (;;) {
      const page = await this.room!.search({ text, limit: max - found.length, before: found.at(-1)?.seq });
      found.push(...page.messages);
      if (!page.more_before || !page.messages.length || found.length >= max) return found;
    }
  }

  /** One message as it is now; null if it is not ours to see. */
  message(id: string): Promise<Message | null> {
    return this.room!.message(id).catch((error: SidetalkError) => {
      if (error.code === "not_found") return null;
      throw error;
    });
  }

  /** Makes sure that a message is in the list; null if it is not ours to see. */
  async find(id: string): Promise<Item | null> {
    if (!this.timeline.get(id)) {
      const target = await this.message(id);
      if (!target) return null;
      while (!this.timeline.get(id) && this.timeline.view().gaps.some((gap) => gap.after < target.seq && target.seq < gap.before))
        await this.loadOlder(300);
    }
    const message = this.timeline.get(id);
    return message ? this.item(message) : null;
  }

  #listen(room: Room): void {
    const events = this.#events;
    room.on("state", ({ presenceTotal }) => {
      if (presenceTotal === this.#total) return this.#refresh();
      // The fuller the room, the less often all its people are looked through.
      this.#soon ??= setTimeout(() => this.#refresh(), presenceTotal);
    });
    room.on("message.posted", ({ message }) => {
      if (message.sender.connection) this.typists.delete(message.sender.connection);
      events.posted(message);
      events.typing();
    });
    room.on("typing", ({ from, active }) => {
      if (!from.connection || !from.user || from.user === this.user) return;
      if (from.name && !this.#names.has(from.user)) this.#names.set(from.user, cleanName(from.name));
      if (active) this.typists.set(from.connection, from.user);
      else this.typists.delete(from.connection);
      events.typing();
    });
    room.on("presence.left", ({ connection }) => {
      if (this.typists.delete(connection)) events.typing();
    });
    room.on("message.pinned", ({ message }) => void this.#pin(message));
    for (const type of ["message.unpinned", "message.deleted", "message.edited"] as const)
      room.on(type, ({ message }) => {
        const was = this.#unpin((each) => each.id === message);
        if (was && type === "message.edited") void this.#pin(message);
        events.rewritten(message);
      });
    room.on("history.cleared", ({ audience }) => {
      const key = audienceKey(audience);
      this.#unpin((each) => audienceKey(each.audience) === key);
      events.rewritten();
      if (key === "room") events.notice("cleared");
    });
    room.on("chat.disabled", () => events.notice("chatOff"));
    room.on("chat.enabled", () => events.notice("chatOn"));
    room.on("member.muted", ({ user, until }) => (this.#muted.set(user, until), this.#refresh()));
    room.on("member.unmuted", ({ user }) => (this.#muted.delete(user), this.#refresh()));
    room.on("reset", ({ joined }) => {
      this.pinned = [...(joined.pinned ?? [])];
      this.typists.clear();
      events.pins();
    });
    room.on("removed", ({ reason }) => {
      this.ended = reason;
      events.state();
    });
  }

  async #pin(id: string): Promise<void> {
    const message = this.timeline.get(id) ?? (await this.room!.message(id).catch(() => null));
    if (!message) return;
    this.pinned = [...this.pinned.filter((each) => each.id !== id), message];
    this.#events.pins();
  }

  #unpin(gone: (message: Message) => boolean): boolean {
    const left = this.pinned.filter((each) => !gone(each));
    const changed = left.length < this.pinned.length;
    this.pinned = left;
    if (changed) this.#events.pins();
    return changed;
  }
}

/** How long a mute still lasts; NaN if it has no end, or there is none. */
function left(until: string | null | undefined): number {
  return Date.parse(until ?? "") - Date.now();
}

function lasts(until: string | null | undefined): boolean {
  return until === null || left(until) > 0;
}

/** As the server will store it: the sender of a private message can read it too. */
function withMe(audience: Audience, user: string): Audience {
  return audience.type === "users" ? { type: "users", users: [...new Set([...audience.users, user])] } : audience;
}
