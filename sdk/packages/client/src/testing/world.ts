import { Timeline } from "../timeline.js";
import { applyEntry } from "../timeline/apply.js";
import type { MessageEntryType } from "../timeline/apply.js";
import { audienceKey } from "../audience.js";
import type { HistoryPage, HistoryQuery, LogEvents, Message } from "../types.js";
import { mulberry } from "./chance.js";
import { entry, posted } from "./server.js";

type Logged = { method: string; params: any };

const audiences = [{ type: "room" }, { type: "group", group: "staff" }, { type: "users", users: ["alice", "bob"] }] as const;
const users = ["alice", "bob", "carol"];

/**
 * A server with a log, a wire that delivers in order but late, and pages that are on their way for any time; all drawn
 * from a seed. The server's own state is folded from its log here, in the most simple-minded way.
 */
export class World {
  readonly timeline = new Timeline();
  readonly #random: () => number;
  readonly #log: Logged[] = [];
  /** The server's messages after each entry of the log. */
  readonly #states: Message[][] = [[]];
  /** How many entries the client has. */
  #delivered = 0;
  #onTheWay: HistoryPage[] = [];

  constructor(seed: number) {
    this.#random = mulberry(seed);
    for (let i = this.#below(60); i > 0; i--) this.#write();
    this.#join();
  }

  /** What the server has now. */
  messages(): Message[] {
    return this.#messagesAt(this.#log.length);
  }

  step(): void {
    const dice = this.#below(100);
    if (dice < 45) this.#write();
    else if (dice < 75) this.#deliver();
    else if (dice < 85) this.#ask();
    else if (dice < 95) this.#arrive();
    else if (dice < 98) this.#replay();
    else this.#join();
  }

  /** Everything arrives, and what is still missing is loaded. */
  finish(): void {
    while (this.#onTheWay.length) this.#arrive();
    while (this.#delivered < this.#log.length) this.#deliver();
    for (let gap; (gap = this.timeline.view().gaps.at(-1)); ) {
      this.timeline.add(this.#page({ before: gap.before, limit: 7 }, this.#delivered, this.#log.length));
    }
  }

  #write(): void {
    const seq = this.#log.length + 1;
    const alive = this.messages().filter((one) => !one.deleted_at);
    const target = alive[this.#below(alive.length)];
    const dice = this.#below(20);
    const user = users[this.#below(users.length)]!;
    if (!target || dice < 9) this.#log.push(posted(seq, user, { audience: this.#pick(audiences) }));
    else if (dice === 9) this.#log.push(entry(seq, "chat.disabled"));
    else if (dice === 10 && this.#below(4) === 0) this.#log.push(entry(seq, "history.cleared", { audience: this.#pick(audiences) }));
    else this.#log.push(this.#about(seq, target, user, dice));
  }

  #about(seq: number, target: Message, user: string, dice: number): Logged {
    const about = { message: target.id, message_seq: target.seq, audience: target.audience };
    if (dice < 13) return entry(seq, "message.edited", { ...about, parts: [{ type: "text", text: `edit ${seq}`, format: "plain" }], mentions: [] });
    if (dice < 14) return entry(seq, "message.deleted", about);
    if (dice < 16) return entry(seq, target.pin ? "message.unpinned" : "message.pinned", about);
    const emoji = this.#pick(["👍", "🎉"]);
    const has = target.reactions.some((reaction) => reaction.emoji === emoji && reaction.users.includes(user));
    return entry(seq, has ? "reaction.removed" : "reaction.added", { ...about, emoji }, user);
  }

  #deliver(): void {
    if (this.#delivered < this.#log.length) this.#apply(this.#log[this.#delivered++]!);
  }

  /** The link was lost: what the client has not got comes as it is read back now, some of it for the second time. */
  #replay(): void {
    const from = Math.max(0, this.#delivered - this.#below(3));
    const now = new Map(this.messages().map((one) => [one.id, one]));
    for (const logged of this.#log.slice(from)) {
      const message = logged.params.message?.id && now.get(logged.params.message.id);
      if (logged.method === "message.posted") {
        // A cleared message cannot be read back.
        if (message) this.#apply({ ...logged, params: { ...logged.params, message } });
      } else this.#apply(logged);
    }
    this.#delivered = this.#log.length;
    // What was asked on the old link is asked again on the new one.
    this.#onTheWay = this.#onTheWay.map((page) => this.#page(page.query, this.#delivered, this.#log.length));
  }

  /** The client joins, or is told to begin anew. */
  #join(): void {
    this.#onTheWay = [];
    this.#delivered = this.#log.length;
    const all = this.messages();
    const given = all.slice(Math.max(0, all.length - this.#below(12)));
    // A room that was joined with an empty page knows no `seq` before the first entry.
    const asOf = given.length || this.#below(2) ? this.#delivered : undefined;
    this.timeline.reset({ messages: given, more_before: given.length < all.length }, asOf);
  }

  #ask(): void {
    const seq = 1 + this.#below(this.#log.length + 1);
    const limit = 1 + this.#below(8);
    const queries: HistoryQuery[] = [{ before: seq }, { after: seq }, { around: seq }, {}, { pinned: true }, { before: seq, audience: this.#pick(audiences) }];
    // It is read at any moment from now on; here: now, or as it will be, by asking again when it arrives.
    this.#onTheWay.push(this.#page({ ...this.#pick(queries), limit }, this.#delivered, this.#log.length));
  }

  #arrive(): void {
    const [page] = this.#onTheWay.splice(this.#below(this.#onTheWay.length), 1);
    if (!page) return;
    const readLate = this.#below(2) === 0;
    this.timeline.add(readLate ? this.#page(page.query, page.asOf, this.#log.length) : page);
  }

  #page(query: HistoryQuery, asOf: number, readAt: number): HistoryPage {
    const { before, after: behind, around, audience, pinned } = query;
    // A page has fewer messages than asked for where they are large; one at least.
    const limit = 1 + this.#below(query.limit!);
    const wanted = this.#messagesAt(readAt).filter(
      (one) => (!audience || audienceKey(one.audience) === audienceKey(audience)) && (!pinned || one.pin),
    );
    let from = Math.max(0, wanted.length - limit);
    if (before !== undefined) from = Math.max(0, wanted.filter((one) => one.seq < before).length - limit);
    if (behind !== undefined) from = wanted.filter((one) => one.seq <= behind).length;
    if (around !== undefined) from = Math.max(0, wanted.filter((one) => one.seq < around).length - (limit >> 1));
    const end = before !== undefined ? wanted.filter((one) => one.seq < before).length : from + limit;
    const messages = wanted.slice(from, end);
    return { messages, more_before: from > 0, more_after: end < wanted.length, query, asOf };
  }

  #messagesAt(length: number): Message[] {
    for (let i = this.#states.length; i <= length; i++) this.#states.push(after(this.#states[i - 1]!, this.#log[i - 1]!));
    return this.#states[length]!;
  }

  #apply({ method, params }: Logged): void {
    this.timeline.apply(method as keyof LogEvents, params);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)]!;
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }
}

function after(messages: Message[], { method, params }: Logged): Message[] {
  if (method === "message.posted") return [...messages, params.message];
  if (method === "history.cleared") {
    return messages.filter((one) => audienceKey(one.audience) !== audienceKey(params.audience));
  }
  if (!params.message) return messages;
  return messages.map((one) => (one.id === params.message ? applyEntry(one, method as MessageEntryType, params) : one));
}
