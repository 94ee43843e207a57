/*
 *            start                 welcome                      the link ends, but not for good
 *   idle ───────────▶ connecting ───────────▶ online ───────────────────────────────▶ offline
 *                      ▲    │ failed                                                   ▲  │ the pause is over,
 *                      │    └──────────────────────────────────────────────────────────┘  │ the network is back, or retryNow()
 *                      └──────────────────────────────────────────────────────────────────┘
 *   every state ──▶ closed: stop(), a close code 1000 or from 4500 on, or a token that is refused twice; start() begins anew
 */
import { Emitter } from "./emitter.js";
import { SidetalkError } from "./errors.js";
import { Link } from "./link.js";
import type { LinkEnd } from "./link.js";
import { Tokens } from "./tokens.js";
import type {
  ClientEvents,
  ClientOptions,
  ClientState,
  Environment,
  ErrorReason,
  Notification,
  WebSocketConstructor,
  Welcome,
} from "./types.js";

const stableMs = 5_000;
const tokenMs = 30_000;
const refreshPauseMs = 5_000;

/** The close codes after which to stay away: these, and all others from 4500 on. */
const finalReasons: Record<number, ErrorReason> = {
  // Another socket goes on with our connection. Coming back would take its place, it would take ours, and so on.
  1000: "replaced",
  4500: "unauthenticated",
  4501: "token_expired",
  4502: "banned",
  4503: "kicked",
  4505: "ended_by_project",
  4506: "malformed_frames",
};

/** Refusals of `connect` that pass by themselves. */
const passing = new Set(["unavailable", "rate_limited", "protocol", "connection_lost"]);

/** Decides when to connect, with which token, and when to give up. Knows nothing of rooms. */
export class Connection extends Emitter<ClientEvents> {
  readonly #options: ClientOptions;
  readonly #environment: Environment;
  readonly #tokens: Tokens;
  readonly #name: string;
  #state: ClientState = { status: "idle" };
  #link: Link | undefined;
  /** Counts starts of any kind, so that what belongs to an earlier one can tell. */
  #run = 0;
  #attempt = 0;
  #onlineAt = 0;
  #refused = false;
  #drainingMs = 0;
  #timer: unknown;
  #refreshedAt = -Infinity;
  #unlisten: (() => void) | undefined;
  /** What the server knows this connection by, if it keeps it over lost links. */
  #resume: string | undefined;
  /** How many notifications of rooms have come over it. */
  #received = 0;

  constructor(options: ClientOptions, environment: Environment, name: string) {
    super();
    this.#options = options;
    this.#environment = environment;
    this.#tokens = new Tokens(options.token);
    this.#name = name;
  }

  get state(): ClientState {
    return this.#state;
  }

  /** The link, when it is online. */
  get link(): Link | undefined {
    return this.#state.status === "online" ? this.#link : undefined;
  }

  start(): void {
    const { status } = this.#state;
    if (status !== "idle" && status !== "closed") return;
    this.#attempt = 0;
    this.#refused = false;
    if (status === "closed") this.#tokens.discard("connect");
    this.#listen();
    void this.#connect();
  }

