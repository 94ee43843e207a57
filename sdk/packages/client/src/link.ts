import { SidetalkError } from "./errors.js";
import { Rpc } from "./rpc.js";
import type { Answer } from "./rpc.js";
import type { Environment, Notification, WebSocketConstructor, WebSocketLike, Welcome } from "./types.js";

/** Why a link ended: a close code (1006 if there was none), or an error that came before one. */
export interface LinkEnd {
  readonly code: number;
  readonly reason: string;
  readonly error?: SidetalkError;
}

export interface LinkOptions {
  readonly WebSocket: WebSocketConstructor;
  readonly url: string;
  readonly token: string;
  /** What `connect` says beside the token. */
  readonly hello: { readonly keep_s?: number | undefined; readonly [more: string]: unknown };
  readonly environment: Environment;
  readonly welcomed: (welcome: Welcome) => void;
  readonly notified: (notification: Notification) => void;
  /** Called once, unless `close()` was. Requests without an answer fail with `connection_lost` right after it. */
  readonly ended: (end: LinkEnd) => void;
}

const openMs = 15_000;
const answerMs = 30_000;
const pongMs = 10_000;
/** The server keeps a place for half a minute at most: a link that has gone dead must be found while there is time to come back. */
const keptSilenceMs = 10_000;

/**
 * One socket from open to close. A link that has gone dead without a word is found in three ways: it does not open, a
 * request stays unanswered, or a ping does, sent when nothing was heard for one and a half of the server's ping
 * intervals (browsers hide the server's own pings), or for 10 s if the server keeps the connection's place.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #socket: WebSocketLike;
  readonly #rpc: Rpc;
  readonly #timers = new Set<unknown>();
  #heardAt: number;
  #over = false;
  #probing = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#heardAt = options.environment.now();
    const socket = open(options);
    this.#socket = socket;
    this.#rpc = new Rpc((frame) => socket.send(frame));
    const opening = this.#after(openMs, () => this.#end({ code: 1006, reason: "not opened in time" }));
    socket.onopen = () => this.#authenticate(opening);
    socket.onmessage = (event: { data: unknown }) => this.#read(event.data);
    let trouble: unknown;
    // A close event follows. Browsers say nothing here; Node says what the matter is.
    socket.onerror = (event: { message?: unknown }) => void (trouble = event?.message);
    socket.onclose = (event: { code?: number; reason?: string }) =>
      this.#end({ code: event.code ?? 1006, reason: String(event.reason || trouble || "") });
  }

  request(method: string, params: object, answer: Answer): void {
    if (this.#over) return answer.failed(SidetalkError.connectionLost());
    const deadline = this.#after(answerMs, () => this.#end({ code: 1006, reason: `no answer to ${method}` }));
    const settled = () => this.#cancel(deadline);
    this.#rpc.request(method, params, {
      done: (result) => (settled(), answer.done(result)),
      failed: (error) => (settled(), answer.failed(error)),
    });
  }

  notify(method: string, params: object): void {
    if (!this.#over) this.#rpc.notify(method, params);
  }

  /** Finds out now whether the link still lives. */
  probe(): void {
    if (this.#probing || this.#over) return;
    this.#probing = true;
    const heardAt = this.#heardAt;
    this.request("ping", {}, { done: () => {}, failed: () => {} });
    this.#after(pongMs, () => {
      this.#probing = false;
      if (this.#heardAt === heardAt) this.#end({ code: 1006, reason: "went silent" });
    });
  }

  /** Ends the link for good, without a call of `ended`. */
  close(): void {
    if (this.#over) return;
    this.#silence(1000);
    this.#rpc.fail(SidetalkError.connectionLost());
  }

  #authenticate(opening: unknown): void {
    const { token, hello, welcomed } = this.#options;
    this.request("connect", { token, ...hello }, {
      done: (welcome: Welcome) => {
        this.#cancel(opening);
        this.#rpc.frameBytes = welcome.limits?.frame_bytes ?? Infinity;
        this.#watch(hello.keep_s ? keptSilenceMs : (welcome.ping_interval_ms || 25_000) * 1.5);
        welcomed(welcome);
      },
      failed: (error) => this.#end({ code: 1006, reason: error.message, error }),
    });
  }

  #read(frame: unknown): void {
    this.#heardAt = this.#options.environment.now();
    let notification;
    try {
      notification = this.#rpc.receive(frame);
    } catch (thrown) {
      const error = SidetalkError.from(thrown);
      return this.#end({ code: 1002, reason: error.message, error });
    }
    if (notification && !this.#over) this.#options.notified(notification);
  }

  #watch(silenceMs: number, ms = silenceMs): void {
    this.#after(ms, () => {
      const left = this.#heardAt + silenceMs - this.#options.environment.now();
      if (left <= 0) this.probe();
      this.#watch(silenceMs, left > 0 ? left : silenceMs);
    });
  }

  #end(end: LinkEnd): void {
    if (this.#over) return;
    // Not 1000, which would tell the server that we do not come back.
    this.#silence(4900);
    this.#options.ended(end);
    this.#rpc.fail(SidetalkError.connectionLost());
  }

  #silence(code: number): void {
    this.#over = true;
    for (const timer of this.#timers) this.#options.environment.clearTimeout(timer);
    this.#timers.clear();
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    try {
      socket.close(code);
    } catch {
      // It was never open, or is closed already.
    }
  }

  #after(ms: number, run: () => void): unknown {
    const timer = this.#options.environment.setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  #cancel(timer: unknown): void {
    this.#timers.delete(timer);
    this.#options.environment.clearTimeout(timer);
  }
}

/** What a constructor throws (a bad address, ws: from an https: page) does not pass by itself. */
function open({ WebSocket, url }: LinkOptions): WebSocketLike {
  try {
    return new WebSocket(url, "sidetalk.v1");
  } catch (error) {
    throw SidetalkError.protocol(`no socket can be opened to ${url}: ${String(error)}`, error);
  }
}
