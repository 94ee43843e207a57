/**
 * `@sidetalk/client/timeline`: the messages of a room in their order, whatever order pages of history and events come
 * in. It asks for nothing itself: give it the room (`attach`) and the pages that you have loaded (`add`), and draw
 * `view()`. An entry of its own, so that it costs nothing where it is not used.
 *
 * Why merging is safe: the entries of the log come in order, so every message that is known is as of the last entry,
 * `seen`. A page is as of *at least* its `asOf`. So what is known stays; what is not known is taken from the page and the
 * entries since `asOf` are applied to it again, which does no harm if the page was ahead.
 */
import { audienceKey } from "./audience.js";
import { applyEntry } from "./timeline/apply.js";
import type { MessageEntry, MessageEntryType } from "./timeline/apply.js";
import { cover, gapsOf, pageRange, unite } from "./timeline/coverage.js";
import type { Gap, Range } from "./timeline/coverage.js";
import { Emitter } from "./emitter.js";
import type { Unsubscribe } from "./emitter.js";
import type { Room } from "./room.js";
import type { Audience, HistoryPage, LogEvents, Message, PendingMessage } from "./types.js";

export { audienceKey } from "./audience.js";
export type { Gap } from "./timeline/coverage.js";

export interface TimelineChange {
  /** `reset`: draw everything anew. `messages`: these ids came, changed or went. `pending`: only pending messages. */
  readonly kind: "reset" | "messages" | "pending";
  readonly ids: readonly string[];
}

/** One conversation, or all. The same object as long as nothing has changed. */
export interface TimelineView {
  /** Ascending by `seq`. A message that has not changed is the same object as before. */
  readonly messages: readonly Message[];
  /** Yours on their way, to be drawn at the end. */
  readonly pending: readonly PendingMessage[];
  /** Where messages are missing, ascending; `gaps[0].after === 0`: there are older ones. */
  readonly gaps: readonly Gap[];
}

export interface Conversation {
  readonly audience: Audience;
  /** `audienceKey(audience)` */
  readonly key: string;
  readonly last: Message;
}

/** Entries about messages that are not known are kept for pages that are on their way; so many. */
const strayMax = 2_000;
const all = "";

export class Timeline extends Emitter<{ change: TimelineChange }> {
  readonly #byId = new Map<string, Message>();
  /** Ascending by `seq`. */
  #ordered: Message[] = [];
  #seen = 0;
  /** From where on every entry has come live. */
  #live: number | undefined;
  #strays: { type: MessageEntryType; event: MessageEntry }[] = [];
  /** Up to which `seq` each audience was cleared. */
  readonly #cleared = new Map<string, number>();
  /** Which parts of the log are known completely, by conversation; `all` for every conversation. */
  readonly #covered = new Map<string, Range[]>();
  #pending: readonly PendingMessage[] = [];
  /** Own sends that have arrived. */
  readonly #arrived = new Set<string>();
  #me: string | undefined;
  readonly #views = new Map<string, TimelineView>();
  #conversations: Conversation[] | undefined;

  /** Takes the room's history and everything that happens in it from now on. */
  attach(room: Room): Unsubscribe {
    this.#me = room.state.me.user;
    const { joined } = room;
    // Entries that came before us cannot be made up for: then begin at the end, with a gap.
    const complete = joined.history && joined.asOf === room.lastSeq;
    this.#begin(complete ? joined.history : undefined, room.lastSeq);
    if (joined.pinned) this.add({ messages: joined.pinned, asOf: joined.asOf, query: { pinned: true }, more_before: true, more_after: true });
    this.setPending(room.pending);
    return room.on("*", (event, type) => {
      if (type === "pending") this.setPending(room.pending);
      else if (type === "reset") this.#begin(room.joined.history ?? undefined, room.lastSeq);
      else if ("seq" in event && "position" in event) this.apply(type as keyof LogEvents, event as never);
    });
  }

  /** A page of `room.history()`. */
  add(page: HistoryPage): void {
    const ids = this.#take(page.messages, page.asOf);
    if (!page.query.pinned) {
      const key = page.query.audience ? audienceKey(page.query.audience) : all;
      this.#cover(key, pageRange(page));
    }
    this.#changed({ kind: "messages", ids });
  }

