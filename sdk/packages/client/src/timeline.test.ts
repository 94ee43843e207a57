import assert from "node:assert/strict";
import { test } from "node:test";
import { Timeline, audienceKey } from "./timeline.js";
import { World } from "./testing/world.js";
import { Stage, entry, message, posted } from "./testing/server.js";
import type { HistoryPage, LogEvents, Message } from "./types.js";

const seqs = (messages: readonly Message[]) => messages.map(({ seq }) => seq);
const page = (messages: Message[], query: HistoryPage["query"], more: Partial<HistoryPage> = {}): HistoryPage => ({
  messages,
  query,
  more_before: false,
  more_after: false,
  asOf: 0,
  ...more,
});

/** A timeline with a part of the log, from then on fed by events. */
function begun(first: number, last: number, more_before = true): Timeline {
  const timeline = new Timeline();
  const messages = [];
  for (let seq = first; seq <= last; seq++) messages.push(message(seq));
  timeline.reset({ messages, more_before });
  return timeline;
}

function happen(timeline: Timeline, { method, params }: { method: string; params: any }): void {
  timeline.apply(method as keyof LogEvents, params);
}

test("pages and events make one ordered list, and say what is missing", () => {
  const timeline = begun(50, 60);
  happen(timeline, posted(61));
  happen(timeline, posted(61));
  assert.deepEqual(timeline.view().gaps, [{ after: 0, before: 50 }]);
  timeline.add(page([message(48), message(49)], { before: 50 }, { more_before: true, asOf: 61 }));
  timeline.add(page([message(20), message(21)], { around: 20 }, { more_before: true, more_after: true, asOf: 61 }));
  assert.deepEqual(seqs(timeline.view().messages), [20, 21, ...Array.from({ length: 14 }, (_, i) => 48 + i)]);
  assert.deepEqual(timeline.view().gaps, [{ after: 0, before: 20 }, { after: 21, before: 48 }]);
  timeline.add(page([message(30)], { after: 21 }, { more_after: true, asOf: 61 }));
  assert.deepEqual(timeline.view().gaps, [{ after: 0, before: 20 }, { after: 30, before: 48 }]);
  timeline.add(page([], { before: 48 }, { asOf: 61 }));
  assert.deepEqual(timeline.view().gaps, []);
});

test("every entry about a message changes it, each once", () => {
  const timeline = begun(1, 3, false);
  const about = (seq: number) => ({ message: `m${seq}`, message_seq: seq });
  const get = () => timeline.get("m2")!;
  happen(timeline, entry(4, "message.edited", { ...about(2), parts: [{ type: "text", text: "new", format: "plain" }], mentions: ["x"] }));
  assert.deepEqual([get().parts.length, get().mentions, get().edited_at !== null], [1, ["x"], true]);
  happen(timeline, entry(5, "message.pinned", about(2), "alice"));
  assert.equal(get().pin?.by, "alice");
  assert.deepEqual(seqs(timeline.pinned()), [2]);
  happen(timeline, entry(6, "message.unpinned", about(2)));
  assert.equal(get().pin, null);
  for (const [seq, user] of [[7, "a"], [8, "b"], [9, "a"]] as const) happen(timeline, entry(seq, "reaction.added", { ...about(2), emoji: "👍" }, user));
  assert.deepEqual(get().reactions, [{ emoji: "👍", count: 2, users: ["a", "b"] }]);
  happen(timeline, entry(10, "reaction.removed", { ...about(2), emoji: "👍" }, "a"));
  happen(timeline, entry(10, "reaction.removed", { ...about(2), emoji: "👍" }, "b"));
  assert.deepEqual(get().reactions, [{ emoji: "👍", count: 1, users: ["b"] }]);
  happen(timeline, entry(11, "message.deleted", about(2)));
  assert.deepEqual([get().parts, get().reactions, get().deleted_at !== null], [[], [], true]);
  assert.deepEqual(seqs(timeline.view().messages), [1, 2, 3], "a tombstone stays");
});

