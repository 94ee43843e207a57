/*
 *   connect ──▶ exchange the token ──▶ join ──▶ connectionCreated: own, those present ──▶ history, if asked for ──▶ live
 *                                                   ▲                                                                │
 *                    reconnected, who came and went │                                       reconnecting (link lost) │
 *                                                   └────────────────────────────────────────────────────────────────┘
 *   sessionDisconnected: disconnect(), being put out, or a link that cannot come back. connect() may be called again then.
 */
import { SidetalkClient } from "@sidetalk/client";
import type { Message, Presence, Room, Sender } from "@sidetalk/client";
import { textOf, textOfParts, told } from "@sidetalk/dropin";
import { Connection, dataOf, nameOf } from "./connection.js";
import { OpenViduError } from "./errors.js";
import type { Callback } from "./errors.js";
import { OpenViduEvent } from "./events.js";
import { exchange } from "./exchange.js";
import type { Admission } from "./exchange.js";
import { serverOf } from "./home.js";
import { MediaSession } from "./media.js";
import { Queue } from "./queue.js";

/** What to send. Without `type` it is `signal`; without `to`, or with an empty one, it goes to everybody, you included. */
export interface Signal {
  readonly data?: unknown;
  readonly to?: readonly Connection[] | undefined;
  readonly type?: string | undefined;
}

export interface Capabilities {
  readonly subscribe: boolean;
  readonly publish: boolean;
  readonly forceDisconnect: boolean;
  readonly forceUnpublish: boolean;
}

const connectMs = 30_000;
/** For how long the server keeps our place when the link is lost. */
const keepSeconds = 30;
const dialect = "openvidu";

/** Why somebody is gone; everything else is a link that was lost. */
const reasons: Record<string, string> = {
  left: "disconnect",
  kicked: "forceDisconnectByUser",
  banned: "forceDisconnectByUser",
  removed: "forceDisconnectByServer",
  ended_by_project: "forceDisconnectByServer",
  ended: "sessionClosedByServer",
  room_deleted: "sessionClosedByServer",
  room_gone: "sessionClosedByServer",
  draining: "openviduServerStopped",
};
const reasonOf = (reason: string) => reasons[reason] ?? "networkDisconnect";

/** A stay in a session, from `connect()` to `sessionDisconnected`. */
export class Session extends MediaSession {
  sessionId: string | undefined;
  /** Your own; stays as it was when you have left. */
  connection: Connection | undefined;
  capabilities: Capabilities = capabilitiesOf(undefined);
  /** The others, by `connectionId`. */
  readonly remoteConnections = new Map<string, Connection>();
  #entering: AbortController | undefined;
  #server = "";
  #admission: Admission | undefined;
  #client: SidetalkClient | undefined;
  /** There while connected, also while the link is lost. */
  #room: Room | undefined;
  #away = false;
  /** What must not be told yet: we are connected but the page does not know, or we are back but who is there is not told. */
  #held: (() => void)[] | undefined;
  readonly #queue = new Queue();
  /** The type that people of this dialect used last in chat. */
  #label: string | undefined;

  /** @internal */
  constructor(sessionId?: string) {
    super();
    this.sessionId = sessionId;
  }

