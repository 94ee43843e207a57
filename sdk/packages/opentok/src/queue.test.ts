import { SidetalkError } from "@sidetalk/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Queue, again } from "./queue.js";
import type { QueueOptions } from "./queue.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const tooQuick = new SidetalkError("rate_limited", "wait", { retryAfterMs: 40 });
const settled = () => vi.advanceTimersByTimeAsync(0);

/** A queue, and the other end: what is sent waits in `sent` for its answer. */
class Stage {
  readonly queue: Queue;
  readonly sent: { name: string; answer: (error?: unknown) => void }[] = [];
  readonly done: string[] = [];

  constructor(options: Partial<QueueOptions> = {}) {
    this.queue = new Queue({ waitingMax: 10, signals: [9, 10], chat: [2, 10], requests: [99, 10], ...options });
  }

  add = (...names: string[]) => this.#add(names, false);
  chat = (...names: string[]) => this.#add(names, true);

  #add(names: string[], isChat: boolean): void {
    for (const name of names) {
      const send = () => new Promise<void>((done, failed) => this.sent.push({ name, answer: (error) => (error ? failed(error) : done()) }));
      this.queue.add(send, isChat).then(
        () => this.done.push(name),
        (error) => this.done.push(`${name}: ${error.code}`),
      );
    }
  }

  names = () => this.sent.map(({ name }) => name);

  async answer(error?: unknown): Promise<void> {
    this.sent.shift()!.answer(error);
    await settled();
  }
}

test("what the server surely takes is sent at once, whatever is more one at a time", async () => {
  const stage = new Stage({ signals: [2, 10] });
  stage.add("a", "b", "c", "d");
  expect(stage.names()).toEqual(["a", "b"]);
  await stage.answer();
  expect(stage.names()).toEqual(["b"]);
  await stage.answer();
  expect(stage.names()).toEqual(["c"]);
  await stage.answer();
  await stage.answer();
  await vi.advanceTimersByTimeAsync(1_000);
  stage.add("e", "f");
  expect(stage.names(), "after a pause").toEqual(["e", "f"]);
});

test("what is stored has a rate of its own", async () => {
  const stage = new Stage();
  stage.add("a", "b", "c");
  stage.chat("d", "e", "f");
  expect(stage.names()).toEqual(["a", "b", "c", "d", "e"]);
  for (let i = 0; i < 5; i++) await stage.answer();
  expect(stage.names()).toEqual(["f"]);
});

test("what came too quickly is sent again in its place, one at a time until nothing waits", async () => {
  const stage = new Stage();
  stage.add("a", "b", "c");
  await stage.answer();
  await stage.answer(tooQuick);
  stage.add("d");
  await stage.answer(tooQuick);
  expect(stage.names()).toEqual([]);
  await vi.advanceTimersByTimeAsync(40);
  for (const name of ["b", "c", "d"]) {
    expect(stage.names()).toEqual([name]);
    await stage.answer();
  }
  expect(stage.done).toEqual(["a", "b", "c", "d"]);
  stage.add("e", "f");
  expect(stage.names(), "the limit is forgotten").toEqual(["e", "f"]);
});

test("a refusal that does not pass fails the one and not the others", async () => {
  const stage = new Stage();
  stage.add("a", "b");
  await stage.answer(new SidetalkError("muted", "no"));
  await stage.answer();
  expect(stage.done).toEqual(["a: muted", "b"]);
});

test("a pace is kept after a burst, and a pause earns the next burst", async () => {
  const stage = new Stage({ requests: [2, 10] });
  const sent = async (ms: number) => (await vi.advanceTimersByTimeAsync(ms), stage.sent.length);
  stage.add("a", "b", "c", "d");
  expect([await sent(0), await sent(99), await sent(1), await sent(100)]).toEqual([2, 2, 3, 4]);
  expect(await sent(1_000)).toBe(4);
  stage.add("e", "f", "g");
  expect([await sent(0), await sent(100)]).toEqual([6, 7]);
});

test("held, everything waits, up to a bound; failed, nothing waits any more", async () => {
  const stage = new Stage({ waitingMax: 2 });
  stage.add("a", "b");
  stage.queue.hold();
  await stage.answer(again);
  stage.add("c", "d");
  await settled();
  expect(stage.done).toEqual(["d: queue_full"]);
  stage.sent.length = 0;
  stage.queue.release();
  expect(stage.names()).toEqual(["a", "c"]);
  stage.queue.hold();
  stage.add("e");
  stage.queue.fail(SidetalkError.closed("over"));
  await settled();
  expect(stage.done).toEqual(["d: queue_full", "e: closed"]);
});
