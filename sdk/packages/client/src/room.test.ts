import assert from "node:assert/strict";
import { test } from "node:test";
import type { Room } from "./room.js";
import { settled } from "./testing/clock.js";
import { Stage, entry, joinResult, message, posted, rejects, sender } from "./testing/server.js";

/** What a listener hears, as text. */
function listen(room: Room): string[] {
  const heard: string[] = [];
  room.on("*", (event, type) => {
    if (type === "state") return;
    const { seq, message: about, change, active } = event as any;
    const detail = seq ?? (change && `${change} ${about.client_id} ${about.state}`) ?? active;
    heard.push(detail === undefined ? type : `${type} ${detail}`);
  });
  return heard;
}

test("joins with what was asked for and gives back the room", async () => {
  const stage = new Stage();
  const peer = await stage.online();
  const joining = stage.client.join("r", { history: 5, presence: false, data: "x" });
  assert.equal(stage.client.join("r") instanceof Promise, true);
  const request = peer.take("room.join");
  assert.deepEqual(request.params, { room: "r", history: 5, presence: false, data: "x" });
  await peer.answer(request, joinResultWith([message(4), message(7)]));
  const room = await joining;
  assert.equal(room.state.status, "joined");
  assert.equal(room.lastSeq, 7);
  assert.equal(room.joined.history?.messages.length, 2);
  assert.equal(stage.client.rooms.get("r"), room);
  assert.equal(await stage.client.join("r"), room);
});

test("whoever listens right after joining misses nothing, even if all comes in one go", async () => {
  const stage = new Stage();
  const peer = await stage.online();
  const heard: string[] = [];
  const joined = stage.client.join("r").then((room) => {
    room.on("message.posted", ({ seq }) => heard.push(`posted ${seq}`));
  });
  const { id } = peer.take("room.join");
  const { method, params } = posted(1);
  await peer.say(
    { jsonrpc: "2.0", id, result: joinResultWith([]) },
    { jsonrpc: "2.0", method, params },
    { jsonrpc: "2.0", ...posted(2) },
  );
  await joined;
  await stage.clock.pass(0);
  await peer.say({ jsonrpc: "2.0", ...posted(3) });
  assert.deepEqual(heard, ["posted 1", "posted 2", "posted 3"]);
});

test("a join that is refused rejects, one that is aborted is taken back", async () => {
  const stage = new Stage();
  const peer = await stage.online();
  const refused = rejects(stage.client.join("r"), "banned");
  await peer.refuse(peer.take("room.join"), "banned");
  await refused;
  const abort = new AbortController();
  const aborted = rejects(stage.client.join("r", { signal: abort.signal }), "aborted");
  peer.take("room.join");
  abort.abort();
  await aborted;
  peer.take("room.leave");
  const late = rejects(stage.client.join("r", { timeoutMs: 10 }), "offline_timeout");
  await stage.clock.pass(10);
  await late;
  assert.equal(stage.client.rooms.size, 0);
});

test("a join that is refused for now is tried again", async () => {
  const stage = new Stage();
  const peer = await stage.online();
  const joining = stage.client.join("r");
  await peer.refuse(peer.take("room.join"), "rate_limited", 700);
  await stage.clock.pass(700);
  await peer.answer(peer.take("room.join"), joinResultWith([]));
  assert.equal((await joining).state.status, "joined");
});

