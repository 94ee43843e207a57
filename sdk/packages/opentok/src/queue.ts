import { SidetalkError } from "@sidetalk/client";

/** So many at once, and then so many per second. */
export type Rate = readonly [burst: number, perSecond: number];

/** What the server surely takes. Whatever is more is sent one at a time: if one is refused, none must overtake it. */
export interface Rates {
  readonly signals: Rate;
  /** Those that are stored. */
  readonly chat: Rate;
  /** What is never exceeded. */
  readonly requests: Rate;
}

export interface QueueOptions extends Rates {
  /** How many may wait; those that are under way do not count. */
  readonly waitingMax: number;
}

/** What a sending throws that is to be made again, in its place. */
export const again = {};

/**
 * Sends in the order in which it was asked to, and what the server refuses because it comes too quickly once more: the
 * vendor knew no such limit, and pages do not expect it.
 */
export class Queue {
  readonly #waitingMax: number;
  readonly #signals: Allowance;
  readonly #chat: Allowance;
  readonly #requests: Allowance;
  readonly #waiting: Entry[] = [];
  #underWay = 0;
  #count = 0;
  #held = false;
  #limited = false;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor({ waitingMax, signals, chat, requests }: QueueOptions) {
    this.#waitingMax = waitingMax;
    this.#signals = new Allowance(signals);
    this.#chat = new Allowance(chat);
    this.#requests = new Allowance(requests);
  }

  add<R>(send: () => Promise<R>, isChat = false): Promise<R> {
    return new Promise((resolve, reject) => {
      const entry: Entry = { number: this.#count++, sure: isChat ? this.#chat : this.#signals, send, resolve, reject };
      if (this.#put(entry)) this.#pump();
      else reject(SidetalkError.queueFull(this.#waitingMax));
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
    let entry;
    while ((entry = this.#waiting[0]) && !this.#held && !this.#pause && (!this.#underWay || (!this.#limited && entry.sure.ms() <= 0))) {
      const ms = this.#requests.ms();
      if (ms > 0) return this.#wait(ms);
      entry.sure.take();
      this.#requests.take();
      this.#waiting.shift();
      void this.#run(entry);
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
    if (waiting.length >= this.#waitingMax) return false;
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
}

class Allowance {
  readonly #stepMs: number;
  readonly #burstMs: number;
  /** When all that was taken would have been taken at an even pace. */
  #until = 0;

  constructor([burst, perSecond]: Rate) {
    this.#stepMs = 1_000 / perSecond;
    this.#burstMs = burst * this.#stepMs;
  }

  take(): void {
    this.#until = Math.max(this.#until, performance.now()) + this.#stepMs;
  }

  /** How long to wait for the next one. */
  ms(): number {
    return this.#until + this.#stepMs - performance.now() - this.#burstMs;
  }
}

interface Entry {
  readonly number: number;
  readonly sure: Allowance;
  readonly send: () => Promise<any>;
  readonly resolve: (result: any) => void;
  readonly reject: (error: unknown) => void;
}
