import type { Environment } from "../types.js";

/** Time and chance that stand still until a test moves them. */
export class TestClock implements Omit<Environment, "network"> {
  /** What `random()` gives. */
  chance = 0;
  #now = 0;
  #timers: { at: number; order: number; run: () => void }[] = [];
  #ids = 0;
  #order = 0;

  now = (): number => this.#now;
  date = (): number => 1_000_000 + this.#now;
  random = (): number => this.chance;
  id = (): string => `c${++this.#ids}`;

  setTimeout = (run: () => void, ms: number): unknown => {
    const timer = { at: this.#now + ms, order: this.#order++, run };
    this.#timers.push(timer);
    return timer;
  };

  clearTimeout = (timer: unknown): void => {
    this.#timers = this.#timers.filter((one) => one !== timer);
  };

  /** Lets so much time pass, with everything that becomes due in it, and whatever promises then do. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      const [next] = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at || a.order - b.order);
      if (!next) break;
      this.#now = Math.max(this.#now, next.at);
      this.clearTimeout(next);
      next.run();
      await settled();
    }
    this.#now = end;
  }
}

/** Promises that can go on have gone on. */
export function settled(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}