test("after a lost link it gives its position back and tells what was missed, in order, each once", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room({}, joinResultWith([message(1)]));
  const heard = listen(room);
  await peer.say({ jsonrpc: "2.0", ...posted(2) });
  await peer.drop();
  assert.equal(room.state.status, "offline");
  await stage.clock.pass(1_000);
  const next = await stage.welcome();
  const request = next.take("room.join");
  assert.equal(request.params["position"], "e-2");
  assert.equal(room.state.status, "joining");
  // Rooms that one is a member of are told of before the join is answered; the answer holds the same.
  await next.say({ jsonrpc: "2.0", ...posted(5) });
  await next.answer(request, {
    ...joinResultWith(null),
    resume: "ok",
    position: "e-5",
    events: [posted(2), posted(3), entry(4, "message.edited", { message: "m3", message_seq: 3, parts: [], mentions: [] }), posted(5)],
  });
  await next.say({ jsonrpc: "2.0", ...posted(5) }, { jsonrpc: "2.0", ...posted(6) });
  assert.deepEqual(heard, [
    "message.posted 2",
    "message.posted 3",
    "message.edited 4",
    "message.posted 5",
    "resumed",
    "message.posted 6",
  ]);
  assert.equal(room.state.position, "e-6");
});

test("what cannot be replayed is said plainly", async () => {
  for (const resume of ["too_old", "epoch_changed"] as const) {
    const stage = new Stage();
    const { room } = await stage.room({}, joinResultWith([message(900)]));
    const resets: string[] = [];
    room.on("reset", ({ reason, joined }) => resets.push(`${reason} ${joined.history?.messages.length} ${joined.asOf}`));
    const peer = await stage.rejoin({ ...joinResultWith([message(1), message(2)]), resume, position: "f-2" });
    assert.deepEqual(resets, [`${resume} 2 2`]);
    const heard = listen(room);
    await peer.say({ jsonrpc: "2.0", ...posted(3) });
    assert.deepEqual(heard, ["message.posted 3"], "the new log counts from its own beginning");
  }
});

test("the state follows the events", async () => {
  const stage = new Stage();
  const bob = { connection: "conn-bob", user: "bob", name: "Bob", role: "member", groups: [], data: "" };
  const { room, peer } = await stage.room({}, { presence: [bob] });
  const before = room.state;
  const say = (method: string, more: object) => peer.say({ jsonrpc: "2.0", ...entry(room.lastSeq + 1, method, more) });
  await say("chat.disabled", {});
  await say("room.slow_mode_set", { slow_mode_s: 5 });
  await say("room.title_set", { title: "Maths" });
  await say("member.muted", { user: "alice", until: null });
  await say("member.role_set", { user: "bob", role: "moderator" });
  await peer.notify("presence.joined", { room: "r", presence: { ...bob, connection: "conn-carol", user: "carol" } });
  assert.equal(before.settings.chat_enabled, true);
  const { settings, room: info, me, presence, presenceTotal, position } = room.state;
  assert.deepEqual(settings, { chat_enabled: false, slow_mode_s: 5, private_chat: "everyone", retention_s: null });
  assert.equal(info.title, "Maths");
  assert.deepEqual(me.muted, { until: null });
  assert.equal(presence.get("conn-bob")?.role, "moderator");
  assert.equal(presenceTotal, 2);
  assert.equal(position, "e-5");
  await say("member.role_set", { user: "alice", role: "owner" });
  await say("member.role_set", { user: "alice", role: null });
  assert.equal(room.state.me.role, "member");
  await peer.notify("presence.left", { room: "r", connection: "conn-bob", user: "bob", reason: "left" });
  assert.equal(presence.has("conn-bob"), false);
});

test("being put out ends the room; calls that wait end with it", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const reasons: string[] = [];
  room.on("removed", ({ reason }) => reasons.push(reason));
  await peer.notify("room.removed", { room: "r", reason: "kicked" });
  assert.deepEqual(reasons, ["kicked"]);
  assert.equal(room.state.status, "removed");
  await rejects(room.pin("m1"), "closed");
  await rejects(room.post("hi"), "closed");
  await stage.peer.drop();
  await stage.clock.pass(1_000);
  const next = await stage.welcome();
  assert.deepEqual(next.inbox, [], "it does not come back by itself");
});

test("a rejoin that is refused for good ends the room", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const reasons: string[] = [];
  room.on("removed", ({ reason, error }) => reasons.push(`${reason} ${error?.code}`));
  await peer.drop();
  const waiting = rejects(room.pin("m1"), "room_gone");
  await stage.clock.pass(1_000);
  const next = await stage.welcome();
  await next.refuse(next.take("room.join"), "room_gone");
  assert.deepEqual(reasons, ["room_gone room_gone"]);
  await rejects(room.unpin("m1"), "room_gone");
  await waiting;
});