test("conversations are told apart by their audience, whatever the order of its users", () => {
  const timeline = new Timeline();
  const pair = { type: "users", users: ["bob", "alice"] } as const;
  timeline.reset({
    messages: [message(1), message(2, "bob", { audience: pair }), message(3, "bob", { audience: { type: "group", group: "staff" } })],
    more_before: false,
  });
  assert.equal(audienceKey(pair), audienceKey({ type: "users", users: ["alice", "bob"] }));
  assert.deepEqual(seqs(timeline.view({ type: "users", users: ["alice", "bob"] }).messages), [2]);
  assert.deepEqual(seqs(timeline.view({ type: "room" }).messages), [1]);
  assert.deepEqual(timeline.conversations().map(({ key }) => key), ["group:staff", "users:alice,bob", "room"]);
  happen(timeline, entry(4, "history.cleared", { audience: pair }));
  assert.deepEqual(seqs(timeline.view().messages), [1, 3]);
  timeline.add(page([message(2, "bob", { audience: pair })], { before: 3 }));
  assert.deepEqual(seqs(timeline.view().messages), [1, 3], "a page from before it was cleared brings nothing back");
});

test("a page of one conversation fills only that conversation", () => {
  const timeline = begun(50, 51);
  const staff = { type: "group", group: "staff" } as const;
  timeline.add(page([message(7, "bob", { audience: staff })], { before: 50, audience: staff }, { asOf: 51 }));
  assert.deepEqual(seqs(timeline.view().messages), [50, 51]);
  assert.deepEqual(seqs(timeline.view(staff).messages), [7]);
  assert.deepEqual(timeline.view(staff).gaps, []);
  assert.deepEqual(timeline.view().gaps, [{ after: 0, before: 50 }]);
});

test("a view is the same object until something changes, and so is a message", () => {
  const timeline = begun(1, 3, false);
  const before = timeline.view();
  assert.equal(timeline.view(), before);
  happen(timeline, posted(4));
  assert.notEqual(timeline.view(), before);
  assert.equal(timeline.view().messages[0], before.messages[0]);
});

test("attached to a room it shows history, what is live, and what is on its way", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room({}, { history: { messages: [message(1)], more_before: false }, pinned: [message(1)] });
  const timeline = new Timeline();
  const detach = timeline.attach(room);
  const kinds: string[] = [];
  timeline.on("change", ({ kind, ids }) => kinds.push(`${kind} ${ids.join()}`));
  void room.post({ text: "psst", audience: { type: "users", users: ["bob"] } });
  assert.equal(timeline.view({ type: "users", users: ["bob", "alice"] }).pending.length, 1);
  assert.equal(timeline.view({ type: "room" }).pending.length, 0);
  const audience = { type: "users", users: ["alice", "bob"] };
  await peer.say({ jsonrpc: "2.0", ...posted(2, "alice", { client_id: "c1", audience }) });
  assert.deepEqual([seqs(timeline.view().messages), timeline.view().pending.length], [[1, 2], 0]);
  assert(kinds.includes("messages m2"));
  await stage.rejoin({ resume: "too_old", history: { messages: [message(90)], more_before: true } });
  assert.deepEqual(seqs(timeline.view().messages), [90]);
  assert.deepEqual(timeline.view().gaps, [{ after: 0, before: 90 }]);
  detach();
  await stage.peer.say({ jsonrpc: "2.0", ...posted(91) });
  assert.deepEqual(seqs(timeline.view().messages), [90]);
});

test("attached late it leaves a gap rather than a hole", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room({}, { history: { messages: [message(1)], more_before: false } });
  await peer.say({ jsonrpc: "2.0", ...posted(2) });
  const timeline = new Timeline();
  timeline.attach(room);
  await peer.say({ jsonrpc: "2.0", ...posted(3) });
  assert.deepEqual(seqs(timeline.view().messages), [3]);
  assert.deepEqual(timeline.view().gaps, [{ after: 0, before: 3 }]);
});

test("without any history there is one gap, until the first entry tells where", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room({ history: 0 }, { history: { messages: [], more_before: true } });
  const timeline = new Timeline();
  timeline.attach(room);
  const [gap] = timeline.view().gaps;
  assert.equal(gap?.after, 0);
  timeline.add(page([message(7), message(8)], { before: gap!.before }, { more_before: true }));
  assert.deepEqual([seqs(timeline.view().messages), timeline.view().gaps], [[7, 8], [{ after: 0, before: 7 }]]);
  await peer.say({ jsonrpc: "2.0", ...posted(9) });
  assert.deepEqual(seqs(timeline.view().messages), [7, 8, 9]);
  const other = new Timeline();
  other.reset({ messages: [], more_before: true });
  happen(other, posted(9));
  assert.deepEqual([seqs(other.view().messages), other.view().gaps], [[9], [{ after: 0, before: 9 }]]);
});

