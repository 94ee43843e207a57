import { abortable, call } from "./call.js";
import type { Gate } from "./call.js";
import { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { systemEnvironment } from "./environment.js";
import { SidetalkError } from "./errors.js";
import { Room } from "./room.js";
import type { RoomHost } from "./room.js";
import type {
  CallOptions,
  ClientEvents,
  ClientOptions,
  ClientState,
  JoinOptions,
  Notification,
  RoomSummary,
  Welcome,
} from "./types.js";

interface Entry {
  readonly room: Room;
  readonly ready: Promise<Room>;
  readonly resolve: (room: Room) => void;
  readonly reject: (error: SidetalkError) => void;
}

const version = "0.1.0";

/**
 * A connection to a Sidetalk server that stays up by itself, and the rooms on it. Nothing is touched outside before
 * `connect()`, so that it may be made anywhere, also while a page is rendered on a server.
 */
export class SidetalkClient extends Emitter<ClientEvents> {
  readonly #connection: Connection;
  readonly #gate: Gate;
  readonly #host: RoomHost;
  readonly #entries = new Map<string, Entry>();
  readonly #rooms = new Map<string, Room>();

  constructor(options: ClientOptions) {
    super();
    const environment = { ...systemEnvironment(), ...options.environment };
    const name = [options.name, `sidetalk-client/${version}`].filter(Boolean).join(" ");
    const connection = new Connection(options, environment, name);
    this.#connection = connection;
    this.#gate = {
      environment,
      timeoutMs: options.timeoutMs ?? 30_000,
      link: () => (connection.state.status === "closed" ? connection.state.error : connection.link),
      changed: (listener) => connection.on("state", listener),
    };
    this.#host = {
      gate: this.#gate,
      queueLimit: options.queueLimit ?? 100,
      profile: () => (connection.state.status === "online" ? connection.state.welcome.user : undefined),
      joined: (room) => this.#joined(room),
      gone: (room, error) => this.#gone(room, error),
    };
    // Rooms first, so that whoever hears of a state finds them in it.
    connection.on("state", (state) => this.#follow(state));
    connection.on("notification", (notification) => this.#route(notification));
    connection.on("*", (event, type) => type === "state" || type === "notification" || this.emit(type, event as never));
  }

  /** Where the connection stands. */
  get state(): ClientState {
    return this.#connection.state;
  }

  /** The rooms that are joined, by name. */
  get rooms(): ReadonlyMap<string, Room> {
    return this.#rooms;
  }

  /**
   * Resolves when the server has welcomed us, and goes on trying until then. Rejects when trying is of no use (a refused
   * token, a ban), or when it is aborted, which closes the client.
   */
  connect({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<Welcome> {
    if (signal?.aborted) return Promise.reject(SidetalkError.aborted(signal.reason));
    return new Promise((resolve, reject) => {
      const settle = (state: ClientState) => {
        if (state.status === "online") resolve(state.welcome);
        else if (state.status === "closed") reject(state.error);
        else return;
        unlisten();
        signal?.removeEventListener("abort", abort);
      };
      const abort = () => this.#connection.stop("aborted", SidetalkError.aborted(signal?.reason));
      signal?.addEventListener("abort", abort);
      this.#connection.start();
      const unlisten = this.#connection.on("state", settle);
      settle(this.state);
    });
  }

  /** While offline: tries at once, not only when the pause is over (`retryAt`). In other states it does no harm. */
  retryNow(): void {
    this.#connection.retryNow();
  }

  /** Ends the connection and leaves all rooms. */
  close(): void {
    const error = SidetalkError.closed("closed");
    for (const { room } of [...this.#entries.values()]) room.end("left", error);
    this.#connection.stop("closed", error);
  }

  /**
   * Joins a room, and joins it again after each lost link, with nothing missed. Joining twice gives the same room.
   * Whoever adds listeners right after the `await` misses no event.
   */
  join(name: string, options: JoinOptions = {}): Promise<Room> {
    const { signal, timeoutMs = this.#gate.timeoutMs, history, presence, unread, pinned, data } = options;
    if (signal?.aborted) return Promise.reject(SidetalkError.aborted(signal.reason));
    const link = this.#gate.link();
    if (link instanceof SidetalkError) return Promise.reject(link);
    const known = this.#entries.get(name);
    if (known) return abortable(known.ready, signal);
    const room = new Room(this.#host, name, { history, presence, unread, pinned, data });
    this.#entries.set(name, entry(room));
    if (link) room.enter(link);
    return this.#within(timeoutMs, room, signal);
  }

  /** The `direct` and `group` rooms that you are in or invited to. */
  async listRooms(options?: CallOptions): Promise<RoomSummary[]> {
    return (await this.request<{ rooms: RoomSummary[] }>("room.list", {}, options)).rooms;
  }

  /** Any request of the native API by name. Waits for a link, and is sent again if the link is lost. */
  request<T = unknown>(method: string, params: object = {}, options?: CallOptions): Promise<T> {
    return call<T>(this.#gate, method, params, options);
  }

  #follow(state: ClientState): void {
    const { link } = this.#connection;
    for (const { room } of [...this.#entries.values()]) {
      if (link) room.enter(link, state.status === "online" && state.welcome.resumed);
      else if (state.status !== "closed") room.offline();
      else if (this.#rooms.has(room.name)) room.suspend(state.error);
      else room.end("left", state.error);
    }
    this.emit("state", state);
  }

  #route(notification: Notification): void {
    const { room } = notification.params;
    if (typeof room === "string") this.#entries.get(room)?.room.receive(notification);
    this.emit("notification", notification);
  }

  #joined(room: Room): void {
    this.#rooms.set(room.name, room);
    this.#entries.get(room.name)?.resolve(room);
  }

  #gone(room: Room, error: SidetalkError): void {
    const known = this.#entries.get(room.name);
    if (known?.room !== room) return;
    this.#entries.delete(room.name);
    this.#rooms.delete(room.name);
    known.reject(error);
  }

  /** The first join; if it is given up the room is left, whether we are in by then or not. */
  #within(ms: number, room: Room, signal: AbortSignal | undefined): Promise<Room> {
    const { environment } = this.#gate;
    const giveUp = (error: SidetalkError) => {
      room.end("left", error);
      const { link } = this.#connection;
      link?.request("room.leave", { room: room.name }, { done: () => {}, failed: () => {} });
    };
    const abort = () => giveUp(SidetalkError.aborted(signal?.reason));
    const timer = environment.setTimeout(() => giveUp(SidetalkError.offlineTimeout(ms)), ms);
    signal?.addEventListener("abort", abort);
    return this.#entries.get(room.name)!.ready.finally(() => {
      environment.clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    });
  }
}

function entry(room: Room): Entry {
  const made = { room } as { -readonly [K in keyof Entry]: Entry[K] };
  made.ready = new Promise<Room>((resolve, reject) => Object.assign(made, { resolve, reject }));
  made.ready.catch(() => {});
  return made;
}
