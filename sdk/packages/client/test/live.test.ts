// Against a real server: `SIDETALK_BIN=target/debug/sidetalk npm run test:live`. It starts servers of its own.
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import WebSocket from "ws";
import { SidetalkClient, SidetalkError } from "../src/index.js";
import type { Emitter, JoinOptions, Room, WebSocketConstructor } from "../src/index.js";
import { Timeline } from "../src/timeline.js";
import { LiveServer } from "./server.js";

const { SIDETALK_BIN, INIT_CWD = process.cwd() } = process.env;
if (!SIDETALK_BIN) throw new Error("SIDETALK_BIN is not set: give the path of the server's binary");

const rounds = Number(process.env["SIDETALK_ROUNDS"] ?? 3);
let server: LiveServer;
const clients: SidetalkClient[] = [];
before(async () => void (server = await LiveServer.start(resolve(INIT_CWD, SIDETALK_BIN))));
after(async () => {
  for (const client of clients) client.close();
  await server?.stop();
});

async function person(user: string, claims: object = {}): Promise<SidetalkClient> {
  const client = new SidetalkClient({
    url: server.url,
    token: () => server.token(user, claims),
    WebSocket: WebSocket as unknown as WebSocketConstructor,
    backoff: { firstMs: 50, longestMs: 500 },
  });
  clients.push(client);
  let last = "";
  client.on("state", (state) => void ("error" in state && state.status === "offline" && (last = `${state.status}: ${state.error.message}`)));
  await client.connect({ signal: AbortSignal.timeout(10_000) }).catch((error) => {
    throw new Error(`${user} cannot connect to ${server.url}; ${last}`, { cause: error });
  });
  return client;
}

async function inRoom(room: string, users: string[], options?: JoinOptions): Promise<Room[]> {
  return Promise.all(users.map(async (user) => (await person(user)).join(room, options)));
}

/** The next event of that type that fits. */
function next<E, K extends keyof E>(emitter: Emitter<E>, type: K, fits: (event: E[K]) => boolean = () => true): Promise<E[K]> {
  return new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new Error(`no ${String(type)} within 10 s`)), 10_000);
    const unlisten = emitter.on(type, (event) => {
      if (!fits(event)) return;
      clearTimeout(timer);
      unlisten();
      done(event);
    });
  });
}

const textsOf = (timeline: Timeline) => timeline.view().messages.map(({ parts }) => (parts[0]?.type === "text" ? parts[0].text : ""));

test("a message reaches the others, numbered, and stays for those who come later", async () => {
  const [alice, bob] = (await inRoom("post", ["alice", "bob"])) as [Room, Room];
  const arriving = next(bob, "message.posted");
  const stored = await alice.post("hello");
  const { message } = await arriving;
  assert.deepEqual([message.id, message.seq, message.sender.user], [stored.id, stored.seq, "alice"]);
  assert.deepEqual(message.parts, [{ type: "text", text: "hello", format: "plain" }]);
  const [carol] = (await inRoom("post", ["carol"])) as [Room];
  assert.deepEqual(carol.joined.history?.messages.map(({ id }) => id), [stored.id]);
  assert.deepEqual((await bob.history({ before: stored.seq + 1 })).messages.map(({ id }) => id), [stored.id]);
});

test("sending the same message twice stores it once", async () => {
  const [alice] = (await inRoom("twice", ["alice"])) as [Room];
  const draft = { text: "once", client_id: "my-own-id" };
  const first = await alice.post(draft);
  const second = await alice.post(draft);
  assert.deepEqual([second.id, second.seq, second.repeated], [first.id, first.seq, true]);
  await assert.rejects(alice.post({ ...draft, text: "other" }), (error) => error instanceof SidetalkError && error.code === "conflict");
});

test("edits, reactions, pins and deletions are seen by all, live and in history", async () => {
  const [alice, bob] = (await inRoom("change", ["alice", "bob"])) as [Room, Room];
  const owner = await (await person("olga", { role: "owner" })).join("change");
  const timeline = new Timeline();
  timeline.attach(bob);
  const { id } = await alice.post("first");
  const deleted = await alice.post("to be deleted");
  await alice.edit(id, "second");
  await bob.react(id, "👍");
  await alice.react(id, "👍");
  await bob.unreact(id, "👍");
  await owner.pin(id);
  const last = next(bob, "message.deleted");
  await alice.delete(deleted.id);
  await last;
  const live = timeline.get(id)!;
  assert.deepEqual(live.parts, [{ type: "text", text: "second", format: "plain" }]);
  assert.deepEqual(live.reactions, [{ emoji: "👍", count: 1, users: ["alice"] }]);
  assert.equal(live.pin?.by, "olga");
  const { messages } = await bob.history();
  assert.deepEqual(messages, timeline.view().messages, "the timeline is what the server has");
  await assert.rejects(bob.edit(id, "mine"), { code: "not_author" });
});

