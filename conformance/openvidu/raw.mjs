// A member without the vendor's client: for the order of frames on the wire, and for what no well-behaved client sends.
import WebSocket from "ws";
import { Different, until } from "./expect.mjs";

export class Raw {
  #socket;
  #nextId = 0;
  #pings = null;
  #oddities;
  /** Everything that came, in order, parsed. */
  frames = [];
  /** How the socket ended: {code, reason, at}. */
  closed = null;

  static async open(url, { oddities = [], ...options } = {}) {
    const raw = new Raw();
    raw.#oddities = oddities;
    raw.#socket = new WebSocket(url, { perMessageDeflate: false, ...options });
    raw.#socket.on("message", (bytes, isBinary) => raw.#take(bytes, isBinary));
    raw.#socket.on("close", (code, reason) => raw.#end(code, String(reason)));
    await new Promise((resolve, reject) => {
      raw.#socket.once("open", resolve);
      raw.#socket.once("error", reject);
    });
    raw.#socket.on("error", () => undefined);
    return raw;
  }

  #take(bytes, isBinary) {
    const text = String(bytes);
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      frame = { unreadable: text };
    }
    const oddity = isBinary ? "binary" : oddityOf(frame);
    if (oddity) this.#oddities.push(`${oddity}: ${text.slice(0, 120)}`);
    this.frames.push(frame);
  }

  #end(code, reason) {
    clearInterval(this.#pings);
    this.closed = { code, reason, at: performance.now() };
  }

  /** A text goes out as it is, a Buffer as a binary frame, anything else as JSON. */
  send(value) {
    this.#socket.send(typeof value === "string" || Buffer.isBuffer(value) ? value : JSON.stringify(value));
  }

  request(method, params, id = this.#nextId++) {
    this.send({ jsonrpc: "2.0", method, ...(params === undefined ? {} : { params }), id });
    return id;
  }

  answer(id, ms) {
    return this.until((frame) => frame.id === id && !frame.method, `the answer to request ${id}`, ms);
  }

  async call(method, params, ms) {
    return this.answer(this.request(method, params), ms);
  }

  async result(method, params) {
    const answer = await this.call(method, params);
    if (!("result" in answer)) throw new Different(method, "a result", answer.error ?? answer);
    return answer.result;
  }

  async error(method, params) {
    const answer = await this.call(method, params);
    if (!("error" in answer)) throw new Different(method, "an error", answer.result ?? answer);
    return answer.error;
  }

  /** As the vendor's client: a ping with its interval, then the join. Goes on pinging unless `quiet`. */
  async join(token, metadata = "", { quiet = false, ...more } = {}) {
    this.request("ping", { interval: 5000 });
    const result = await this.result("joinRoom", joinParams(token, metadata, more));
    Object.assign(this, { id: result.id, rpc: result.sessionId, session: result.session, joined: result });
    if (!quiet) this.keepAlive();
    return result;
  }

  keepAlive() {
    this.#pings = setInterval(() => this.#socket.readyState === WebSocket.OPEN && this.request("ping"), 5000);
  }

  signal(message, more = {}) {
    return this.call("sendMessage", { message: typeof message === "string" ? message : JSON.stringify(message), ...more });
  }

  notices(method) {
    return this.frames.filter((frame) => frame.method === method).map((frame) => frame.params);
  }

  signals() {
    return this.notices("sendMessage");
  }

  until(test, what, ms) {
    return until(() => this.frames.find(test), what, ms);
  }

  notice(method, test = () => true, ms = undefined) {
    return this.until((frame) => frame.method === method && test(frame.params), `a ${method}`, ms).then((frame) => frame.params);
  }

  /** What came, in order, without the answers to pings: names of methods, and `result` or `error` for answers. */
  story(from = 0) {
    return this.frames
      .slice(from)
      .filter((frame) => frame.result?.value !== "pong")
      .map((frame) => frame.method ?? ("error" in frame ? "error" : "result"));
  }

  close(code, reason) {
    this.#socket.close(code, reason);
  }

  /** The connection breaks without a word. */
  drop() {
    clearInterval(this.#pings);
    this.#socket.terminate();
  }
}

export function joinParams(token, metadata = "", more = {}) {
  const session = new URLSearchParams(token.split("?")[1]).get("sessionId");
  return { token, session, platform: "Raw socket of the driver", sdkVersion: "2.32.2", metadata, secret: "", recorder: false, ...more };
}

/** What makes the vendor's client ignore or misread a frame. */
export function oddityOf(frame) {
  if (!frame || typeof frame !== "object" || Array.isArray(frame) || "unreadable" in frame) return "no JSON object";
  if (frame.jsonrpc !== "2.0") return "jsonrpc is not 2.0";
  if (typeof frame.method === "string") return "id" in frame ? "a notification with an id" : null;
  if (!("id" in frame)) return "an answer without an id";
  if ("result" in frame === "error" in frame) return "not exactly one of result and error";
  if ("error" in frame && !(Number.isInteger(frame.error?.code) && typeof frame.error?.message === "string")) return "an error without code and message";
  return null;
}
