/*
 *   connect ──▶ exchange the token ──▶ join ──▶ sessionConnected ──▶ callback ──▶ connectionCreated: all, by time ──▶ history ──▶ live
 *                                                                                                                   │      ▲
 *                                                                            sessionReconnecting: the link is lost  ▼      │ sessionReconnected
 *   sessionDisconnected: disconnect(), being put out, or no way back in time ◀───────────── signals of the page wait, those of others are kept
 */
import { SidetalkClient } from "@sidetalk/client";
import type { Message, Presence, Room, Sender } from "@sidetalk/client";
import { textOf, textOfParts, told } from "@sidetalk/dropin";
import { Collection } from "./collection.js";
import { Connection, millisecondsOf } from "./connection.js";
import { OTError, connectFailed, invalidParameter, notConnected, notFound, ofConnecting, ofSignaling, permissionDenied } from "./errors.js";
import type * as E from "./events.js";
import { exchange } from "./exchange.js";
import type { Admission, Role } from "./exchange.js";
import { server } from "./home.js";
import { MediaSession, callbackOf, promising } from "./media.js";
import type { Completion } from "./media.js";
import { Queue, again } from "./queue.js";

/** What to send. All of it may be left out; without `to` it goes to everybody, you included. */
export interface Signal {
  type?: string | undefined;
  data?: string | undefined;
  to?: Target | readonly Target[] | undefined;
  /** `false`: while the connection is lost it fails instead of waiting. */
  retryAfterReconnect?: boolean | undefined;
}
/** A connection or its id. */
export type Target = Connection | string;

/** 1 or 0; undefined before you are connected. */
export interface Capabilities {
  forceDisconnect?: number;
  forceUnpublish?: number;
  forceMute?: number;
  publish?: number;
  subscribe?: number;
}

export interface SessionOptions {
  /** The comings and goings of others are not told. */
  connectionEventsSuppressed?: boolean | undefined;
  readonly [ignored: string]: unknown;
}

export interface SessionEvents {
  sessionConnected: E.SessionConnectEvent<Session>;
  sessionDisconnected: E.SessionDisconnectEvent<Session>;
  sessionReconnecting: E.Event<Session>;
  sessionReconnected: E.Event<Session>;
  connectionCreated: E.ConnectionEvent<Session>;
  connectionDestroyed: E.ConnectionEvent<Session> & { reason: string };
  signal: E.SignalEvent<Session>;
  [signal: `signal:${string}`]: E.SignalEvent<Session>;
}

export interface Connect {
  (token: string, callback?: Completion): Session;
  /** @deprecated The form of very old pages. */
  (apiKey: string | number, token: string, callback?: Completion): Session;
  promise(token: string): Promise<Session>;
}

/** A signal that was sent and not answered. */
interface UnderWay {
  readonly type: string | null;
  readonly data: string | undefined;
  /** Whether it comes back to us. */
  readonly echoes: boolean;
  /** It came back: whatever becomes of the answer, it was sent. */
  echoed: boolean;
}

const dialect = "opentok";
const connectMs = 30_000;
const keepSeconds = 30;
/** A little longer than the server keeps our place: it notices a loss later than we do. */
const awayMs = (keepSeconds + 5) * 1_000;
const waitingMax = 2_000;

/** Why somebody is gone. What is neither going nor being put out is a link that was lost. */
function reasonOf(reason: string): string {
  if (reason === "left") return "clientDisconnected";
  return /^(kicked|banned|removed|ended|room_)/.test(reason) ? "forceDisconnected" : "networkDisconnected";
}

/** A place in a session, from `connect()` to `sessionDisconnected`. It may be connected again then. */
export class Session extends MediaSession<SessionEvents> {
  declare sessionId: string;
  /** The same. */
  declare id: string;
  declare apiKey: string;
  declare token: string | undefined;
  /** Your own; stays as it was when you have left. */
  declare connection: Connection | undefined;
  capabilities: Capabilities = {};
  currentState: "disconnected" | "connecting" | "connected" | "reconnecting" = "disconnected";
  /** Everybody who is here, you included. */
  readonly connections = new Collection<Connection>();
  /** The callback hears of the end of it once: nothing, or the error. */
  readonly connect: Connect;
  readonly #options: SessionOptions;
  readonly #failed: (error: OTError, session: Session) => void;
  #entering: AbortController | undefined;
  #server = "";
  #admission: Admission | undefined;
  #client: SidetalkClient | undefined;
  /** There while connected, also while the link is lost. */
  #room: Room | undefined;
  /** Everybody who was ever seen, by id. */
  #people = new Map<string, Connection>();
  /** What must not be told yet: we are connected but the page does not know, or it is not clear whether we are back. */
  #held: (() => void)[] | undefined;
  #queue: Queue | undefined;
  readonly #underWay = new Set<UnderWay>();
  /** While the link is lost: settled when it is known what became of the signals that were under way. */
  #away: { readonly back: Promise<unknown>; readonly settle: (error?: OTError) => void } | undefined;
  #awayTimer: ReturnType<typeof setTimeout> | undefined;
  /** The type that people of this dialect used last in chat. */
  #label: string | undefined;