test("what is private is seen by those whom it is for", async () => {
  const [alice, bob, carol] = (await inRoom("private", ["alice", "bob", "carol"])) as [Room, Room, Room];
  const heard: string[] = [];
  carol.on("message.posted", ({ message }) => heard.push(message.id));
  const arriving = next(bob, "message.posted");
  const secret = await alice.post({ text: "psst", audience: { type: "users", users: ["bob"] } });
  const { message } = await arriving;
  assert.deepEqual([...(message.audience.type === "users" ? message.audience.users : [])].sort(), ["alice", "bob"]);
  const open = await alice.post("for all");
  await next(carol, "message.posted", ({ message }) => message.id === open.id).catch(() => {});
  assert.deepEqual(heard, [open.id]);
  assert.deepEqual((await carol.history()).messages.map(({ id }) => id), [open.id]);
  await assert.rejects(carol.message(secret.id), { code: "not_found" });
  const timeline = new Timeline();
  const [late] = (await inRoom("private", ["bob"])) as [Room];
  timeline.attach(late);
  assert.equal(timeline.view({ type: "users", users: ["bob", "alice"] }).messages.length, 1);
});

test("signals reach whom they are for and are not kept; chat signals are", async () => {
  const [alice, bob] = (await inRoom("signals", ["alice", "bob"])) as [Room, Room];
  const arriving = next(bob, "signal");
  assert.equal(await alice.signal("poll", { question: 1 }, { to: { type: "users", users: ["bob"] } }), null);
  const { type, data, from } = await arriving;
  assert.deepEqual([type, data, from.user], ["poll", { question: 1 }, "alice"]);
  const posted = next(bob, "message.posted");
  const stored = await alice.signal("chat", "hello");
  assert.equal((await posted).message.id, stored?.id);
  assert.deepEqual((await bob.history()).messages.map(({ label }) => label), ["chat"]);
});

test("typing, presence and read markers", async () => {
  const [alice, bob] = (await inRoom("moments", ["alice", "bob"], { unread: true })) as [Room, Room];
  const typing = next(bob, "typing");
  alice.typing(true);
  assert.deepEqual([(await typing).from.user, (await typing).active], ["alice", true]);
  assert.deepEqual([...bob.state.presence.values()].map(({ user }) => user).sort(), ["alice", "bob"]);
  const { seq } = await alice.post("read me");
  assert.equal((await bob.unread())[0]?.count, 1);
  assert.equal(await bob.markRead(seq), seq);
  assert.equal((await bob.unread())[0]?.count ?? 0, 0);
  const left = next(bob, "presence.left");
  await alice.leave();
  assert.equal((await left).user, "alice");
});

test("moderation is told to the one whom it meets", async () => {
  const [alice] = (await inRoom("moderated", ["alice"])) as [Room];
  const owner = await (await person("olga", { role: "owner" })).join("moderated");
  const muted = next(alice, "member.muted");
  await owner.mute("alice", { durationS: 60 });
  await muted;
  assert(alice.state.me.muted);
  await assert.rejects(alice.post("hello"), { code: "muted" });
  alice.pending[0]!.discard();
  const removed = next(alice, "removed");
  await owner.kick("alice");
  assert.equal((await removed).reason, "kicked");
});

test("killed with -9 and started again: nothing lost, nothing doubled, nothing out of order", { timeout: 60_000 + rounds * 20_000 }, async () => {
  const room = `killed-${Date.now()}`;
  const [alice, bob] = (await inRoom(room, ["alice", "bob"])) as [Room, Room];
  const timelines = [alice, bob].map((one) => {
    const timeline = new Timeline();
    timeline.attach(one);
    return timeline;
  });
  const seqs: number[] = [];
  bob.on("*", (event) => void ("seq" in event && "position" in event && seqs.push(event.seq)));
  const texts: string[] = [];
  const results: Promise<{ seq: number }>[] = [];
  const say = (who: Room, text: string) => (texts.push(text), results.push(who.post(text)));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 6; i++) say(alice, `round ${round}, alice ${i}`);
    for (let i = 0; i < 6; i++) say(bob, `round ${round}, bob ${i}`);
    await sleep(round * 7);
    await server.kill();
    say(alice, `round ${round}, alice while it is down`);
    const back = Promise.all([next(alice, "resumed"), next(bob, "resumed")]);
    await server.restart();
    await back;
  }
  const stored = await Promise.all(results);
  await sleep(300);
  assert.equal(new Set(stored.map(({ seq }) => seq)).size, texts.length, "each has a place of its own");
  assert.deepEqual(seqs, [...new Set(seqs)].sort((a, b) => a - b), "each entry once, in order");
  const all = await (await person("carol")).join(room, { history: 300 });
  assert.equal(all.joined.history!.more_before, false, "too many rounds for one page");
  const kept = all.joined.history!.messages.map(({ parts }) => (parts[0]?.type === "text" ? parts[0].text : ""));
  assert.deepEqual([...kept].sort(), [...texts].sort(), "each is stored once");
  for (const timeline of timelines) {
    assert.deepEqual(textsOf(timeline), kept, "all see the same order");
    assert.deepEqual(timeline.view().pending, []);
  }
  for (const who of ["alice", "bob"]) {
    const own = kept.filter((text) => text.includes(who));
    assert.deepEqual(own, texts.filter((text) => text.includes(who)), `in the order in which ${who} wrote them`);
  }
});
