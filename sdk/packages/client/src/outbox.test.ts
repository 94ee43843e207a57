import assert from "node:assert/strict";
import { test } from "node:test";
import type { Room } from "./room.js";
import { Stage, joinResult, posted, rejects } from "./testing/server.js";

function watch(room: Room): string[] {
  const seen: string[] = [];
  room.on("pending", ({ change, message }) => seen.push(`${change} ${message.client_id} ${message.state}`));
  room.on("message.posted", ({ message }) => seen.push(`posted ${message.seq} ${message.client_id}`));
  return seen;
}

const ack = (seq: number, repeated = false) => ({ id: `m${seq}`, seq, position: `e-${seq}`, posted_at: "t", repeated });

test("a message shows at once, is acknowledged, and goes over into the log", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const seen = watch(room);
  const posting = room.post("hello");
  assert.deepEqual(seen, ["added c1 queued", "changed c1 sending"]);
  assert.deepEqual(room.pending.map(({ draft }) => draft), [{ text: "hello", client_id: "c1" }]);
  const request = peer.take("message.post");
  assert.deepEqual(request.params, { room: "r", text: "hello", client_id: "c1" });
  await peer.answer(request, ack(1));
  assert.deepEqual(await posting, ack(1));
  await peer.say({ jsonrpc: "2.0", ...posted(1, "alice", { client_id: "c1" }) });
  assert.deepEqual(seen.slice(2), ["changed c1 sent", "posted 1 c1", "removed c1 sent"]);
  assert.deepEqual(room.pending, []);
});

test("the notification may come before the answer", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const posting = room.post({ text: "hello", audience: { type: "users", users: ["bob"] }, reply_to: "m0" });
  const request = peer.take("message.post");
  await peer.say({ jsonrpc: "2.0", ...posted(1, "alice", { client_id: "c1" }) });
  assert.equal((await posting).seq, 1);
  assert.deepEqual(room.pending, []);
  await peer.answer(request, ack(1));
  assert.deepEqual(room.pending, []);
});

test("somebody else's message with the same client_id is not ours", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  void room.post("hello");
  await peer.say({ jsonrpc: "2.0", ...posted(1, "bob", { client_id: "c1" }) });
  assert.equal(room.pending.length, 1);
});

test("messages are sent one after the other, so that nothing can change their order", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const all = ["a", "b", "c"].map((text) => room.post(text));
  await peer.refuse(peer.take("message.post"), "rate_limited", 400);
  assert.deepEqual(peer.inbox, []);
  await stage.clock.pass(400);
  for (const [i, text] of ["a", "b", "c"].entries()) {
    const request = peer.take("message.post");
    assert.equal(request.params["text"], text);
    await peer.answer(request, ack(i + 1));
  }
  assert.deepEqual((await Promise.all(all)).map(({ seq }) => seq), [1, 2, 3]);
});

test("a message whose answer was lost is sent again under the same id", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const posting = room.post("hello");
  peer.take("message.post");
  const next = await stage.rejoin({ resume: "ok", history: null });
  const again = next.take("message.post");
  assert.equal(again.params["client_id"], "c1");
  await next.answer(again, ack(1, true));
  assert.equal((await posting).repeated, true);
});

test("a message that the replay already holds is not sent again", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const posting = room.post("hello");
  peer.take("message.post");
  const events = [posted(1, "alice", { client_id: "c1" })];
  const next = await stage.rejoin({ resume: "ok", history: null, events });
  assert.equal((await posting).seq, 1);
  assert.deepEqual(next.inbox, []);
  assert.deepEqual(room.pending, []);
});

test("what was acknowledged but fell out of reach does not stay pending", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const posting = room.post("hello");
  await peer.answer(peer.take("message.post"), ack(5));
  await posting;
  assert.equal(room.pending[0]?.state, "sent");
  const later = posted(900).params.message;
  await stage.rejoin({ resume: "too_old", history: { messages: [later], more_before: true } });
  assert.deepEqual(room.pending, []);
});

