import { expect, test } from "vitest";
import { type RowMessage, Rows } from "./rows.js";

const noon = new Date(2026, 10, 21, 12).getTime();
function message(seq: number, user: string, minutes: number, audience = "room"): RowMessage {
  return { key: `m${seq}`, seq, user, audience, at: noon + minutes * 60_000 };
}
function show(messages: RowMessage[], unread: number | null = null): string {
  return new Rows()
    .build(messages, { loading: false, unread })
    .slice(1)
    .map((row) => (row.kind === "message" ? `${row.lead ? "[" : ""}${row.key}${row.tail ? "]" : ""}` : row.kind))
    .join(" ");
}

test("messages of one sender within five minutes stand together", () => {
  expect(show([message(1, "ada", 0), message(2, "ada", 1), message(3, "bob", 2), message(4, "bob", 8)])).toBe(
    "day [m1 m2] [m3] [m4]",
  );
});

test("a private message does not hide in a public group", () => {
  expect(show([message(1, "ada", 0), message(2, "ada", 1, "users:ada,bob")])).toBe("day [m1] [m2]");
});

test("each day has one line, also around midnight", () => {
  expect(show([message(1, "ada", 0), message(2, "ada", 719), message(3, "ada", 721)])).toBe("day [m1] [m2] day [m3]");
});

test("the unread line stands above the first message behind the marker", () => {
  expect(show([message(1, "ada", 0), message(2, "ada", 1), message(3, "ada", 2)], 1)).toBe("day [m1] unread [m2 m3]");
  expect(show([message(1, "ada", 0)], 1)).toBe("day [m1]");
});

test("rows that say the same stay the same objects", () => {
  const rows = new Rows<RowMessage>();
  const messages = [message(1, "ada", 0), message(2, "ada", 1), message(3, "bob", 2)];
  const options = { loading: false, unread: null };
  const first = rows.build(messages, options);
  const changed = { ...messages[2]! };
  const second = rows.build([messages[0]!, messages[1]!, changed, message(4, "bob", 3)], options);
  expect(second.slice(0, 4).map((row, at) => row === first[at])).toEqual([true, true, true, true]);
  expect(second[4]).not.toBe(first[4]);
});

test("20,000 messages are laid out within a frame or two", () => {
  const rows = new Rows<RowMessage>();
  const messages = Array.from({ length: 20_000 }, (_, at) => message(at, `u${at % 7}`, at));
  rows.build(messages, { loading: false, unread: null });
  const started = performance.now();
  rows.build(messages, { loading: false, unread: null });
  expect(performance.now() - started).toBeLessThan(150);
});
