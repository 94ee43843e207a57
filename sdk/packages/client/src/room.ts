import { audienceKey } from "./audience.js";
import { abortable, call } from "./call.js";
import type { Gate } from "./call.js";
import { Emitter } from "./emitter.js";
import { SidetalkError } from "./errors.js";
import type { Link } from "./link.js";
import { Markers } from "./markers.js";
import { Outbox } from "./outbox.js";
import { reduceState } from "./state.js";
import { TypingSender, TypingWatch } from "./typing.js";
import type * as T from "./types.js";

/** What a room needs of its client. */
export interface RoomHost {
  readonly gate: Gate;
  readonly queueLimit: number;
  /** The role and groups that the token gives. */
  readonly profile: () => Pick<T.Profile, "role" | "groups"> | undefined;
  /** The first join was answered. */
  readonly joined: (room: Room) => void;
  /** The room is of no use any more. */
  readonly gone: (room: Room, error: SidetalkError) => void;
}

type Wanted = { readonly [K in Exclude<keyof T.JoinOptions, keyof T.CallOptions>]: T.JoinOptions[K] | undefined };

/** Refusals of a join that pass by themselves. */
const passing = new Set(["unavailable", "rate_limited", "unauthenticated", "token_expired"]);
/** Ends of a stay after which one may come back. */
const comesBack = new Set(["draining", "lost", "expired"]);

/**
 * A room that is joined, over any number of links. Made by `client.join()`.
 *
 * Entries of the log are emitted in the order of their `seq`, each once, also when they were missed and replayed.
 */
export class Room extends Emitter<T.RoomEvents> {
  readonly name: string;
  readonly #host: RoomHost;
  readonly #wanted: Wanted;
  readonly #outbox: Outbox;
  readonly #typing: TypingSender;
  readonly #typists: TypingWatch;
  readonly #markers: Markers;
  readonly #gate: Gate;
  readonly #gateListeners = new Set<() => void>();
  #joined: T.Joined | undefined;
  #state: T.RoomState | undefined;
  #status: T.RoomStatus = "offline";
  #gone: SidetalkError | undefined;
  #link: Link | undefined;
  #lastSeq = 0;
  /** The last link was lost while we were in. */
  #wasIn = false;
  #retryTimer: unknown;
  /** Holds back what follows the first join until the one who joins has had a chance to listen. */
  #held: T.Notification[] | undefined;