test("a message that the server cannot read, or would not, fails instead of breaking one link after the other", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const deep = rejects(room.post("\ud800"), "malformed_json");
  peer.take("message.post");
  await peer.say({ jsonrpc: "2.0", id: null, error: { code: -32700, message: "no", data: { code: "malformed_json" } } });
  await deep;
  await rejects(room.post("é".repeat(33_000)), "too_large");
  await rejects(room.signal("x", "é".repeat(33_000)), "too_large");
  await room.signal("x", "é".repeat(33_000), { confirm: false });
  assert.deepEqual(peer.inbox, []);
  assert.equal(stage.client.state.status, "online");
  void room.post("é".repeat(32_000));
  peer.take("message.post");
});

test("a message that was cleared away before it came back does not stay pending", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const posting = room.post("hello");
  await peer.answer(peer.take("message.post"), ack(5));
  await posting;
  await peer.say({ jsonrpc: "2.0", ...posted(6) });
  assert.deepEqual(room.pending, []);
  const again = room.post("hello");
  await peer.answer(peer.take("message.post"), ack(7));
  await again;
  await stage.rejoin({ resume: "ok", history: null, events: [] });
  assert.deepEqual(room.pending, []);
});

test("messages written while offline are sent when the room is back", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  await peer.drop();
  const posting = room.post("from the tunnel");
  assert.equal(room.pending[0]?.state, "queued");
  await stage.clock.pass(1_000);
  const next = await stage.welcome();
  await next.answer(next.take("room.join"), joinResult({ resume: "ok", history: null }));
  await next.answer(next.take("message.post"), ack(1));
  await posting;
});

test("slow mode is told at once, with the time to wait; the next message goes its own way", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const failing = rejects(room.post("too quick"), "slow_mode");
  await peer.refuse(peer.take("message.post"), "slow_mode", 900);
  assert.equal((await failing).retryAfterMs, 900);
  const [failed] = room.pending;
  assert.equal(failed?.state, "failed");
  assert.equal(failed?.error?.code, "slow_mode");
  await stage.clock.pass(900);
  const retried = failed!.retry();
  const again = peer.take("message.post");
  assert.equal(again.params["client_id"], "c1");
  await peer.answer(again, ack(1));
  assert.equal((await retried).seq, 1);
});

test("a refusal that does not pass after some tries fails the message", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const failing = rejects(room.post("hello"), "unavailable");
  for (let i = 0; i < 9; i++) {
    await peer.refuse(peer.take("message.post"), "unavailable");
    await stage.clock.pass(10_000);
  }
  await failing;
  assert.deepEqual(peer.inbox, []);
  const long = rejects(room.post("hello"), "rate_limited");
  await peer.refuse(peer.take("message.post"), "rate_limited", 3_600_000);
  await long;
});

test("nobody has to catch: the failure is in `pending`", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  void room.post("hello");
  await peer.refuse(peer.take("message.post"), "muted");
  assert.equal(room.pending[0]?.error?.code, "muted");
  room.pending[0]!.discard();
  assert.deepEqual(room.pending, []);
});

test("aborting and discarding take a message back while it is not stored", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const abort = new AbortController();
  const first = rejects(room.post("a", { signal: abort.signal }), "aborted");
  const second = rejects(room.post("b"), "aborted");
  room.pending[1]!.discard();
  await second;
  const request = peer.take("message.post");
  abort.abort();
  await first;
  assert.deepEqual(room.pending, []);
  await peer.answer(request, ack(1));
  await rejects(room.post("c", { signal: AbortSignal.abort() }), "aborted");
  assert.deepEqual(peer.inbox, []);
});

test("the queue has an end", async () => {
  const stage = new Stage({ queueLimit: 2 });
  const { room, peer } = await stage.room();
  void room.post("a");
  void room.post("b");
  await rejects(room.post("c"), "queue_full");
  await peer.refuse(peer.take("message.post"), "muted");
  await peer.refuse(peer.take("message.post"), "muted");
  void room.post("d");
  await peer.refuse(peer.take("message.post"), "muted");
  assert.deepEqual(room.pending.map(({ draft }) => draft.text), ["b", "d"], "the oldest failed one is let go");
});

test("closing fails what waits; after a new start it can be tried again", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const failing = rejects(room.post("hello"), "closed");
  await peer.drop(4501);
  await failing;
  stage.connect();
  const next = await stage.welcome();
  await next.answer(next.take("room.join"), joinResult({ resume: "ok", history: null }));
  const retried = room.pending[0]!.retry();
  await next.answer(next.take("message.post"), ack(1));
  await retried;
});