test("calls made without a link wait for the room, not only for the link", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  await peer.drop();
  const pinning = room.pin("m1");
  await stage.clock.pass(1_000);
  const next = await stage.welcome();
  const join = next.take("room.join");
  assert.deepEqual(next.inbox, []);
  await next.answer(join, { ...joinResultWith(null), resume: "ok" });
  const request = next.take("message.pin");
  assert.deepEqual(request.params, { room: "r", message: "m1" });
  await next.answer(request, { position: "e-1", changed: true });
  assert.deepEqual(await pinning, { position: "e-1", changed: true });
});

test("each call says what the contract says", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const audience = { type: "group", group: "staff" } as const;
  const calls: [() => Promise<unknown>, string, object][] = [
    [() => room.edit("m", "new"), "message.edit", { message: "m", text: "new" }],
    [() => room.edit("m", { text: "*n*", format: "markdown" }), "message.edit", { message: "m", text: "*n*", format: "markdown" }],
    [() => room.delete("m"), "message.delete", { message: "m" }],
    [() => room.unpin("m"), "message.unpin", { message: "m" }],
    [() => room.react("m", "👍"), "reaction.add", { message: "m", emoji: "👍" }],
    [() => room.unreact("m", "👍"), "reaction.remove", { message: "m", emoji: "👍" }],
    [() => room.message("m"), "message.get", { message: "m" }],
    [() => room.history({ before: 9, audience }), "room.history", { before: 9, audience }],
    [() => room.search("cat"), "room.search", { text: "cat" }],
    [() => room.unread(), "room.unread", {}],
    [() => room.signal("poll", { a: 1 }, { to: { type: "connections", connections: ["c"] } }), "signal.send", { type: "poll", data: { a: 1 }, to: { type: "connections", connections: ["c"] } }],
    [() => room.enableChat(), "chat.enable", {}],
    [() => room.disableChat(), "chat.disable", {}],
    [() => room.clearHistory({ audience }), "history.clear", { audience }],
    [() => room.update({ title: null, slow_mode_s: 3 }), "room.update", { title: null, slow_mode_s: 3 }],
    [() => room.members(), "member.list", {}],
    [() => room.mute("bob", { durationS: 60 }), "member.mute", { user: "bob", duration_s: 60 }],
    [() => room.unmute("bob"), "member.unmute", { user: "bob" }],
    [() => room.kick("bob"), "member.kick", { user: "bob" }],
    [() => room.ban("bob"), "member.ban", { user: "bob" }],
    [() => room.unban("bob"), "member.unban", { user: "bob" }],
    [() => room.invite("bob"), "member.invite", { user: "bob" }],
    [() => room.addMember("bob"), "member.add", { user: "bob" }],
    [() => room.setRole("bob", null), "member.set_role", { user: "bob", role: null }],
    [() => room.setGroups("bob", ["a"]), "member.set_groups", { user: "bob", groups: ["a"] }],
    [() => room.acceptInvitation(), "membership.accept", {}],
    [() => room.leaveMembership(), "membership.leave", {}],
  ];
  for (const [make, method, params] of calls) {
    const result = make();
    const request = peer.take(method);
    assert.deepEqual(request.params, { room: "r", ...params });
    await peer.answer(request, {});
    await result;
  }
  const leaving = room.leave();
  await peer.answer(peer.take("room.leave"), {});
  await leaving;
  assert.equal(room.state.status, "left");
});

test("who leaves while the room is being joined again is not let in behind his back", async () => {
  const stage = new Stage();
  const { room } = await stage.room();
  await stage.peer.drop();
  await stage.clock.pass(1_000);
  const peer = await stage.welcome();
  const rejoin = peer.take("room.join");
  const leaving = room.leave();
  const leave = peer.take("room.leave");
  await peer.answer(rejoin, joinResult());
  await peer.answer(leave, {});
  await leaving;
  assert.equal(room.state.status, "left");
});