  /** @internal */
  constructor(host: RoomHost, name: string, wanted: Wanted) {
    super();
    this.name = name;
    this.#host = host;
    this.#wanted = wanted;
    const { environment } = host.gate;
    this.#typists = new TypingWatch(environment);
    this.#gate = {
      environment,
      timeoutMs: host.gate.timeoutMs,
      link: () => this.#gone ?? this.#joinedLink() ?? closedOnly(host.gate.link()),
      changed: (listener) => {
        this.#gateListeners.add(listener);
        const unlisten = host.gate.changed(listener);
        return () => (this.#gateListeners.delete(listener), unlisten());
      },
    };
    this.#typing = new TypingSender(environment, (active, audience) =>
      this.#joinedLink()?.notify("typing.set", { room: name, active, audience }),
    );
    this.#markers = new Markers((seq, audience) => this.#call("receipt.set", { seq, audience }));
    this.#outbox = new Outbox({
      room: name,
      environment,
      limit: host.queueLimit,
      send: (draft, answer) => {
        const link = this.#joinedLink();
        link?.request("message.post", { room: name, ...draft }, answer);
        return !!link;
      },
      seen: (seq) => seq <= this.#lastSeq,
      changed: (change, message) => this.emit("pending", { change, message }),
    });
  }

  /** The last answer to a join: history, pinned messages and unread counts as of then. */
  get joined(): T.Joined {
    return this.#joined!;
  }

  get state(): T.RoomState {
    return this.#state!;
  }

  /** Your messages that are not in the log yet, oldest first. */
  get pending(): readonly T.PendingMessage[] {
    return this.#outbox.pending;
  }

  /** The highest `seq` that was seen. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  // Messages.

  /**
   * Shows at once as pending; resolves when it is stored. It is sent again over lost links until the server has
   * answered, and stored once. `rate_limited` is waited out; `slow_mode` and other refusals fail it.
   */
  post(draft: string | T.Draft, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<T.Posted> {
    const full = typeof draft === "string" ? { text: draft } : draft;
    this.#typing.set(false, full.audience);
    return this.#outbox.add(full, signal);
  }

  edit(message: string, edit: string | T.Edit, options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("message.edit", { message, ...(typeof edit === "string" ? { text: edit } : edit) }, options);
  }

  delete(message: string, options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("message.delete", { message }, options);
  }

  pin(message: string, options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("message.pin", { message }, options);
  }

  unpin(message: string, options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("message.unpin", { message }, options);
  }

  react(message: string, emoji: string, options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("reaction.add", { message, emoji }, options);
  }

  unreact(message: string, emoji: string, options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("reaction.remove", { message, emoji }, options);
  }

  /** One message as it is now. */
  async message(id: string, options?: T.CallOptions): Promise<T.Message> {
    return (await this.#call<{ message: T.Message }>("message.get", { message: id }, options)).message;
  }

  async history(query: T.HistoryQuery = {}, options?: T.CallOptions): Promise<T.HistoryPage> {
    let asOf = 0;
    const params = { room: this.name, ...query };
    const page = await call<T.Page>(this.#gate, "room.history", params, options, () => (asOf = this.#lastSeq));
    return { ...page, query, asOf };
  }

  /** Newest first. */
  search(query: string | T.SearchQuery, options?: T.CallOptions): Promise<T.Page> {
    return this.#call("room.search", typeof query === "string" ? { text: query } : query, options);
  }

  // What is not kept, or only for you.

  /**
   * Resolves with where it was stored if the type is a chat type, else with `null`. A signal is sent at most once. With
   * `confirm: false` nothing is awaited: quicker, and refusals are not told.
   */
  async signal(
    type: string | null,
    data?: unknown,
    { to, confirm = true, ...options }: T.CallOptions & { to?: T.SignalTarget | undefined; confirm?: boolean } = {},
  ): Promise<Omit<T.Posted, "repeated"> | null> {
    const params = { type: type ?? undefined, data, to };
    if (!confirm) {
      this.#joinedLink()?.notify("signal.send", { room: this.name, ...params });
      return null;
    }
    const { message } = await this.#call<{ message?: Omit<T.Posted, "repeated"> }>("signal.send", params, options);
    return message ?? null;
  }

  /** Call it at every key press; others are told at most every 3 s, and that it has ended after 5 s without a call. */
  typing(active: boolean, { audience }: { audience?: T.Audience | undefined } = {}): void {
    this.#typing.set(active, audience);
  }

  /** Resolves with where the marker stands. It only moves forward; calls in quick succession are joined. */
  markRead(seq: number, { audience, signal }: { audience?: T.Audience | undefined; signal?: AbortSignal | undefined } = {}): Promise<number> {
    return abortable(this.#markers.mark(seq, audience), signal);
  }

  async unread(options?: T.CallOptions): Promise<T.Unread[]> {
    return (await this.#call<{ unread: T.Unread[] }>("room.unread", {}, options)).unread;
  }

  // The room and its people.

  enableChat(options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("chat.enable", {}, options);
  }

  disableChat(options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("chat.disable", {}, options);
  }

  /** Removes all messages of exactly this audience, for everybody. */
  clearHistory({ audience, ...options }: T.CallOptions & { audience?: T.Audience | undefined } = {}): Promise<T.Changed> {
    return this.#call("history.clear", { audience }, options);
  }

  async update(changes: T.RoomChanges, options?: T.CallOptions): Promise<T.RoomInfo> {
    return (await this.#call<{ room: T.RoomInfo }>("room.update", changes, options)).room;
  }

  async members(options?: T.CallOptions): Promise<T.Member[]> {
    return (await this.#call<{ members: T.Member[] }>("member.list", {}, options)).members;
  }

  mute(user: string, { durationS, ...options }: T.CallOptions & { durationS?: number | undefined } = {}): Promise<T.Changed> {
    return this.#call("member.mute", { user, duration_s: durationS }, options);
  }

  unmute(user: string, options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("member.unmute", { user }, options);
  }

  kick(user: string, options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("member.kick", { user }, options);
  }

  ban(user: string, { durationS, ...options }: T.CallOptions & { durationS?: number | undefined } = {}): Promise<T.Changed> {
    return this.#call("member.ban", { user, duration_s: durationS }, options);
  }

  unban(user: string, options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("member.unban", { user }, options);
  }

  invite(user: string, options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("member.invite", { user }, options);
  }

  addMember(user: string, options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("member.add", { user }, options);
  }

  /** `null`: the role of the user's token. */
  setRole(user: string, role: T.Role | null, options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("member.set_role", { user, role }, options);
  }

  setGroups(user: string, groups: readonly string[], options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("member.set_groups", { user, groups }, options);
  }

  acceptInvitation(options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("membership.accept", {}, options);
  }

  leaveMembership(options?: T.CallOptions): Promise<T.Changed> {
    return this.#call("membership.leave", {}, options);
  }

  /** Goes out of the room. It counts at once; the object is of no use afterwards. */
  async leave(options?: T.CallOptions): Promise<void> {
    // Also while it is being joined again: that request is on its way.
    const link = this.#link;
    const { gate } = this.#host;
    this.end("left", SidetalkError.closed("you have left the room"));
    // Without a link there is nothing to leave: the server has seen us go.
    if (link && gate.link() === link) await call(gate, "room.leave", { room: this.name }, options);
  }

  // For the client.

  /** @internal There is a link: join on it, unless the server has kept our place. */
  enter(link: Link, resumed?: boolean): void {
    this.#link = link;
    this.#environment.clearTimeout(this.#retryTimer);
    if (resumed && this.#wasIn) {
      this.#become("joined");
      this.emit("resumed", { events: 0 });
      return this.#ready(false);
    }
    this.#become("joining");
    const params = { room: this.name, ...this.#wanted, position: this.#state?.position };
    const current = () => link === this.#link && !this.#gone;
    link.request("room.join", params, {
      done: (result: T.JoinResult) => current() && this.#entered(result),
      failed: (error) => current() && this.#refused(link, error),
    });
  }

  /** @internal The link is lost. */
  offline(): void {
    this.#release();
    this.#link = undefined;
    this.#environment.clearTimeout(this.#retryTimer);
    this.#typing.clear();
    if (this.#status !== "offline") this.#wasIn = this.#status === "joined";
    this.#become("offline");
  }

  /** @internal The client is closed, but may start again. */
  suspend(error: SidetalkError): void {
    this.offline();
    this.#outbox.fail(error, false);
  }

  /** @internal A notification of this room, in the order of arrival. */
  receive(notification: T.Notification): void {
    if (this.#held) this.#held.push(notification);
    else if (notification.method === "room.removed") this.#removed(String(notification.params["reason"]));
    // What comes before the answer to our join is in that answer.
    else if (this.#status === "joined") this.#happened(notification.method, notification.params);
  }

  /** @internal Nothing comes any more. */
  end(status: "left" | "removed", error: SidetalkError): void {
    if (this.#gone) return;
    this.#gone = error;
    this.#link = undefined;
    this.#held = undefined;
    this.#environment.clearTimeout(this.#retryTimer);
    this.#typing.clear();
    this.#typists.clear();
    this.#become(status);
    this.#outbox.fail(error, true);
    this.#wake();
    this.#host.gone(this, error);
  }

  get #environment(): T.Environment {
    return this.#host.gate.environment;
  }

  #call<R = T.Changed>(method: string, params: object, options?: T.CallOptions): Promise<R> {
    return call<R>(this.#gate, method, { room: this.name, ...params }, options);
  }

  #joinedLink(): Link | undefined {
    return this.#status === "joined" ? this.#link : undefined;
  }

  #entered(result: T.JoinResult): void {
    const first = !this.#joined;
    const fresh = result.resume !== "ok";
    const reset = fresh && result.resume !== "none" ? result.resume : undefined;
    if (fresh) this.#lastSeq = Math.max(0, ...(result.history?.messages ?? []).map((message) => message.seq));
    if (reset) this.#markers.clear();
    const presence = new Map((result.presence ?? []).map((one) => [one.connection, one]));
    const { room, me, position } = result;
    const state: T.RoomState = {
      status: "joined",
      room,
      settings: room.settings,
      me,
      presence,
      presenceTotal: result.presence_total ?? presence.size,
      position,
    };
    // The missed entries lead from the state that was known to this one.
    this.#status = "joined";
    this.#state ??= state;
    for (const { method, params } of result.events) this.#happened(method, params);
    if (this.#gone) return;
    this.#state = state;
    this.#joined = { ...result, asOf: this.#lastSeq };
    if (reset) this.emit("reset", { reason: reset, joined: this.#joined });
    this.emit("state", state);
    if (!first && !reset) this.emit("resumed", { events: result.events.length });
    if (this.#gone) return;
    if (first) this.#hold();
    this.#ready(true);
  }

  /** `all`: everything up to now was told. */
  #ready(all: boolean): void {
    this.#outbox.settle(all);
    this.#outbox.pump();
    this.#wake();
  }

  /** Calls that wait for the room look again. */
  #wake(): void {
    for (const listener of [...this.#gateListeners]) listener();
  }

  #hold(): void {
    this.#held = [];
    this.#host.joined(this);
    this.#environment.setTimeout(() => this.#release(), 0);
  }

  #release(): void {
    const held = this.#held;
    this.#held = undefined;
    for (const notification of held ?? []) this.receive(notification);
  }

  #refused(link: Link, error: SidetalkError): void {
    // Our own lost connection may still count as one of the people in a full room.
    if (passing.has(error.code) || (error.code === "room_full" && this.#joined)) {
      return this.#enterLater(link, error.retryAfterMs);
    }
    // The link is lost; there will be another.
    if (error.code === "connection_lost") return;
    this.end("removed", error);
    this.emit("removed", { reason: error.code, error });
  }

  #enterLater(link: Link, ms = 1_000 + this.#environment.random() * 2_000): void {
    this.#retryTimer = this.#environment.setTimeout(() => this.#host.gate.link() === link && this.enter(link), ms);
  }

  #removed(reason: string): void {
    const link = this.#link;
    if (link && comesBack.has(reason)) {
      this.offline();
      return this.#enterLater(link, undefined);
    }
    this.end("removed", SidetalkError.closed(reason));
    this.emit("removed", { reason });
  }

  #happened(method: string, params: Record<string, unknown>): void {
    const { seq, position, message } = params as { seq?: number; position?: string; message?: T.Message };
    const logged = typeof position === "string" && typeof seq === "number";
    if (logged) {
      if (seq <= this.#lastSeq) return;
      this.#lastSeq = seq;
    }
    this.#advance(method, params, logged ? position : undefined);
    this.emit(method as "signal", params as never);
    if (method === "message.posted" && message?.sender.user === this.#state!.me.user) {
      this.#outbox.posted(message, position!);
    }
    if (logged) this.#outbox.settle(false);
  }

  /** What the event means for the state and for this connection, before it is told. */
  #advance(method: string, params: Record<string, unknown>, position: string | undefined): void {
    if (method === "typing") this.#heardTyping(params as unknown as T.RoomEvents["typing"]);
    if (method === "receipt.set") this.#markers.moved(params["seq"] as number, params["audience"] as T.Audience);
    const before = this.#state!;
    let state = reduceState(before, method, params as never, this.#host.profile());
    if (position !== undefined) {
      if (state === before) (state as { position: string }).position = position;
      else state = { ...state, position };
    }
    if (state === before) return;
    this.#state = state;
    this.emit("state", state);
  }

  #heardTyping(event: T.RoomEvents["typing"]): void {
    const key = `${event.from.connection ?? event.from.user} ${audienceKey(event.audience)}`;
    this.#typists.heard(key, event.active, () => this.emit("typing", { ...event, active: false }));
  }

  #become(status: T.RoomStatus): void {
    if (this.#status === status) return;
    this.#status = status;
    if (!this.#state) return;
    this.#state = { ...this.#state, status };
    this.emit("state", this.#state);
  }
}

function closedOnly(link: Link | SidetalkError | undefined): SidetalkError | undefined {
  return link instanceof SidetalkError ? link : undefined;
}