  /**
   * Metadata is told to the others: a text as it is, anything else as JSON. Resolves when everybody present has been told by
   * `connectionCreated`. Instead of metadata, or behind it, there may be a callback.
   */
  connect(token: string, metadata?: unknown, callback?: Callback): Promise<void> {
    const [data, call] = typeof metadata === "function" ? [callback, metadata as Callback] : [metadata, callback];
    return told(this.#connect(token, data), typeof call === "function" ? call : undefined, null);
  }

  /** Resolves, or calls back with `null`, when the server has taken it. A chat message is stored by then. */
  signal(signal: Signal = {}, callback?: Callback): Promise<void> {
    return told(this.#signal(signal), callback, null);
  }

  /** Puts somebody out; for moderators. */
  forceDisconnect(connection: Connection): Promise<void> {
    return this.#putOut(connection);
  }

  disconnect(): void {
    this.#room?.leave().catch(() => {});
    this.#over("disconnect");
  }

  async #connect(token: string, metadata: unknown): Promise<void> {
    if (this.#entering) throw new OpenViduError(104, "connect() was called already");
    const entering = (this.#entering = new AbortController());
    const { signal } = entering;
    const timer = setTimeout(() => entering.abort(), connectMs);
    try {
      const data = !metadata || typeof metadata === "string" ? metadata || "" : JSON.stringify(metadata);
      const server = serverOf(token);
      const admission = await exchange(server, token, data as string, signal);
      const client = new SidetalkClient({ url: server, token: admission.token, name: "sidetalk-openvidu/0.1", keepSeconds });
      this.#client = client;
      await client.connect({ signal });
      const history = admission.replayHistory ?? 0;
      const room = await client.join(admission.room, { history, data: data as string, signal });
      this.#server = server;
      this.#admission = admission;
      this.#entered(client, room, data as string);
    } catch (thrown) {
      if (this.#entering === entering) this.#over("");
      throw OpenViduError.from(thrown);
    } finally {
      clearTimeout(timer);
    }
  }

  #entered(client: SidetalkClient, room: Room, data: string): void {
    const { session, connectionId, role, serverData } = this.#admission!;
    const { me, presence } = room.state;
    const joinedAt = presence.get(me.connection)?.joined_at;
    const own = new Connection(me.connection, dataOf(data, serverData), joinedAt ? Date.parse(joinedAt) : Date.now(), connectionId, role);
    this.sessionId = session;
    this.connection = own;
    this.capabilities = capabilitiesOf(role);
    this.#room = room;
    this.#away = false;
    this.#held = (room.joined.history?.messages ?? []).map((message) => () => this.#posted(message, true));
    const isHere = () => this.#room === room;
    const later = (run: () => void) => void (isHere() && (this.#held ? this.#held.push(run) : run()));
    room.on("presence.joined", (event) => later(() => this.#came(event.presence)));
    room.on("presence.left", ({ connection, reason }) => later(() => this.#went(nameOf(connection), reasonOf(reason))));
    room.on("signal", ({ type, data, from }) => later(() => this.#tell(type, textOf(data), this.#person(from, false))));
    room.on("message.posted", ({ message }) => later(() => this.#posted(message, false)));
    room.on("removed", ({ reason }) => isHere() && this.#over(reasonOf(reason)));
    room.on("state", ({ status }) => {
      if (!isHere() || client.state.status === "closed") return;
      if (status === "offline") this.#lost();
      else if (status === "joined" && this.#away) this.#back(room);
    });
    client.on("state", (state) => isHere() && state.status === "closed" && this.#over(reasonOf(state.reason)));
    this.#say("connectionCreated", { connection: own });
    for (const one of presence.values()) this.#came(one);
    // The page goes on first: its callback, or what stands behind its `await`.
    setTimeout(() => isHere() && !this.#away && this.#release(room));
  }

  #lost(): void {
    if (this.#away) return;
    this.#away = true;
    this.#held ??= [];
    this.#say("reconnecting");
  }

  /**
   * There is a link again. Only the same connection is a way back: the others know us by its name. What was missed in the log is
   * held until it is clear who is there.
   */
  #back(room: Room): void {
    const { me, presence, presenceTotal } = room.state;
    if (me.connection !== this.connection!.uuid) return this.#over(reasonOf("lost"));
    this.#away = false;
    this.#say("reconnected");
    const names = new Set([...presence.keys()].map(nameOf));
    // A list that is cut says nothing of those who are not in it.
    const gone = presenceTotal > presence.size ? [] : [...this.remoteConnections.keys()].filter((name) => !names.has(name));
    for (const name of gone) this.#went(name, "networkDisconnect");
    for (const one of presence.values()) this.#came(one);
    this.#release(room);
  }

  #release(room: Room): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const run of held) if (this.#room === room) run();
  }

  #over(reason: string): void {
    const wasConnected = this.#room;
    const client = this.#client;
    this.#entering?.abort();
    this.#entering = this.#client = this.#room = this.#held = this.#label = undefined;
    client?.close();
    if (wasConnected) this.#say("sessionDisconnected", { reason });
    if (!this.#room) this.remoteConnections.clear();
  }

  #came({ connection, dialect: speaks, data, server_data, name, joined_at }: Presence): void {
    const known = this.remoteConnections.has(nameOf(connection));
    if (!this.#room || known || connection === this.connection!.uuid) return;
    // People of other dialects have a name instead; pages look for it here.
    const clientData = speaks === dialect || data ? data : JSON.stringify({ clientData: name });
    const person = new Connection(connection, dataOf(clientData, server_data), Date.parse(joined_at));
    this.remoteConnections.set(person.connectionId, person);
    this.#say("connectionCreated", { connection: person });
  }

  #went(name: string, reason: string): void {
    const connection = this.remoteConnections.get(name);
    if (this.remoteConnections.delete(name)) this.#say("connectionDestroyed", { connection, reason });
  }

  #posted({ sender, label, parts }: Message, past: boolean): void {
    const own = sender.dialect === dialect && label;
    if (own) this.#label = label;
    this.#tell(own || this.#label || this.#admission!.chatType, textOfParts(parts), this.#person(sender, past));
  }

  #tell(type: string | null, data: string | undefined, from: Connection | undefined): void {
    const event = new OpenViduEvent(type ?? "signal", this, { data, from });
    if (type) this.dispatch(`signal:${type}`, event);
    this.dispatch("signal", event);
  }

  /** Of the past only those count who are still here. A live one without a sender is the server's, and only that. */
  #person({ connection }: Sender, past: boolean): Connection | undefined {
    if (!connection) return undefined;
    if (connection === this.connection!.uuid) return this.connection;
    return this.remoteConnections.get(nameOf(connection)) ?? (past ? undefined : new Connection(connection, "", 0));
  }

  async #signal({ data, to, type }: Signal): Promise<void> {
    const room = this.#room;
    if (!room) throw OpenViduError.notConnected();
    // A single connection is taken for a list of one: what is meant for somebody must never go to everybody.
    const targets = ([] as unknown[]).concat(to || []).map((one) => this.#target(one, 601).uuid);
    const text = !data || typeof data === "string" ? data || "" : JSON.stringify(data);
    const name = String(type || "").replace(/^signal:/, "") || "signal";
    const audience = targets.length ? { to: { type: "connections", connections: [...new Set(targets)] } as const } : {};
    await this.#queue.add(() => room.signal(name, text, audience)).catch((error) => Promise.reject(OpenViduError.from(error)));
  }

  async #putOut(connection: Connection): Promise<void> {
    if (!this.#room) throw OpenViduError.notConnected();
    if (!this.capabilities.forceDisconnect) throw new OpenViduError(401, "only moderators may do this");
    const { uuid } = this.#target(connection, 102);
    const { token, room } = this.#admission!;
    const answer = await fetch(`${this.#server}/api/v1/rooms/${encodeURIComponent(room)}/connections/${uuid}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${token}` },
    }).catch((error) => Promise.reject(OpenViduError.from(error)));
    if (!answer.ok) throw new OpenViduError({ 403: 401, 404: 102 }[answer.status] ?? 10, `the server answered ${answer.status}`);
  }

  /** Anything that has the id of a connection which is here, or is that id. */
  #target(one: unknown, code: number): Connection {
    const id = (one as Connection | null)?.connectionId ?? one;
    const found = id === this.connection!.connectionId ? this.connection : this.remoteConnections.get(id as string);
    if (!found) throw new OpenViduError(code, `connection ${id} is not in the session`);
    return found;
  }

  #say(type: string, more: object = {}): void {
    this.dispatch(type, new OpenViduEvent(type, this, more));
  }
}

function capabilitiesOf(role: string | undefined): Capabilities {
  const moderates = role === "MODERATOR";
  return { subscribe: !!role, publish: moderates || role === "PUBLISHER", forceDisconnect: moderates, forceUnpublish: moderates };
}