  /** @internal `failed` hears of what the page may want to know of in one place. */
  constructor(apiKey: string, sessionId: string, options: SessionOptions, failed: (error: OTError, session: Session) => void) {
    super();
    this.apiKey = apiKey;
    this.sessionId = this.id = sessionId;
    this.#options = options;
    this.#failed = failed;
    // In very old pages the key stands before the token.
    const begin = (args: unknown[]) => this.#connect(...((typeof args[1] === "string" ? args : [apiKey, ...args]) as [string, string]));
    const connect = (...args: unknown[]) => {
      // Who gives no callback listens to events.
      void told(begin(args), callbackOf(args) ?? (() => {}), undefined);
      return this;
    };
    this.connect = promising(connect, (...args) => begin(args).then(() => this)) as Connect;
  }

  get connected(): boolean {
    return this.is("connected");
  }

  isConnected(): boolean {
    return this.connected;
  }

  is(state: string | readonly string[]): boolean {
    return ([] as string[]).concat(state).includes(this.currentState);
  }

  /** Resolves, or calls back without an error, when the server has taken it. A chat message is stored by then. */
  signal(signal: Signal = {}, callback?: Completion): Promise<void> {
    const sending = this.#signal(signal).catch((thrown) => Promise.reject(ofSignaling(thrown, signal)));
    return told(sending, callback, undefined);
  }

