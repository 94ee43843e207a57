import { SidetalkError } from "@sidetalk/client";

export interface QueueOptions {
  /** How many may wait; those that are under way do not count. */
  readonly waitingMax: number;
  readonly underWayMax: number;
  /** So many are sent at once, and then so many per second. */
  readonly burst: number;
  readonly perSecond: number;
}

/** What a sending throws that is to be made again, in its place. */
export const again = {};

/**
 * Sends in the order in which it was asked to, at once while the server takes everything. What it refuses because it comes
 * too quickly is sent again, one at a time, until nothing waits: the vendor knew no such limit, and pages do not expect it.
 */
export class Queue {
  readonly #options: QueueOptions;
  readonly #waiting: Entry[] = [];
  #underWay = 0;
  #count = 0;
  #held = false;
  #limited = false;
  #pause: ReturnType<typeof setTimeout> | undefined;
  /** When all that was sent would have been sent at an even pace. */
  #paidUntil = 0;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  add<R>(send: () => Promise<R>): Promise<R> {
    return new Promise((resolve, reject) => {
      const entry: Entry = { number: this.#count++, send, resolve, reject };
      if (this.#put(entry)) this.#pump();
      else reject(SidetalkError.queueFull(this.#options.waitingMax));
    });
  }

  /** Nothing more is sent until `release()`. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#pump();
  }

  /** What waits fails. */
  fail(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #pump(): void {
    const waiting = this.#waiting;
    while (waiting.length && !this.#held && !this.#pause && this.#underWay < (this.#limited ? 1 : this.#options.underWayMax)) {
      const ms = this.#pay();
      if (ms > 0) this.#wait(ms);
      else void this.#run(waiting.shift()!);
    }
  }

  async #run(entry: Entry): Promise<void> {
    this.#underWay++;
    try {
      entry.resolve(await entry.send());
    } catch (thrown) {
      const tooQuick = thrown instanceof SidetalkError && thrown.code === "rate_limited" && thrown;
      if ((!tooQuick && thrown !== again) || !this.#put(entry)) entry.reject(thrown);
      else if (tooQuick) {
        this.#limited = true;
        this.#wait(tooQuick.retryAfterMs ?? 1_000);
      }
    }
    if (!--this.#underWay && !this.#waiting.length) this.#limited = false;
    this.#pump();
  }

  /** Puts it into its place, if there is one. */
  #put(entry: Entry): boolean {
    const waiting = this.#waiting;
    if (waiting.length >= this.#options.waitingMax) return false;
    const place = waiting.findIndex(({ number }) => number > entry.number);
    waiting.splice(place < 0 ? waiting.length : place, 0, entry);
    return true;
  }

  #wait(ms: number): void {
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.#pump();
    }, ms);
  }

  /** How long to wait before the next one; if not at all, it counts as sent. */
  #pay(): number {
    const { burst, perSecond } = this.#options;
    const now = performance.now();
    const paidUntil = Math.max(this.#paidUntil, now) + 1_000 / perSecond;
    const ms = paidUntil - now - (burst * 1_000) / perSecond;
    if (ms <= 0) this.#paidUntil = paidUntil;
    return ms;
  }
}

interface Entry {
  readonly number: number;
  readonly send: () => Promise<any>;
  readonly resolve: (result: any) => void;
  readonly reject: (error: unknown) => void;
}
