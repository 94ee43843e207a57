// A live client: it changes its token for a native one, joins, and writes down what it is told.
import WebSocket from "ws";
import { Different, until } from "./expect.mjs";

export class Member {
  #socket;
  #nextId = 1;
  #answers = new Map();
  #frames = [];

  static async connect(server, { apiKey, sessionId, token }) {
    const answer = await server.exchange({ apiKey, sessionId, token });
    if (answer.status !== 200) throw new Different("the exchange", 200, `${answer.status} ${answer.text}`);
    const member = new Member();
    member.admission = answer.json;
    await member.#open(server);
    try {
      member.welcome = await member.call("connect", { token: answer.json.token });
      member.connection = member.welcome.connection;
      const joined = await member.call("room.join", { room: answer.json.room, history: 0 });
      member.presence = joined.presence.find((each) => each.connection === member.connection);
      member.present = joined.presence.map((each) => each.connection);
    } catch (error) {
      member.close();
      throw error;
    }
    return member;
  }

  /** A socket without a member: whether a token opens the native door. */
  static async knock(server, token) {
    const member = new Member();
    await member.#open(server);
    try {
      return await member.call("connect", { token });
    } finally {
      member.close();
    }
  }

  async #open(server) {
    this.#socket = new WebSocket(`${server.url.replace("http", "ws")}/api/v1/connect`, ["sidetalk.v1"], { perMessageDeflate: false, ca: server.ca });
    this.#socket.on("message", (bytes) => this.#take(JSON.parse(String(bytes))));
    this.#socket.on("close", (code) => this.#end(code));
    await new Promise((resolve, reject) => {
      this.#socket.once("open", resolve);
      this.#socket.once("error", reject);
    });
    this.#socket.on("error", () => undefined);
  }

  #take(frame) {
    if (frame.method) return this.#frames.push(frame);
    const { resolve, reject } = this.#answers.get(frame.id) ?? {};
    this.#answers.delete(frame.id);
    if (frame.error) reject?.(new Error(`${frame.error.data?.code}: ${frame.error.message}`));
    else resolve?.(frame.result);
  }

  #end(code) {
    for (const { reject } of this.#answers.values()) reject(new Error(`the socket ended with ${code}`));
    this.#answers.clear();
  }

  call(method, params) {
    const id = this.#nextId++;
    const answer = new Promise((resolve, reject) => this.#answers.set(id, { resolve, reject }));
    this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return answer;
  }

  /** What it heard, in order, as this dialect tells it: {type, data, from}; `from` is null for the server's. */
  get signals() {
    return this.#frames.map(signalOf).filter(Boolean);
  }

  /** Waits for a signal of this type and gives its place and words. */
  async heard(type, count = 1) {
    await until(() => this.signals.filter((signal) => signal.type === type).length >= count, `${count === 1 ? "a signal" : `${count} signals`} of type ${type ?? "null"}`);
    return this.signals.filter((signal) => signal.type === type);
  }

  async notice(method, test = () => true) {
    const frame = await until(() => this.#frames.find((each) => each.method === method && test(each.params)), `the notification ${method}`);
    return frame.params;
  }

  has(method, test = () => true) {
    return this.#frames.some((frame) => frame.method === method && test(frame.params));
  }

  close() {
    this.#socket.terminate();
  }
}

function signalOf({ method, params }) {
  if (method === "signal") return { type: params.type ?? null, data: params.data, from: senderOf(params.from) };
  if (method !== "message.posted") return null;
  const { label, parts, sender } = params.message;
  return { type: label, data: parts.map((part) => part.text ?? part.data).join(""), from: senderOf(sender) };
}

const senderOf = (sender) => sender?.connection ?? sender?.user ?? null;