  /** One entry of the log. Those that were applied already are passed over. */
  apply<K extends keyof LogEvents>(type: K, event: LogEvents[K]): void {
    if (event.seq <= this.#seen) return;
    this.#seen = event.seq;
    if (this.#live === undefined) this.#goLive(event.seq);
    if (type === "message.posted") {
      // Read back from the store it is the message as it is now, so entries that follow may be in it already.
      const ids = this.#take([(event as LogEvents["message.posted"]).message], event.seq);
      if (ids.length) this.#changed({ kind: "messages", ids });
    } else if (type === "history.cleared") {
      this.#clear(audienceKey(event.audience), event.seq);
    } else if ("message_seq" in event) {
      this.#touch(type as MessageEntryType, event as MessageEntry);
    }
  }

  /** Forgets all but pending messages and takes this history instead, which is complete up to `asOf`. */
  reset(history?: { readonly messages: readonly Message[]; readonly more_before: boolean }, asOf?: number): void {
    this.#begin(history, asOf ?? history?.messages.at(-1)?.seq ?? 0);
  }

  setPending(pending: readonly PendingMessage[]): void {
    this.#pending = pending;
    this.#changed({ kind: "pending", ids: [] });
  }

  get(id: string): Message | undefined {
    return this.#byId.get(id);
  }

  /** The known messages that are pinned, ascending. */
  pinned(): Message[] {
    return this.#ordered.filter((message) => message.pin && !message.deleted_at);
  }

  /** All messages, or those of one audience. */
  view(audience?: Audience): TimelineView {
    const key = audience ? audienceKey(audience) : all;
    let view = this.#views.get(key);
    if (!view) this.#views.set(key, (view = this.#look(key)));
    return view;
  }

  /** The audiences that messages are known of, the most recent first. */
  conversations(): Conversation[] {
    if (!this.#conversations) {
      const found = new Map<string, Conversation>();
      for (const message of this.#ordered) {
        const key = audienceKey(message.audience);
        found.set(key, { audience: message.audience, key, last: message });
      }
      this.#conversations = [...found.values()].sort((a, b) => b.last.seq - a.last.seq);
    }
    return this.#conversations;
  }

  #begin(history: { readonly messages: readonly Message[]; readonly more_before: boolean } | null | undefined, seen: number): void {
    this.#byId.clear();
    this.#ordered = [];
    this.#seen = seen;
    this.#strays = [];
    this.#cleared.clear();
    this.#covered.clear();
    this.#take(history?.messages ?? [], seen);
    const first = history ? (history.more_before ? history.messages[0]?.seq : 0) : undefined;
    this.#live = undefined;
    // Of a room that nothing is known of, not even its length, the first entry will tell.
    if (first !== undefined || seen) this.#goLive(first ?? seen + 1);
    this.#changed({ kind: "reset", ids: [] });
  }

  #take(messages: readonly Message[], asOf: number): string[] {
    const added: Message[] = [];
    for (const message of messages) {
      const known = this.#byId.has(message.id);
      const cleared = (this.#cleared.get(audienceKey(message.audience)) ?? 0) > message.seq;
      if (cleared || (known && asOf <= this.#seen)) continue;
      const current = this.#caughtUp(message, asOf);
      if (known) this.#replace(current);
      else added.push(current);
      this.#byId.set(message.id, current);
      if (message.client_id && message.sender.user === this.#me) this.#arrived.add(message.client_id);
    }
    this.#insert(added);
    return added.map((message) => message.id);
  }

  /** The message of a page with the entries since that page. */
  #caughtUp(message: Message, asOf: number): Message {
    let current = message;
    for (const { type, event } of this.#strays) {
      if (event.message === message.id && event.seq > asOf) current = applyEntry(current, type, event);
    }
    return current;
  }

  #insert(added: Message[]): void {
    if (!added.length) return;
    const inOrder = added.every((message, i) => message.seq > (i ? added[i - 1]!.seq : (this.#ordered.at(-1)?.seq ?? 0)));
    this.#ordered.push(...added);
    if (!inOrder) this.#ordered.sort((a, b) => a.seq - b.seq);
  }

  #touch(type: MessageEntryType, event: MessageEntry): void {
    const message = this.#byId.get(event.message);
    if (!message) {
      this.#strays.push({ type, event });
      if (this.#strays.length > strayMax) this.#strays.splice(0, strayMax / 2);
      return;
    }
    const changed = applyEntry(message, type, event);
    if (changed === message) return;
    this.#byId.set(changed.id, changed);
    this.#replace(changed);
    this.#changed({ kind: "messages", ids: [changed.id] });
  }

  #replace(message: Message): void {
    let low = 0;
    let high = this.#ordered.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ordered[middle]!.seq < message.seq) low = middle + 1;
      else high = middle;
    }
    if (this.#ordered[low]?.id === message.id) this.#ordered[low] = message;
  }

  #clear(key: string, seq: number): void {
    this.#cleared.set(key, seq);
    const gone = this.#ordered.filter((message) => message.seq < seq && audienceKey(message.audience) === key);
    for (const { id } of gone) this.#byId.delete(id);
    this.#ordered = this.#ordered.filter(({ id }) => this.#byId.has(id));
    this.#changed({ kind: "messages", ids: gone.map(({ id }) => id) });
  }

  #goLive(from: number): void {
    this.#live = from;
    this.#cover(all, { from, to: Infinity });
  }

  #cover(key: string, range: Range | undefined): void {
    if (range) this.#covered.set(key, cover(this.#covered.get(key) ?? [], range));
  }

  /** A message outside of what is covered (a pinned one, one of another conversation's page) would stand in a wrong place. */
  #look(key: string): TimelineView {
    const ranges = key === all ? (this.#covered.get(all) ?? []) : unite(this.#covered.get(all), this.#covered.get(key));
    let at = 0;
    const messages = this.#ordered.filter((message) => {
      while (at < ranges.length && ranges[at]!.to < message.seq) at++;
      const inside = at < ranges.length && ranges[at]!.from <= message.seq;
      return inside && (key === all || audienceKey(message.audience) === key);
    });
    const pending = this.#pending.filter(
      (one) => !this.#arrived.has(one.client_id) && (key === all || this.#keyOf(one.draft.audience) === key),
    );
    return { messages, pending, gaps: gapsOf(ranges) };
  }

  /** The server adds the sender to the users of an audience. */
  #keyOf(audience: Audience | undefined): string {
    if (audience?.type !== "users" || this.#me === undefined) return audienceKey(audience);
    return audienceKey({ type: "users", users: [...audience.users, this.#me] });
  }

  #changed(change: TimelineChange): void {
    this.#views.clear();
    this.#conversations = undefined;
    this.emit("change", change);
  }
}