  /** Ends a pause; if there is none, looks whether the link still lives. */
  retryNow(): void {
    if (this.#state.status !== "offline") return this.link?.probe();
    this.#environment.clearTimeout(this.#timer);
    void this.#connect();
  }

  stop(reason: ErrorReason, error: SidetalkError = SidetalkError.closed(reason)): void {
    if (this.#state.status === "closed") return;
    this.#run++;
    this.#environment.clearTimeout(this.#timer);
    this.#unlisten?.();
    this.#resume = undefined;
    // Whoever waits for an answer on this link must see that there will be no other.
    const link = this.#link;
    this.#link = undefined;
    this.#become({ status: "closed", reason, error });
    link?.close();
  }

  async #connect(): Promise<void> {
    const run = ++this.#run;
    this.#become({ status: "connecting", attempt: this.#attempt });
    if (run !== this.#run) return;
    try {
      const Socket = this.#socketConstructor();
      const token = await this.#within(tokenMs, this.#tokens.current());
      if (run !== this.#run) return;
      this.#link = this.#open(Socket, token);
    } catch (thrown) {
      if (run !== this.#run) return;
      // A SidetalkError says that trying again is of no use; anything else may be a back end that is down.
      if (thrown instanceof SidetalkError && thrown.code !== "offline_timeout") return this.stop(thrown.code, thrown);
      const error = SidetalkError.from(thrown);
      this.emit("error", error);
      this.#retry(error);
    }
  }

  #open(WebSocket: WebSocketConstructor, token: string): Link {
    const link: Link = new Link({
      WebSocket,
      token,
      url: socketUrl(this.#options.url),
      hello: { client: this.#name, keep_s: this.#options.keepSeconds, resume: this.#resume, received: this.#received },
      environment: this.#environment,
      welcomed: (welcome) => this.#welcomed(welcome),
      notified: (notification) => this.#notified(link, notification),
      ended: (end) => this.#ended(end),
    });
    return link;
  }

  #socketConstructor(): WebSocketConstructor {
    const found = this.#options.WebSocket ?? (globalThis as { WebSocket?: unknown }).WebSocket;
    if (!found) throw SidetalkError.noWebSocket();
    return found as WebSocketConstructor;
  }

  #welcomed(welcome: Welcome): void {
    this.#resume = welcome.resume;
    if (!welcome.resumed) this.#received = 0;
    this.#onlineAt = this.#environment.now();
    this.#refused = false;
    this.#drainingMs = 0;
    this.#become({ status: "online", welcome });
  }

  #notified(link: Link, notification: Notification): void {
    const { method, params } = notification;
    if (params["room"]) this.#received++;
    this.emit("notification", notification);
    if (method === "token.expiring") {
      this.emit(method, params as never);
      void this.#refresh(link);
    }
    if (method === "server.draining") {
      this.#drainingMs = Number(params["retry_after_ms"]) || 0;
      this.emit(method, params as never);
    }
  }

  #ended(end: LinkEnd): void {
    const wasOnline = this.#state.status === "online";
    this.#link = undefined;
    if (wasOnline && this.#environment.now() - this.#onlineAt > stableMs) this.#attempt = 0;
    const reason = end.error?.code ?? finalReasons[end.code] ?? (end.code >= 4500 && end.code < 5000 ? `${end.code}` : "");
    const error = end.error ?? (reason ? SidetalkError.closed(end.reason || reason) : SidetalkError.connectionLost(end.reason || `close code ${end.code}`));
    if (reason === "unauthenticated" || reason === "token_expired") {
      return this.#tokenRefused(reason, error);
    }
    if (reason && !passing.has(reason)) return this.stop(reason, error);
    // Draining and rate limits say in the close reason how long to stay away.
    const demanded = end.code === 4002 || end.code === 4003 ? Number(end.reason) : 0;
    this.#retry(error, error.retryAfterMs ?? (demanded || this.#drainingMs));
  }

  /** One fresh token is tried; if that is refused too, something else must change first. */
  #tokenRefused(reason: ErrorReason, error: SidetalkError): void {
    if (this.#refused || !this.#tokens.renewable) return this.stop(reason, error);
    this.#refused = true;
    this.#tokens.discard(reason === "unauthenticated" ? "refused" : "expired");
    void this.#connect();
  }

  #retry(error: SidetalkError, demandedMs = 0): void {
    const { firstMs = 500, longestMs = 30_000 } = this.#options.backoff ?? {};
    const pause = Math.min(longestMs, firstMs * 2 ** Math.min(this.#attempt++, 30));
    const ms = Math.max(demandedMs, pause * (0.5 + this.#environment.random() / 2));
    this.#timer = this.#environment.setTimeout(() => void this.#connect(), ms);
    this.#become({ status: "offline", retryAt: this.#environment.date() + ms, error });
  }

  /** A refresh that fails is tried again while the link lives; when the token ends the server ends the link. */
  async #refresh(link: Link): Promise<void> {
    if (!this.#tokens.renewable) return;
    const wait = this.#refreshedAt + refreshPauseMs - this.#environment.now();
    this.#refreshedAt = this.#environment.now() + Math.max(wait, 0);
    if (wait > 0) await new Promise<void>((done) => void this.#environment.setTimeout(done, wait));
    if (link !== this.#link) return;
    try {
      const token = await this.#within(tokenMs, this.#tokens.renew("expiring"));
      await new Promise<void>((done, failed) => link.request("token.refresh", { token }, { done, failed }));
    } catch (thrown) {
      if (link !== this.#link) return;
      this.emit("error", SidetalkError.from(thrown));
      void this.#refresh(link);
    }
  }

  #listen(): void {
    const { network } = this.#environment;
    if (!network) return;
    const back = () => this.retryNow();
    const gone = () => this.link?.probe();
    network.addEventListener("online", back);
    network.addEventListener("offline", gone);
    this.#unlisten = () => {
      network.removeEventListener("online", back);
      network.removeEventListener("offline", gone);
    };
  }

  #become(state: ClientState): void {
    this.#state = state;
    this.emit("state", state);
  }

  async #within<R>(ms: number, work: Promise<R>): Promise<R> {
    let timer: unknown;
    const late = new Promise<never>((_, reject) => {
      timer = this.#environment.setTimeout(() => reject(SidetalkError.offlineTimeout(ms)), ms);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      this.#environment.clearTimeout(timer);
    }
  }
}

function socketUrl(address: string): string {
  const base = (globalThis as { location?: { href: string } }).location?.href;
  let url: URL;
  try {
    url = new URL(address, base);
  } catch (error) {
    throw new SidetalkError("invalid", `the server's address is not a URL: ${address}`, { cause: error });
  }
  url.protocol = url.protocol.replace(/^http/, "ws");
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/api/v1/connect`;
  url.search = url.hash = "";
  return url.href;
}