test("an empty first page of a room that has messages is a gap, not the whole room", async () => {
  for (const resume of ["none", "too_old"]) {
    const stage = new Stage();
    const empty = { position: "e-42", resume, history: { messages: [], more_before: true } };
    const { room } = await stage.room({ history: 0 }, empty);
    const timeline = new Timeline();
    timeline.attach(room);
    if (resume === "too_old") await stage.rejoin(empty);
    for (const seq of [43, 44]) await stage.peer.say({ jsonrpc: "2.0", ...entry(seq, "reaction.added", { message: "m40", message_seq: 40, emoji: "👍" }, `user${seq}`) });
    assert.deepEqual([seqs(timeline.view().messages), timeline.view().gaps], [[], [{ after: 0, before: 43 }]], resume);
    // Shorter than what was asked for, and not the end.
    timeline.add(page([message(40)], { before: 43, limit: 100 }, { more_before: true, asOf: room.lastSeq }));
    assert.deepEqual([seqs(timeline.view().messages), timeline.view().gaps], [[40], [{ after: 0, before: 40 }]], resume);
    timeline.add(page([message(7)], { before: 40, limit: 100 }, { asOf: room.lastSeq }));
    assert.deepEqual([seqs(timeline.view().messages), timeline.view().gaps], [[7, 40], []], resume);
  }
});

test("a page that the server has cut short covers no more than it has", () => {
  const timeline = begun(90, 90);
  const cut = { more_before: true, more_after: true, asOf: 90 };
  timeline.add(page([message(80)], { before: 90, limit: 300 }, cut));
  timeline.add(page([message(21), message(22)], { after: 20, limit: 300 }, cut));
  timeline.add(page([message(50)], { around: 50, limit: 300 }, cut));
  assert.deepEqual(timeline.view().gaps, [{ after: 0, before: 21 }, { after: 22, before: 50 }, { after: 50, before: 80 }]);
  assert.deepEqual(seqs(timeline.view().messages), [21, 22, 50, 80, 90]);
});

// Pages are read at any moment at or after the last entry that we had when we asked, arrive at any later moment, and
// messages that are read back from the log show themselves as they are now. Whatever the order, at the end the timeline
// is what the server has.
test("any interleaving of pages, events, replays and resets ends in the server's state", () => {
  const runs = Number(process.env["SIDETALK_RUNS"] ?? 400);
  for (let seed = 1; seed <= runs; seed++) {
    const world = new World(seed);
    const { timeline } = world;
    for (let step = 0; step < 120; step++) world.step();
    world.finish();
    const shown = timeline.view();
    assert.deepEqual(shown.gaps, [], `seed ${seed}`);
    assert.deepEqual(shown.messages.map(comparable), world.messages().map(comparable), `seed ${seed}`);
    for (const { audience } of timeline.conversations()) {
      const key = audienceKey(audience);
      const expected = world.messages().filter((one) => audienceKey(one.audience) === key);
      assert.deepEqual(seqs(timeline.view(audience).messages), seqs(expected), `seed ${seed}`);
    }
  }
});

test("20,000 messages: a page, a change and a view stay quick", () => {
  const timeline = begun(20_001, 20_100);
  const started = performance.now();
  for (let last = 20_000; last > 0; last -= 100) {
    const messages = Array.from({ length: 100 }, (_, i) => message(last - 99 + i));
    timeline.add(page(messages, { before: last + 1 }, { more_before: last > 100, asOf: 20_100 }));
  }
  for (let seq = 20_101; seq < 20_300; seq++) {
    happen(timeline, entry(seq, "reaction.added", { message: `m${seq - 10_000}`, message_seq: seq - 10_000, emoji: "👍" }));
    timeline.view();
  }
  const tookMs = performance.now() - started;
  assert.equal(timeline.view().messages.length, 20_100);
  assert(tookMs < 10_000, `${tookMs} ms`);
});

/** The order of emoji is the server's; live it can differ after one was taken back. */
function comparable(one: Message): Message {
  const reactions = [...one.reactions]
    .sort((a, b) => (a.emoji < b.emoji ? -1 : 1))
    .map((reaction) => ({ ...reaction, users: [...reaction.users].sort() }));
  return { ...one, reactions };
}
