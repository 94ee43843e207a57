import { afterEach, expect, test, vi } from "vitest";
import { Emitter } from "./events.js";

afterEach(() => vi.unstubAllGlobals());

function ears() {
  const emitter = new Emitter<{ a: any; b: any }>();
  const heard: string[] = [];
  const say = (...names: string[]) => (names.forEach((name) => emitter.say(name)), heard.splice(0).join(" "));
  const note = (text: string) => () => void heard.push(text);
  return { emitter, say, note };
}

test("on, once: a name, names with spaces between them, an object, with a context, chained", () => {
  const { emitter, say, note } = ears();
  const context = { in: "context" };
  const seen: unknown[] = [];
  expect(
    emitter
      .on("a", note("1"))
      .on(" a  b ", note("2"))
      .on({ a: note("3"), "b c": note("4") })
      .on("a", function (this: unknown) { seen.push(this); }, context)
      .on({ a(this: unknown) { seen.push(this); } }, context)
      .on("a", function (this: unknown) { seen.push(this); }),
  ).toBe(emitter);
  expect(say("a", "b", "c")).toBe("1 2 3 2 4 4");
  expect(seen).toEqual([context, context, emitter]);
  emitter.off();
  emitter.once("a b", note("once")).once({ a: note("map") });
  expect(say("a", "a", "b", "b")).toBe("once map once");
});

test("off: a handler, all of a name, a list, an object, a context, everything", () => {
  const { emitter, say, note } = ears();
  const [one, two] = [note("1"), note("2")];
  const add = () => emitter.off().on("a b", one).on("a b", two);
  add().off("a", one);
  expect(say("a", "b")).toBe("2 1 2");
  add().off("a");
  expect(say("a", "b")).toBe("1 2");
  add().off("a b", one);
  expect(say("a", "b")).toBe("2 2");
  add().off({ a: one, b: two });
  expect(say("a", "b")).toBe("2 1");
  const [x, y] = [{}, {}];
  emitter.off().on("a", one, x).on("a", one, y).on({ a: two }, x).off("a", one, x);
  expect(say("a")).toBe("1 2");
  emitter.off({ a: two }, y);
  expect(say("a")).toBe("1 2");
  emitter.off({ a: two }, x);
  expect(say("a")).toBe("1");
  add().off();
  expect(say("a", "b")).toBe("");
  expect(emitter.off("unknown", one).off()).toBe(emitter);
});

test("addEventListener, removeEventListener", () => {
  const { emitter, say, note } = ears();
  const one = note("1");
  emitter.addEventListener("a", one);
  expect(say("a")).toBe("1");
  emitter.removeEventListener("a", one);
  expect(say("a")).toBe("");
});

test("a handler that throws, leaves or adds disturbs nobody; what is no function is left out", () => {
  const errors: unknown[] = [];
  vi.stubGlobal("queueMicrotask", (run: () => void) => {
    try {
      run();
    } catch (error) {
      errors.push((error as Error).message);
    }
  });
  const { emitter, say, note } = ears();
  const leaves = () => void emitter.off("a", leaves).on("a", note("added"));
  emitter
    .on("a", () => {
      throw new Error("first");
    })
    .on("a", leaves)
    .on("a", note("last"))
    .on("a", undefined as never);
  expect(say("a")).toBe("last");
  expect(say("a")).toBe("last added");
  expect(errors).toEqual(["first", "first"]);
});

test("an event is a plain object that pages may write to", () => {
  const emitter = new Emitter<{ a: any }>();
  const events: any[] = [];
  emitter.on("a", (event) => {
    events.push({ ...event });
    event.data = JSON.parse(event.data);
    event.preventDefault();
  });
  emitter.on("a", (event) => events.push(event));
  emitter.say("a", { data: "[1]" });
  expect(events[0]).toMatchObject({ type: "a", target: emitter, cancelable: false, data: "[1]" });
  expect([events[1].data, events[1].isDefaultPrevented()]).toEqual([[1], true]);
});
