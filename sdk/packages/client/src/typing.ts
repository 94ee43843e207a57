import { audienceKey } from "./audience.js";
import type { Audience, Environment } from "./types.js";

const repeatMs = 3_000;
const stopMs = 5_000;

/** Turns key presses into the few `typing.set` that others need. */
export class TypingSender {
  readonly #environment: Environment;
  readonly #send: (active: boolean, audience: Audience | undefined) => void;
  readonly #active = new Map<string, { toldAt: number; timer: unknown }>();

  constructor(environment: Environment, send: (active: boolean, audience: Audience | undefined) => void) {
    this.#environment = environment;
    this.#send = send;
  }

  set(active: boolean, audience: Audience | undefined): void {
    const key = audienceKey(audience);
    const last = this.#active.get(key);
    this.#environment.clearTimeout(last?.timer);
    if (!active) {
      if (this.#active.delete(key)) this.#send(false, audience);
      return;
    }
    const now = this.#environment.now();
    const due = !last || now - last.toldAt >= repeatMs;
    const timer = this.#environment.setTimeout(() => this.set(false, audience), stopMs);
    this.#active.set(key, { toldAt: due ? now : last.toldAt, timer });
    if (due) this.#send(true, audience);
  }

  /** Forgets without telling. */
  clear(): void {
    for (const { timer } of this.#active.values()) this.#environment.clearTimeout(timer);
    this.#active.clear();
  }
}

const silenceMs = 8_000;

/** Sees to it that whoever is said to type is also said to have stopped. */
export class TypingWatch {
  readonly #environment: Environment;
  readonly #timers = new Map<string, unknown>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** `stop` is called if nothing more is heard of it. */
  heard(key: string, active: boolean, stop: () => void): void {
    this.#environment.clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    if (!active) return;
    const timer = this.#environment.setTimeout(() => {
      this.#timers.delete(key);
      stop();
    }, silenceMs);
    this.#timers.set(key, timer);
  }

  clear(): void {
    for (const timer of this.#timers.values()) this.#environment.clearTimeout(timer);
    this.#timers.clear();
  }
}