  /** Puts somebody out; for moderators. */
  forceDisconnect(target: Target, callback?: Completion): Promise<void> {
    const putting = this.#putOut(target);
    putting.catch((error) => this.#failed(error, this));
    return told(putting, callback, undefined);
  }

  async disconnect(): Promise<void> {
    const room = this.#room;
    room?.leave().catch(() => {});
    // The page goes on first; it hears of it as it hears of everything.
    await undefined;
    if (room === this.#room) this.#over(reasonOf("left"));
  }

  async #connect(apiKey: string, token: string): Promise<void> {
    const { sessionId } = this;
    let entering: AbortController | undefined;
    let timer;
    try {
      if (this.currentState !== "disconnected") throw new OTError(1015, "OT_ILLEGAL_STATE", `the session is ${this.currentState}`);
      if (!apiKey || !sessionId || !token) throw new OTError(1011, invalidParameter, "a key, a session id and a token are needed");
      const { signal } = (entering = this.#entering = new AbortController());
      timer = setTimeout(() => entering!.abort(), connectMs);
      this.currentState = "connecting";
      this.apiKey = apiKey;
      this.token = token;
      const url = (this.#server = server());
      const admission = await exchange(url, { apiKey: String(apiKey), sessionId, token }, signal);
      const backoff = { firstMs: 400, longestMs: 5_000 };
      const client = (this.#client = new SidetalkClient({ url, token: admission.token, name: "sidetalk-opentok/0.1", keepSeconds, backoff }));
      await client.connect({ signal });
      const room = await client.join(admission.room, { history: admission.replayHistory, signal });
      this.#entered(client, room, admission);
    } catch (thrown) {
      if (entering && this.#entering === entering) this.#over("");
      const error = ofConnecting(thrown);
      this.#failed(error, this);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #entered(client: SidetalkClient, room: Room, admission: Admission): void {
    const { me, presence } = room.state;
    const { role, data, rates } = admission;
    this.#admission = admission;
    this.#room = room;
    this.#queue = new Queue({ waitingMax, ...rates });
    this.#people.clear();
    this.connections.clear();
    const own = (this.connection = this.#known(me.connection));
    own.creationTime = Date.now();
    this.capabilities = capabilitiesOf(role);
    this.currentState = "connected";
    this.connections.add(own);
    for (const one of presence.values()) if (this.#meet(one) !== own) this.connections.add(this.#meet(one));
    own.data = data;
    const all = this.connections.where().sort((a, b) => a.creationTime - b.creationTime);
    this.#held = all.map((connection) => () => this.#created(connection));
    for (const message of room.joined.history?.messages ?? []) this.#held.push(() => this.#posted(message, true));
    this.#listen(client, room);
    this.say("sessionConnected", { connections: all, streams: [] });
    // The page goes on first: its callback, or what stands behind its `await`.
    setTimeout(() => this.#release(room));
  }

  #listen(client: SidetalkClient, room: Room): void {
    const isHere = () => this.#room === room;
    const later = (run: () => void) => void (isHere() && (this.#held ? this.#held.push(run) : run()));
    room.on("presence.joined", ({ presence }) => later(() => this.#came(presence)));
    room.on("presence.left", ({ connection, reason }) => later(() => this.#went(connection, reasonOf(reason))));
    room.on("signal", ({ type, data, from }) => {
      this.#echo(from, type, textOf(data));
      later(() => this.#signalled(type, textOf(data), this.#person(from)));
    });
    room.on("message.posted", ({ message }) => {
      this.#echo(message.sender, message.label, textOfParts(message.parts));
      later(() => this.#posted(message, false));
    });
    room.on("removed", ({ reason }) => isHere() && this.#over(reasonOf(reason)));
    room.on("state", ({ status }) => {
      if (!isHere() || client.state.status === "closed") return;
      if (status === "offline") this.#lost();
      else if (status === "joined" && this.#away) this.#back(client, room);
    });
    client.on("state", (state) => isHere() && state.status === "closed" && this.#over(reasonOf(state.reason)));
  }

  #lost(): void {
    if (this.#away) return;
    let settle!: (error?: OTError) => void;
    this.#away = { back: new Promise((done) => (settle = done)), settle };
    this.#held ??= [];
    this.#queue!.hold();
    this.#awayTimer = setTimeout(() => this.#over(reasonOf("lost")), awayMs);
    this.currentState = "reconnecting";
    this.say("sessionReconnecting");
  }

  /** There is a link again. Only the same connection is a way back; what was missed in the log is held until that is clear. */
  #back(client: SidetalkClient, room: Room): void {
    const { me, presence, presenceTotal } = room.state;
    if (me.connection !== this.connection!.connectionId) return this.#over(reasonOf("lost"));
    const { settle } = this.#away!;
    const queue = this.#queue!;
    const isUnknown = client.state.status === "online" && !client.state.welcome.resumed;
    clearTimeout(this.#awayTimer);
    this.#away = undefined;
    this.currentState = "connected";
    this.say("sessionReconnected");
    // A server that was started anew has not kept our place, but gave us the same one: who is there may have changed.
    for (const { connectionId } of this.connections.where()) {
      if (presenceTotal === presence.size && !presence.has(connectionId)) this.#went(connectionId, reasonOf("lost"));
    }
    for (const one of presence.values()) this.#came(one);
    this.#release(room);
    // What was missed comes before this answer, and with it those signals of ours that the server had taken.
    client.request("ping").then(
      () => {
        settle(isUnknown ? new OTError(500, notConnected, "it is not known whether it was sent") : undefined);
        setTimeout(() => !this.#away && queue.release());
      },
      () => {},
    );
  }

  #release(room: Room): void {
    if (this.#room !== room || this.#away) return;
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const run of held) if (this.#room === room) run();
  }

  #over(reason: string): void {
    const [room, client, away] = [this.#room, this.#client, this.#away];
    const error = new OTError(500, notConnected, "the session is disconnected");
    clearTimeout(this.#awayTimer);
    this.#entering?.abort();
    this.#entering = this.#client = this.#room = this.#held = this.#away = this.#label = undefined;
    this.currentState = "disconnected";
    this.#queue?.fail(error);
    away?.settle(error);
    client?.close();
    if (!room) return;
    this.capabilities = {};
    this.say("sessionDisconnected", { reason });
    if (!this.#room) this.connections.clear();
  }

  #meet({ connection, dialect: speaks, data, server_data = "", joined_at }: Presence): Connection {
    const person = this.#known(connection);
    person.creationTime = millisecondsOf(joined_at);
    person.data = server_data || (speaks === dialect ? "" : data);
    return person;
  }

  #came(presence: Presence): void {
    const person = this.#meet(presence);
    if (this.connections.find(person)) return;
    this.connections.add(person);
    this.#created(person);
  }

  #created(connection: Connection): void {
    if (this.#isTold(connection)) this.say("connectionCreated", { connection });
  }

  #went(id: string, reason: string): void {
    const connection = this.#known(id);
    if (this.connections.remove(connection) && this.#isTold(connection)) this.say("connectionDestroyed", { connection, reason });
  }

  #isTold(connection: Connection): boolean {
    return connection === this.connection || !this.#options.connectionEventsSuppressed;
  }

  #posted({ id, seq, sender, label, parts, posted_at }: Message, replayed: boolean): void {
    const own = sender.dialect === dialect && label;
    if (own) this.#label = label;
    // If nobody has used a type yet, one that the page listens for is best.
    const type = own || this.#label || this.#admission!.chatTypes.find((one) => this.hears(`signal:${one}`)) || "chat";
    const more = { messageId: id, seq, serverTime: millisecondsOf(posted_at), replayed };
    this.#signalled(type, textOfParts(parts), this.#person(sender), more);
  }

  #signalled(type: string | null, data: string | undefined, from: Connection | null, more: object = {}): void {
    const name = type ? `signal:${type}` : "signal";
    const room = this.#room;
    this.say("signal", { data, from, ...more }, name);
    if (type && this.#room === room) this.say(name, { data, from, ...more });
  }

  /** `null` is the application's back end only; whoever else has no connection is named by the user's id. */
  #person({ connection, user }: Sender): Connection | null {
    const id = connection ?? user;
    if (!id) return null;
    return this.#known(id);
  }

  #known(id: string): Connection {
    let person = this.#people.get(id);
    if (!person) this.#people.set(id, (person = new Connection(id, 0, "")));
    return person;
  }

  #echo({ connection }: Sender, type: string | null, data = ""): void {
    if (connection !== this.connection!.connectionId) return;
    for (const one of this.#underWay) {
      if (!one.echoed && one.echoes && one.type === type && (one.data ?? "") === data) return void (one.echoed = true);
    }
  }

  async #signal({ type, data, to, retryAfterReconnect }: Signal): Promise<void> {
    const room = this.#room;
    if (!room) throw new OTError(500, notConnected, "wait for sessionConnected");
    const { role, typeBytesMax, dataBytesMax, chatTypes } = this.#admission!;
    if (role === "publisheronly") throw new OTError(403, permissionDenied, "a publisheronly may not do this");
    const typed = checked("type", type, typeBytesMax);
    if (/[\0-\x1f\x7f]/.test(typed ?? "")) throw new OTError(400, invalidParameter, "type has a control character");
    const text = checked("data", data, dataBytesMax);
    const ids = this.#ids(to);
    if (this.#away && retryAfterReconnect === false) throw new OTError(500, notConnected, "the connection is lost");
    const audience = ids ? { to: { type: "connections", connections: ids } as const } : {};
    const own = this.connection!.connectionId;
    const isChat = !ids && chatTypes.includes(typed!);
    await this.#queue!.add(async () => {
      const one: UnderWay = { type: typed || null, data: text, echoes: !ids || ids.includes(own), echoed: false };
      this.#underWay.add(one);
      try {
        await room.signal(one.type, text, audience);
      } catch (thrown) {
        if ((thrown as { code?: unknown }).code !== "connection_lost") throw thrown;
        const lost = await this.#away?.back;
        if (!one.echoed) throw lost ?? (one.echoes && retryAfterReconnect !== false ? again : thrown);
      } finally {
        this.#underWay.delete(one);
      }
    }, isChat);
  }

  /** The ids of those it goes to; `undefined`: everybody. What is meant for somebody never goes to everybody. */
  #ids(to: Signal["to"]): string[] | undefined {
    if (to === undefined) return undefined;
    const ids = ([] as unknown[]).concat(to).map((one) => (one as Connection | null)?.connectionId ?? (one as string));
    if (!ids.length || ids.some((id) => typeof id !== "string")) throw new OTError(400, invalidParameter, "to must name connections; without it, everybody is meant");
    for (const connectionId of ids) {
      if (!this.connections.find({ connectionId })) throw new OTError(404, notFound, `connection ${connectionId} is not in the session`);
    }
    return [...new Set(ids)];
  }

  async #putOut(target: Target): Promise<void> {
    if (!this.#room) throw new OTError(1010, notConnected, "wait for sessionConnected");
    if (!this.capabilities.forceDisconnect) throw new OTError(1520, permissionDenied, "only moderators may do this");
    const { token, room } = this.#admission!;
    const id = encodeURIComponent((target as Connection | null)?.connectionId ?? String(target));
    const answer = await fetch(`${this.#server}/api/v1/rooms/${encodeURIComponent(room)}/connections/${id}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${token}` },
    }).catch(() => ({ ok: false, status: 0 }));
    if (answer.ok) return;
    const name = { 0: connectFailed, 404: notFound, 422: notFound }[answer.status] ?? permissionDenied;
    throw new OTError(1520, name, `the server answered ${answer.status}`);
  }
}

function capabilitiesOf(role: Role): Capabilities {
  const moderates = Number(role === "moderator");
  const publish = Number(role !== "subscriber");
  const subscribe = Number(role !== "publisheronly");
  return { forceDisconnect: moderates, forceUnpublish: moderates, forceMute: moderates, publish, subscribe };
}

function checked(name: string, value: unknown, bytesMax: number): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw new OTError(400, invalidParameter, `${name} must be a text`);
  const { length } = new TextEncoder().encode(value);
  if (length > bytesMax) throw new OTError(413, invalidParameter, `${name} has ${length} bytes, at most ${bytesMax} are allowed`);
  return value;
}
