import { expect, vi } from "vitest";
import { settled } from "../../../client/src/testing/clock.js";
import { entry, joinResult, message, time, welcome } from "../../../client/src/testing/server.js";
import type { Peer, Request } from "../../../client/src/testing/server.js";
import { Outside, rejected } from "../../../dropin/src/testing/stage.js";
import { OT } from "../index.js";
import type { SessionOptions } from "../session.js";

export { staged } from "../../../dropin/src/testing/stage.js";

export const me = "11111111-0000-4000-8000-000000000001";
export const bob = "11111111-0000-4000-8000-000000000002";
export const carol = "11111111-0000-4000-8000-000000000003";

/** An answer of the exchange. */
export const admission = {
  token: "jwt",
  room: "1_MX4",
  connection: me,
  role: "publisher",
  data: "mine",
  dataBytesMax: 8_192,
  typeBytesMax: 128,
  replayHistory: 0,
  chatTypes: ["chat", "msg", "text-chat", "my-chat"],
  rates: { chat: [20, 5], signals: [60, 20], requests: [250, 45] },
};

export function person(connection: string, more: object = {}): object {
  const known = { user: `ot-${connection}`, name: "Guest", avatar: null, role: "member", groups: [], dialect: "opentok", data: "" };
  return { connection, ...known, joined_at: time(1), ...more };
}

export function from(connection: string | null, more: object = { dialect: "opentok" }): object {
  return { user: connection && `ot-${connection}`, name: "Guest", connection, ...more };
}

/** A chat message as a notification. */
export function posted(seq: number, text: string, sender: object, more: object = {}): { method: string; params: any } {
  const { method, params } = entry(seq, "message.posted", { message: message(seq, "", { sender, parts: [{ type: "text", text, format: "plain" }], ...more }) });
  return { method, params: { ...params, room: "1_MX4" } };
}

/** A page's session, and the other end of all that it opens. */
export class Stage extends Outside {
  readonly session: OT.Session;
  readonly heard: string[] = [];

  constructor(options: SessionOptions = {}) {
    super(admission);
    OT.setProxyUrl("https://chat.example.org/");
    this.session = OT.initSession("100001", "1_MX4", options);
  }

  /** Notes every event of these names as text. */
  listen(...names: string[]): string[] {
    for (const name of names) {
      this.session.on(name, ({ type, connection, data, reason, from: sender }) => {
        const said = name === type ? [name] : [name, type];
        this.heard.push([...said, connection?.connectionId, data, reason, sender && `from ${sender.connectionId}`].filter(Boolean).join(" "));
      });
    }
    return this.heard;
  }

  /** Welcomes the client on its newest socket. */
  async welcome(more: object = { resume: "secret" }): Promise<Request> {
    await settled();
    await this.peer.open();
    const hello = this.peer.take("connect");
    await this.peer.answer(hello, { ...welcome(), ...more });
    return hello;
  }

  async answerJoin(result: object = {}): Promise<void> {
    const known = { me: { connection: me, user: "u", role: "member", groups: [], muted: null }, presence: [person(me, { joined_at: time(5) })] };
    await this.peer.answer(this.peer.take("room.join"), joinResult({ ...known, ...result }));
  }

  /** Connected, and past the turn in which the page hears of it. */
  async connect(result: object = {}): Promise<Peer> {
    const connecting = this.session.connect.promise("T1==token");
    await this.welcome();
    await this.answerJoin(result);
    await connecting;
    await turn();
    return this.peer;
  }

  /** The link breaks and the next one is up; gives back what the client said first. */
  async reconnect(more: object = { resume: "secret", resumed: true }): Promise<Request> {
    await this.peer.drop();
    await vi.advanceTimersByTimeAsync(1_000);
    return this.welcome(more);
  }

  /** Answers the ping by which the client knows that it has heard all that it missed. */
  async pong(): Promise<void> {
    await this.peer.answer(this.peer.take("ping"), { server_time: time(9) });
    await turn();
  }

  notify(method: string, params: object): Promise<void> {
    return this.peer.notify(method, { room: "1_MX4", ...params });
  }

  signal(more: object): Promise<void> {
    return this.notify("signal", { type: "chat", data: "hi", from: from(bob), ...more });
  }
}

export async function turn(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

export async function rejects(promise: Promise<unknown>, code: number, name: string): Promise<OT.OTError> {
  const error = await rejected(promise, code, name);
  expect(error).toBeInstanceOf(Error);
  return error;
}
