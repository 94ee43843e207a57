import { SidetalkError } from "./errors.js";
import type { Answer } from "./rpc.js";
import type { Draft, Environment, Message, PendingMessage, Posted } from "./types.js";

export interface OutboxOptions {
  readonly room: string;
  readonly environment: Environment;
  readonly limit: number;
  /** Posts now; `false` if there is no way at the moment (`pump()` is called when there is again). */
  readonly send: (draft: Draft, answer: Answer) => boolean;
  /** Whether the log has been seen up to there. */
  readonly seen: (seq: number) => boolean;
  readonly changed: (change: "added" | "changed" | "removed", message: PendingMessage) => void;
}

const triesMax = 8;
const pauseMaxMs = 60_000;

/**
 * Messages of one room on their way. One is sent at a time, so that they are stored in the order in which they were
 * written, over refusals that pass and links that break. Each has an id under which the server stores it once, however
 * often it is sent.
 *
 *   queued ──▶ sending ──▶ sent ──▶ (its message.posted arrives: gone)
 *     ▲           │  └──▶ failed ──retry()──▶ queued
 *     └───────────┘ link lost, rate_limited, unavailable
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #entries: Entry[] = [];
  #timer: unknown;
  #closed: SidetalkError | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get pending(): readonly PendingMessage[] {
    return this.#entries.map((entry) => entry.shown);
  }

  add(draft: Draft, signal?: AbortSignal): Promise<Posted> {
    if (signal?.aborted) return Promise.reject(SidetalkError.aborted(signal.reason));
    if (this.#closed) return Promise.reject(this.#closed);
    const { limit, environment } = this.#options;
    if (this.#in("queued", "sending").length >= limit) return Promise.reject(SidetalkError.queueFull(limit));
    const id = draft.client_id ?? environment.id();
    const entry: Entry = { id, draft: { ...draft, client_id: id }, createdAt: environment.date(), tries: 0, turn: 0 } as Entry;
    this.#entries.push(entry);
    const promise = this.#promise(entry, signal);
    this.#show(entry, "queued", {}, "added");
    this.pump();
    return promise;
  }

  /** Sends the next one if none is under way. */
  pump(): void {
    if (this.#timer !== undefined || this.#in("sending").length) return;
    const [entry] = this.#in("queued");
    if (!entry) return;
    const turn = ++entry.turn;
    const current = () => entry.turn === turn && entry.shown.state === "sending";
    // Told before it is sent: an answer can come in the same turn.
    const before = entry.shown;
    entry.shown = this.#snapshot(entry, "sending", {});
    const sent = this.#options.send(entry.draft, {
      done: (posted: Posted) => current() && this.#acknowledged(entry, posted),
      failed: (error) => current() && this.#refused(entry, error),
    });
    if (!sent) entry.shown = before;
    else if (current()) this.#options.changed("changed", entry.shown);
  }

  /** A message of our own is in the log: whatever became of its answer, it is stored. */
  posted(message: Message, position: string): void {
    const entry = this.#entries.find((candidate) => candidate.id === message.client_id);
    if (!entry) return;
    const { id, seq, posted_at } = message;
    entry.resolve({ id, seq, position, posted_at, repeated: false });
    this.#remove(entry);
    this.pump();
  }

  /**
   * Stored messages whose `message.posted` will not come any more: the log has been seen beyond them (somebody cleared
   * the history), or, `all`, the room was joined anew and whatever was stored before has been told.
   */
  settle(all: boolean): void {
    for (const entry of this.#in("sent")) if (all || this.#options.seen(entry.shown.posted!.seq)) this.#remove(entry);
  }

  /** All that wait fail; they can be tried again if the outbox is not closed for good. */
  fail(error: SidetalkError, forGood: boolean): void {
    if (forGood) this.#closed = error;
    this.#unpause();
    for (const entry of this.#in("queued", "sending")) this.#failed(entry, error);
  }

  #acknowledged(entry: Entry, posted: Posted): void {
    entry.resolve(posted);
    if (this.#options.seen(posted.seq)) this.#remove(entry);
    else this.#show(entry, "sent", { posted });
    this.pump();
  }

  #refused(entry: Entry, error: SidetalkError): void {
    const lost = error.code === "connection_lost";
    const passing = error.code === "rate_limited" || error.code === "unavailable";
    const pauseMs = error.retryAfterMs ?? Math.min(500 * 2 ** entry.tries, 10_000);
    if (!lost && (!passing || ++entry.tries > triesMax || pauseMs > pauseMaxMs)) {
      this.#failed(entry, error);
      return this.pump();
    }
    this.#show(entry, "queued", {});
    // Those behind it wait too: they would be stored before it.
    if (!lost) this.#pause(pauseMs);
    else this.pump();
  }

  #pause(ms: number): void {
    this.#timer = this.#options.environment.setTimeout(() => {
      this.#timer = undefined;
      this.pump();
    }, ms);
  }

  #unpause(): void {
    this.#options.environment.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #failed(entry: Entry, error: SidetalkError): void {
    entry.reject(error);
    this.#show(entry, "failed", { error });
    const failed = this.#in("failed");
    if (failed.length > this.#options.limit) this.#remove(failed[0]!);
  }

  #retry(entry: Entry): Promise<Posted> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (entry.shown.state !== "failed" || !this.#entries.includes(entry)) return entry.promise;
    entry.tries = 0;
    const promise = this.#promise(entry);
    this.#show(entry, "queued", {});
    this.pump();
    return promise;
  }

  #discard(entry: Entry, error: SidetalkError): void {
    if (!this.#entries.includes(entry) || entry.shown.posted) return;
    entry.reject(error);
    entry.turn++;
    this.#remove(entry);
    this.pump();
  }

  #promise(entry: Entry, signal?: AbortSignal): Promise<Posted> {
    entry.promise = new Promise<Posted>((resolve, reject) => Object.assign(entry, { resolve, reject }));
    const abort = () => this.#discard(entry, SidetalkError.aborted(signal?.reason));
    signal?.addEventListener("abort", abort, { once: true });
    const over = () => signal?.removeEventListener("abort", abort);
    // Also keeps a failure that is shown as a pending message from being an unhandled rejection.
    entry.promise.then(over, over);
    return entry.promise;
  }

  #in(...states: PendingMessage["state"][]): Entry[] {
    return this.#entries.filter((entry) => states.includes(entry.shown.state));
  }

  #remove(entry: Entry): void {
    const at = this.#entries.indexOf(entry);
    if (at < 0) return;
    this.#entries.splice(at, 1);
    this.#options.changed("removed", entry.shown);
  }

  #show(entry: Entry, state: PendingMessage["state"], more: Outcome, change: "added" | "changed" = "changed"): void {
    entry.shown = this.#snapshot(entry, state, more);
    this.#options.changed(change, entry.shown);
  }

  #snapshot(entry: Entry, state: PendingMessage["state"], more: Outcome): PendingMessage {
    return {
      client_id: entry.id,
      room: this.#options.room,
      draft: entry.draft,
      state,
      createdAt: entry.createdAt,
      ...more,
      retry: () => this.#retry(entry),
      discard: () => this.#discard(entry, SidetalkError.aborted()),
    };
  }
}

interface Outcome {
  readonly error?: SidetalkError;
  readonly posted?: Posted;
}

interface Entry {
  readonly id: string;
  readonly draft: Draft;
  readonly createdAt: number;
  shown: PendingMessage;
  promise: Promise<Posted>;
  resolve: (posted: Posted) => void;
  reject: (error: SidetalkError) => void;
  /** How often it was refused for a passing reason. */
  tries: number;
  /** Counts sendings: an answer of an earlier one is of no interest. */
  turn: number;
}
