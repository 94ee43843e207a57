import assert from "node:assert/strict";
import { SidetalkClient } from "../client.js";
import type { Room } from "../room.js";
import { SidetalkError } from "../errors.js";
import type { ClientOptions, JoinOptions, NetworkEvents, Welcome, WebSocketConstructor, WebSocketLike } from "../types.js";
import { TestClock, settled } from "./clock.js";

export interface Request {
  readonly id?: number;
  readonly method: string;
  readonly params: Record<string, any>;
}

/** One end of a socket, played by the test: what the client sends is in `inbox`, in order, until it is taken. */
export class Peer implements WebSocketLike {
  readyState = 0;
  onopen: ((event: any) => void) | null = null;
  onmessage: ((event: any) => void) | null = null;
  onclose: ((event: any) => void) | null = null;
  onerror: ((event: any) => void) | null = null;
  readonly inbox: Request[] = [];
  readonly url: string;
  readonly protocols: unknown;
  closedByClient = false;

  constructor(url: string, protocols: unknown) {
    this.url = url;
    this.protocols = protocols;
  }

  send(text: string): void {
    assert.equal(this.readyState, 1, "sent on a socket that is not open");
    this.inbox.push(JSON.parse(text) as Request);
  }

  close(): void {
    this.closedByClient = true;
    this.readyState = 3;
  }

  async open(): Promise<void> {
    this.readyState = 1;
    this.onopen?.({});
    await settled();
  }

  /** The next request; it must have that method. */
  take(method: string): Request {
    const request = this.inbox.shift();
    assert.equal(request?.method, method, `expected ${method}, got ${JSON.stringify(request)}`);
    return request!;
  }

  async say(...frames: unknown[]): Promise<void> {
    for (const frame of frames) this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
    await settled();
  }

  answer(request: Request, result: object): Promise<void> {
    return this.say({ jsonrpc: "2.0", id: request.id, result });
  }

  refuse(request: Request, code: string, retry_after_ms?: number): Promise<void> {
    return this.say({ jsonrpc: "2.0", id: request.id, error: { code: -32000, message: code, data: { code, retry_after_ms } } });
  }

  notify(method: string, params: object): Promise<void> {
    return this.say({ jsonrpc: "2.0", method, params });
  }

  async drop(code = 1006, reason = ""): Promise<void> {
    this.readyState = 3;
    this.onclose?.({ code, reason });
    await settled();
  }
}

/** A client, its clock, and the sockets that it opens. */
export class Stage {
  readonly clock = new TestClock();
  readonly peers: Peer[] = [];
  readonly client: SidetalkClient;
  readonly states: string[] = [];

  constructor(options: Partial<ClientOptions> = {}, network?: NetworkEvents) {
    const { peers } = this;
    class Socket extends Peer {
      constructor(url: string, protocols: unknown) {
        super(url, protocols);
        peers.push(this);
      }
    }
    this.client = new SidetalkClient({
      url: "https://chat.example.org/base/",
      token: "t1",
      WebSocket: Socket as unknown as WebSocketConstructor,
      environment: { ...this.clock, network },
      ...options,
    });
    this.client.on("state", (state) => this.states.push(state.status));
  }

  /** The client's `connect()`; the test may look at its end later. */
  connect(options: { signal?: AbortSignal } = {}): Promise<Welcome> {
    const connecting = this.client.connect(options);
    connecting.catch(() => {});
    return connecting;
  }

  get peer(): Peer {
    return this.peers.at(-1)!;
  }

  /** Welcomes the client on its newest socket. */
  async welcome(): Promise<Peer> {
    await settled();
    const peer = this.peer;
    await peer.open();
    await peer.answer(peer.take("connect"), welcome());
    return peer;
  }

  async online(): Promise<Peer> {
    const connecting = this.client.connect();
    const peer = await this.welcome();
    await connecting;
    return peer;
  }

  /** Online and in a room. */
  async room(options: JoinOptions = {}, result: object = {}): Promise<{ room: Room; peer: Peer }> {
    const peer = await this.online();
    const joining = this.client.join("r", options);
    await peer.answer(peer.take("room.join"), joinResult(result));
    const room = await joining;
    await this.clock.pass(0);
    return { room, peer };
  }

  /** The link breaks, the next one is up, and the rejoin is answered. */
  async rejoin(result: object): Promise<Peer> {
    await this.peer.drop();
    await this.clock.pass(1_000);
    const peer = await this.welcome();
    await peer.answer(peer.take("room.join"), joinResult(result));
    return peer;
  }
}

export function welcome(): object {
  return {
    connection: "conn-alice",
    project: "100001",
    user: { id: "alice", name: "Alice", avatar: null, role: "member", groups: [] },
    server_time: time(0),
    token_expires_at: time(9_999),
    ping_interval_ms: 25_000,
    limits: { frame_bytes: 65_536, text_bytes: 16_384, signal_bytes: 8_192, page: 300, outbox_bytes: 1_048_576 },
  };
}

export function joinResult(result: object = {}): object {
  return {
    room: {
      name: "r",
      kind: "session",
      title: null,
      created_at: time(0),
      settings: { chat_enabled: true, slow_mode_s: null, private_chat: "everyone", retention_s: null },
    },
    position: "e-0",
    me: { connection: "conn-alice", user: "alice", role: "member", groups: [], muted: null },
    resume: "none",
    events: [],
    history: { messages: [], more_before: false },
    presence: [],
    ...result,
  };
}

export function time(seq: number): string {
  return new Date(Date.UTC(2026, 0, 1) + seq * 1_000).toISOString().replace("Z", "000Z");
}

export function sender(user: string): object {
  return { user, name: user, connection: `conn-${user}` };
}

export function message(seq: number, user = "bob", more: object = {}): any {
  return {
    id: `m${seq}`,
    seq,
    sender: sender(user),
    audience: { type: "room" },
    parts: [{ type: "text", text: `text ${seq}`, format: "plain" }],
    mentions: [],
    reply_to: null,
    label: null,
    client_id: null,
    posted_at: time(seq),
    edited_at: null,
    deleted_at: null,
    pin: null,
    reactions: [],
    ...more,
  };
}

/** An entry of the log as a notification. */
export function entry(seq: number, method: string, more: object = {}, user = "bob"): { method: string; params: any } {
  return { method, params: { room: "r", position: `e-${seq}`, seq, at: time(seq), by: sender(user), ...more } };
}

export function posted(seq: number, user = "bob", more: object = {}): { method: string; params: any } {
  return entry(seq, "message.posted", { message: message(seq, user, more) }, user);
}

/** Expects a rejection with this code. */
export async function rejects(promise: Promise<unknown>, code: string): Promise<SidetalkError> {
  const error = await promise.then(
    () => assert.fail(`expected ${code}, but it resolved`),
    (thrown: unknown) => thrown,
  );
  assert(error instanceof SidetalkError, String(error));
  assert.equal(error.code, code);
  return error;
}
