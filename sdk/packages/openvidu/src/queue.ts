import { SidetalkError } from "@sidetalk/client";

const waitingMax = 200;

/**
 * Sends at once while the server takes everything. What it refuses because it comes too quickly is sent again after what
 * stands before it, and what comes meanwhile lines up behind: OpenVidu knew no such limit, and pages do not expect it.
 */
export class Queue {
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #limited = false;

  add<R>(send: () => Promise<R>): Promise<R> {
    const mine = this.#run(send, this.#tail);
    this.#tail = mine.catch(() => {});
    return mine;
  }

  async #run<R>(send: () => Promise<R>, before: Promise<unknown>): Promise<R> {
    const full = this.#waiting++ >= waitingMax;
    try {
      if (this.#limited && !full) await before;
      for (;;) {
        try {
          return await send();
        } catch (thrown) {
          if (full || !(thrown instanceof SidetalkError) || thrown.code !== "rate_limited") throw thrown;
          this.#limited = true;
          await new Promise((done) => setTimeout(done, thrown.retryAfterMs ?? 1_000));
          await before;
        }
      }
    } finally {
      if (!--this.#waiting) this.#limited = false;
    }
  }
}