test("typing is told seldom, and taken back", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const told = () => peer.inbox.splice(0).map(({ id, params }) => (assert.equal(id, undefined), params["active"]));
  for (let i = 0; i < 8; i++) {
    room.typing(true);
    await stage.clock.pass(500);
  }
  assert.deepEqual(told(), [true, true]);
  await stage.clock.pass(5_000);
  assert.deepEqual(told(), [false]);
  room.typing(false);
  assert.deepEqual(told(), []);
  room.typing(true);
  void room.post("done");
  assert.deepEqual(peer.inbox.map(({ method }) => method), ["typing.set", "typing.set", "message.post"]);
});

test("whoever types and goes silent has stopped", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const heard = listen(room);
  await peer.notify("typing", { room: "r", from: sender("bob"), active: true });
  await stage.clock.pass(7_000);
  await peer.notify("typing", { room: "r", from: sender("bob"), active: true });
  await stage.clock.pass(7_000);
  assert.deepEqual(heard, ["typing true", "typing true"]);
  await stage.clock.pass(1_000);
  assert.deepEqual(heard, ["typing true", "typing true", "typing false"]);
});

test("read markers only move forward, and quick ones are joined", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const first = room.markRead(3);
  const others = [room.markRead(4), room.markRead(9), room.markRead(7)];
  await peer.answer(peer.take("receipt.set"), { seq: 3 });
  const second = peer.take("receipt.set");
  assert.deepEqual(second.params, { room: "r", seq: 9 });
  await peer.answer(second, { seq: 9 });
  assert.deepEqual(await Promise.all([first, ...others]), [9, 9, 9, 9]);
  assert.equal(await room.markRead(5), 9);
  await peer.notify("receipt.set", { room: "r", seq: 20, audience: { type: "room" } });
  assert.equal(await room.markRead(15), 20);
  assert.deepEqual(peer.inbox, []);
});

test("signals without confirmation ask for no answer; a signal that was stored says where", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  assert.equal(await room.signal("cursor", [1, 2], { confirm: false }), null);
  assert.equal(peer.take("signal.send").id, undefined);
  const stored = room.signal("chat", "hello");
  await peer.answer(peer.take("signal.send"), { message: { id: "m1", seq: 1, position: "e-1", posted_at: "t" } });
  assert.equal((await stored)?.seq, 1);
  const lost = rejects(room.signal("chat", "again"), "connection_lost");
  await peer.drop();
  await lost;
});

test("a listener that throws disturbs nobody", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  const outside: unknown[] = [];
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => outside.push(error.message));
  room.on("message.posted", () => {
    throw new Error("mine");
  });
  const heard = listen(room);
  await peer.say({ jsonrpc: "2.0", ...posted(1) }, { jsonrpc: "2.0", ...posted(2) });
  await settled();
  process.removeAllListeners("uncaughtException");
  for (const listener of listeners) process.on("uncaughtException", listener);
  assert.deepEqual(heard, ["message.posted 1", "message.posted 2"]);
  assert(outside.includes("mine"));
});

test("rooms survive a client that was closed by its token and started again", async () => {
  const stage = new Stage();
  const { room, peer } = await stage.room();
  await peer.drop(4503);
  assert.equal(room.state.status, "offline");
  const connecting = stage.connect();
  const next = await stage.welcome();
  await connecting;
  const request = next.take("room.join");
  assert.equal(request.params["position"], "e-0");
  await next.answer(request, { ...joinResultWith(null), resume: "ok" });
  assert.equal(room.state.status, "joined");
  stage.client.close();
  assert.equal(room.state.status, "left");
  assert.equal(stage.client.rooms.size, 0);
});

function joinResultWith(messages: object[] | null): object {
  return { ...joinResult(), history: messages && { messages, more_before: false } };
}
