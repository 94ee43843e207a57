// A socket of the signaling protocol, and who sits at it.
import WebSocket from "ws";
import { Different, ok, pause, until } from "../openvidu/expect.mjs";

export const PROTOCOL = "opentalk-signaling-json-v1.0";

/** The answer to an upgrade: `{socket, protocol}`, or `{status, json, headers}` of a refusal. */
export function upgrade(url, protocols, options = {}) {
  const socket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
  return new Promise((resolve, reject) => {
    // The first frames may come with the answer, before anybody who awaits this can listen.
    const early = [];
    const keep = (bytes, isBinary) => early.push([bytes, isBinary]);
    socket.on("message", keep);
    socket.once("open", () => resolve({ socket, early: () => (socket.off("message", keep), early), protocol: socket.protocol }));
    socket.once("unexpected-response", (request, response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => {
        const text = String(Buffer.concat(chunks));
        let json;
        try {
          json = JSON.parse(text);
        } catch {
          json = undefined;
        }
        request.destroy();
        resolve({ status: response.statusCode, headers: response.headers, text, json });
      });
    });
    socket.once("error", reject);
  });
}

export class Raw {
  #socket;
  #oracle;
  #marks = 0;
  gen;
  /** Everything that came, in order: {namespace, timestamp, payload}. */
  frames = [];
  /** How the socket ended: {code, reason, at}. */
  closed = null;
  pings = [];

  static async open(url, protocols, { oracle, gen, ...options }) {
    const answer = await upgrade(url, protocols, options);
    if (!answer.socket) throw new Different(`the upgrade at ${url}`, 101, `${answer.status} ${answer.text}`);
    const raw = new Raw();
    raw.#socket = answer.socket;
    raw.#oracle = oracle;
    raw.gen = gen;
    raw.protocol = answer.protocol;
    for (const [bytes] of answer.early()) raw.#take(bytes);
    raw.#socket.on("message", (bytes) => raw.#take(bytes));
    raw.#socket.on("ping", (payload) => raw.pings.push({ payload: String(payload), at: performance.now() }));
    raw.#socket.on("close", (code, reason) => (raw.closed = { code, reason: String(reason), at: performance.now() }));
    raw.#socket.on("error", () => undefined);
    return raw;
  }

  #take(bytes) {
    const text = String(bytes);
    this.#oracle.frame(this.gen, text);
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      frame = { unreadable: text };
    }
    this.frames.push(frame);
  }

  get isOpen() {
    return this.closed === null;
  }

  /** As it is: a text, a Buffer as a binary frame; anything else as JSON. */
  raw(value, options = {}) {
    this.#socket.send(typeof value === "string" || Buffer.isBuffer(value) ? value : JSON.stringify(value), options);
  }

  /** A command that the real types accept. */
  say(namespace, payload) {
    const frame = { namespace, payload };
    if (namespace !== "echo") this.#oracle.command(frame);
    this.raw(frame);
  }

  control(action, more = {}) {
    this.say("control", { action, ...more });
  }

  moderate(action, more = {}) {
    this.say("moderation", { action, ...more });
  }

  chat(action, more = {}) {
    this.say("chat", { action, ...more });
  }

  send(content, scope = "global", target = undefined) {
    this.chat("send_message", { scope, ...(target === undefined ? {} : { target }), content });
  }

  /** Events of a namespace with this `message`, from the frame `from` on, as frames. */
  of(namespace, message, from = 0) {
    return this.frames.slice(from).filter((frame) => frame.namespace === namespace && (message === undefined || frame.payload?.message === message));
  }

  messages(from = 0) {
    return this.of("chat", "message_sent", from).map((frame) => frame.payload);
  }

  contents(from = 0) {
    return this.messages(from).map((payload) => payload.content);
  }

  errors(namespace, from = 0) {
    return this.of(namespace, "error", from).map((frame) => frame.payload.error);
  }

  /** The first such event, as a frame. */
  event(namespace, message, test = () => true, { from = 0, ms } = {}) {
    return until(() => this.of(namespace, message, from).find((frame) => test(frame.payload)), `${namespace}/${message}`, ms);
  }

  /** The message with this content, as a frame. */
  heard(content, from = 0) {
    return this.event("chat", "message_sent", (payload) => payload.content === content, { from });
  }

  async error(namespace, error, from = 0) {
    await until(() => this.errors(namespace, from).includes(error), `${namespace} error ${error}, after errors ${JSON.stringify(this.errors(namespace, from))},`);
  }

  /** Until what this socket said before has been dealt with: the answer to a ping comes behind it. */
  async settled() {
    const mark = `mark ${(this.#marks += 1)}`;
    this.say("echo", { action: "ping", mark });
    await until(() => this.frames.find((frame) => frame.namespace === "echo" && frame.payload?.mark === mark), "the answer in echo");
  }

  /** Kinds of what came, in order, without answers in echo. */
  story(from = 0) {
    return this.frames.slice(from).filter((frame) => frame.namespace !== "echo").map((frame) => `${frame.namespace}/${frame.payload?.message}`);
  }

  async join(more = {}) {
    this.control("join", more);
    return this.entered();
  }

  /** Until join_success; it is then `welcome`, and `id` is who one is. */
  async entered(from = 0) {
    const frame = await this.event("control", "join_success", undefined, { from });
    this.welcome = frame.payload;
    this.id = frame.payload.id;
    return this.welcome;
  }

  async waitsOutside(more = {}) {
    this.control("join", more);
    await this.event("moderation", "in_waiting_room");
  }

  async ended(ms = 5000) {
    return until(() => this.closed, "the end of the socket", ms);
  }

  /** Leaves: there is no command for it. */
  async leave() {
    this.#socket.close(1000);
    await this.ended();
  }

  /** The connection breaks without a word. */
  drop() {
    this.#socket.terminate();
  }

  /** Nothing comes for a while. Where an order is known, ask for that instead. */
  async hearsNothing(from, ms = 300) {
    await pause(ms);
    ok(this.story(from).length === 0, "nothing comes", this.story(from));
  }
}
