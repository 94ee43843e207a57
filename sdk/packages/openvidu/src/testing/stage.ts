import { vi } from "vitest";
import { entry, joinResult, message, time, welcome } from "../../../client/src/testing/server.js";
import type { Peer } from "../../../client/src/testing/server.js";
import { settled } from "../../../client/src/testing/clock.js";
import { Outside, rejected } from "../../../dropin/src/testing/stage.js";
import type { OpenViduEvent } from "../events.js";
import { OpenVidu } from "../openvidu.js";
import type { Session } from "../session.js";

export { staged } from "../../../dropin/src/testing/stage.js";

export const token = "wss://chat.example.org?sessionId=ses_A&token=tok_Q0123456789abcde";
export const me = "6f766964-7500-8000-8000-000000000001";
export const bob = "6f766964-7500-8000-8000-00000000002a";
export const carol = "11111111-2222-4333-8444-555555555555";

/** An answer of the exchange. */
export const admission = {
  token: "jwt",
  room: "r",
  session: "ses_A",
  connectionId: "con_Me12345678",
  role: "PUBLISHER",
  serverData: "",
  chatType: "chat",
};

export function person(connection: string, more: object = {}): object {
  const known = { user: connection, name: "Someone", avatar: null, role: "member", groups: [], dialect: "openvidu", data: "" };
  return { connection, ...known, joined_at: time(1), ...more };
}

export function from(connection: string | null, more: object = { dialect: "openvidu" }): object {
  return { user: connection, name: "Someone", connection, ...more };
}

/** A chat message as a notification. */
export function posted(seq: number, text: string, sender: object, more: object = {}): { method: string; params: any } {
  const parts = [{ type: "text", text, format: "plain" }];
  return entry(seq, "message.posted", { message: message(seq, "", { sender, parts, ...more }) });
}

/** A page's session, and the other end of all that it opens. */
export class Stage extends Outside {
  readonly session: Session = new OpenVidu().initSession();
  readonly heard: string[] = [];

  constructor() {
    super(admission);
  }

  /** Notes every event of these names as text. */
  listen(...names: string[]): string[] {
    for (const name of names) this.session.on(name, (event) => this.heard.push(described(name, event)));
    return this.heard;
  }

  /** Greets the client on its newest socket, and gives back what it said first. */
  async greet(more: object = {}) {
    await settled();
    await this.peer.open();
    const hello = this.peer.take("connect");
    await this.peer.answer(hello, { ...welcome(), ...more });
    return hello;
  }

  /** The same, as somebody whom the server has not kept; gives back its request to join. */
  async welcome(more: object = {}) {
    await this.greet(more);
    return this.peer.take("room.join");
  }

  async answerJoin(request: { id?: number; method: string; params: Record<string, any> }, result: object = {}): Promise<void> {
    const known = { me: { connection: me, user: "u", role: "member", groups: [], muted: null }, presence: [person(me, { joined_at: time(5) })] };
    await this.peer.answer(request, joinResult({ ...known, ...result }));
  }

  /** Connected, and past the turn in which the page hears of it. */
  async connect(result: object = {}, metadata?: unknown): Promise<Peer> {
    const connecting = this.session.connect(token, metadata);
    await this.answerJoin(await this.welcome(), result);
    await connecting;
    await vi.advanceTimersByTimeAsync(0);
    return this.peer;
  }

  /** The link breaks and the next one is up; gives back the request to join again. */
  async reconnect() {
    await this.peer.drop();
    await vi.advanceTimersByTimeAsync(1_000);
    return this.welcome();
  }
}

function described(name: string, { type, connection, data, reason, from }: OpenViduEvent): string {
  const said = name === type || name === `signal:${type}` ? [name] : [name, type];
  return [...said, connection?.connectionId, data, reason, from && `from ${from.connectionId}`].filter(Boolean).join(" ");
}

export function rejects(promise: Promise<unknown>, code: number, name = "GENERIC_ERROR"): Promise<unknown> {
  return rejected(promise, code, name);
}
