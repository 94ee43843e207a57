import assert from "node:assert/strict";
import { test } from "node:test";
import { SidetalkClient } from "./client.js";
import { SidetalkError } from "./errors.js";
import { settled } from "./testing/clock.js";
import { Stage, rejects } from "./testing/server.js";

test("connects under the base path, with the token in the first request and not in the address", async () => {
  const stage = new Stage({ name: "shop/2" });
  const connecting = stage.connect();
  await settled();
  assert.equal(stage.peer.url, "wss://chat.example.org/base/api/v1/connect");
  assert.equal(stage.peer.protocols, "sidetalk.v1");
  await stage.peer.open();
  const { params } = stage.peer.inbox[0]!;
  assert.deepEqual(params, { token: "t1", client: "shop/2 sidetalk-client/0.1.0", received: 0 });
  await stage.peer.answer(stage.peer.take("connect"), { connection: "c", ping_interval_ms: 25_000 });
  assert.equal((await connecting).connection, "c");
  assert.deepEqual(stage.states, ["connecting", "online"]);
});

test("says what to do where there is no WebSocket", async () => {
  const had = globalThis.WebSocket;
  Object.assign(globalThis, { WebSocket: undefined });
  const client = new SidetalkClient({ url: "http://localhost", token: "t" });
  const error = await rejects(client.connect(), "no_websocket");
  assert.match(error.message, /pass one, new SidetalkClient\(\{ WebSocket/);
  Object.assign(globalThis, { WebSocket: had });
});

test("an address that is none ends the client with a clear text", async () => {
  const stage = new Stage({ url: "::" });
  const error = await rejects(stage.connect(), "invalid");
  assert.match(error.message, /not a URL: ::/);
});

test("tries again with growing pauses, and begins anew after a link that held", async () => {
  const stage = new Stage();
  stage.connect();
  await settled();
  const pauses: number[] = [];
  const drop = async (code?: number, reason?: string) => {
    await stage.peer.drop(code, reason);
    const { state } = stage.client;
    assert.equal(state.status, "offline");
    const pause = state.status === "offline" ? state.retryAt - stage.clock.date() : 0;
    pauses.push(pause);
    const before = stage.peers.length;
    await stage.clock.pass(pause - 1);
    assert.equal(stage.peers.length, before);
    await stage.clock.pass(1);
    assert.equal(stage.peers.length, before + 1);
  };
  for (let i = 0; i < 9; i++) await drop();
  assert.deepEqual(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  stage.clock.chance = 0.5;
  await drop();
  assert.equal(pauses.at(-1), 22_500);
  await stage.welcome();
  await stage.clock.pass(6_000);
  await drop();
  assert(pauses.at(-1)! < 500);
});

test("stays away as long as the server asks it to", async () => {
  const stage = new Stage();
  let peer = await stage.online();
  const retryIn = () => (stage.client.state.status === "offline" ? stage.client.state.retryAt - stage.clock.date() : NaN);
  await peer.drop(4002, "7000");
  assert.equal(retryIn(), 7_000);
  await stage.clock.pass(7_000);
  peer = await stage.welcome();
  const heard: number[] = [];
  stage.client.on("server.draining", ({ retry_after_ms }) => heard.push(retry_after_ms));
  await peer.notify("server.draining", { retry_after_ms: 9_000 });
  await peer.drop(1001);
  assert.deepEqual(heard, [9_000]);
  assert.equal(retryIn(), 9_000);
  await stage.clock.pass(9_000);
  await stage.peer.open();
  await stage.peer.refuse(stage.peer.take("connect"), "rate_limited", 11_000);
  assert.equal(retryIn(), 11_000);
});

for (const [code, reason] of [
  [1000, "replaced"],
  [4500, "unauthenticated"],
  [4501, "token_expired"],
  [4502, "banned"],
  [4503, "kicked"],
  [4505, "ended_by_project"],
  [4506, "malformed_frames"],
  [4999, "4999"],
] as const) {
  test(`does not come back after ${code} (${reason})`, async () => {
    const stage = new Stage();
    const peer = await stage.online();
    const waiting = rejects(stage.client.request("room.list"), "closed");
    await peer.drop(code, "");
    await waiting;
    const { state } = stage.client;
    assert.equal(state.status === "closed" && state.reason, reason);
    await stage.clock.pass(600_000);
    assert.equal(stage.peers.length, 1);
    await rejects(stage.client.request("room.list"), "closed");
  });
}

test("comes back after any other code, with what the server kept", async () => {
  // 1005 is what a page sees that closed the socket behind our back: both close frames are empty.
  for (const code of [1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1012, 1013, 4000, 4001, 4002, 4003, 4004]) {
    const stage = new Stage({ keepSeconds: 30 });
    stage.connect();
    await settled();
    await stage.peer.open();
    await stage.peer.answer(stage.peer.take("connect"), { connection: "c", ping_interval_ms: 25_000, resume: "s" });
    await stage.peer.drop(code);
    await stage.clock.pass(1_000);
    await stage.peer.open();
    assert.equal(stage.peer.take("connect").params["resume"], "s", `after ${code}`);
  }
});

test("the 1000 that a link gets which we have replaced ourselves is nothing to us", async () => {
  const stage = new Stage();
  const old = await stage.online();
  stage.client.request("room.list").catch(() => {});
  await stage.clock.pass(30_000);
  await stage.clock.pass(1_000);
  await stage.welcome();
  await old.drop(1000, "the connection goes on over another socket");
  assert.equal(stage.client.state.status, "online");
});

test("asks the provider once for a fresh token when one is refused", async () => {
  const asked: string[] = [];
  const stage = new Stage({ token: (reason) => (asked.push(reason), `t${asked.length}`) });
  const connecting = stage.connect();
  await settled();
  await stage.peer.open();
  await stage.peer.refuse(stage.peer.take("connect"), "token_expired");
  await stage.peer.open();
  assert.equal(stage.peer.inbox[0]!.params["token"], "t2");
  await stage.peer.refuse(stage.peer.take("connect"), "unauthenticated");
  await rejects(connecting, "unauthenticated");
  assert.deepEqual(asked, ["connect", "expired"]);
  assert.equal(stage.peers.length, 2);
});

test("keeps the token over lost links, so that a restart does not storm the application's back end", async () => {
  const asked: string[] = [];
  const stage = new Stage({ token: async (reason) => (asked.push(reason), "t") });
  let peer = await stage.online();
  for (let i = 0; i < 3; i++) {
    await peer.drop();
    await stage.clock.pass(2_000);
    peer = await stage.welcome();
  }
  assert.deepEqual(asked, ["connect"]);
  await peer.drop(4501);
  await stage.welcome();
  assert.deepEqual(asked, ["connect", "expired"]);
  assert.equal(stage.client.state.status, "online");
});

test("a provider that fails is tried again, unless it says that it is of no use", async () => {
  let times = 0;
  const stage = new Stage({
    token: async () => {
      times++;
      if (times < 3) throw new Error("back end is down");
      throw new SidetalkError("unauthenticated", "logged out");
    },
  });
  const errors: string[] = [];
  stage.client.on("error", (error) => errors.push(error.message));
  const connecting = stage.connect();
  const refused = rejects(connecting, "unauthenticated");
  await stage.clock.pass(10_000);
  await refused;
  assert.equal(times, 3);
  assert.deepEqual(errors, ["back end is down", "back end is down"]);
});

test("a provider that gives no text has failed as well; a token that is none ends the client", async () => {
  const given = [undefined, { token: "t" }, "", "t"];
  const stage = new Stage({ token: async () => given.shift() as string });
  const errors: string[] = [];
  stage.client.on("error", (error) => errors.push(error.message));
  stage.connect();
  for (let i = 0; i < 3; i++) await stage.clock.pass(2_000);
  await stage.welcome();
  assert.equal(stage.client.state.status, "online");
  assert.deepEqual(errors, Array(3).fill("the token provider gave no token"));
  await rejects(new Stage({ token: "" }).connect(), "protocol");
});

test("refreshes the token before it ends, again if that fails", async () => {
  const asked: string[] = [];
  const stage = new Stage({
    token: async (reason) => {
      asked.push(reason);
      if (asked.length === 2) throw new Error("down");
      return `t${asked.length}`;
    },
  });
  const peer = await stage.online();
  await peer.notify("token.expiring", { expires_at: "x" });
  assert.deepEqual(peer.inbox, []);
  await stage.clock.pass(5_000);
  const request = peer.take("token.refresh");
  assert.equal(request.params["token"], "t3");
  await peer.answer(request, { token_expires_at: "y" });
  await peer.notify("token.expiring", { expires_at: "y" });
  assert.deepEqual(peer.inbox, [], "not more often than every five seconds");
  await stage.clock.pass(5_000);
  assert.equal(peer.take("token.refresh").params["token"], "t4");
  assert.deepEqual(asked, ["connect", "expiring", "expiring", "expiring"]);
});

test("finds a link that has gone dead without a word", async () => {
  const stage = new Stage();
  const peer = await stage.online();
  await stage.clock.pass(37_499);
  assert.deepEqual(peer.inbox, []);
  await stage.clock.pass(1);
  await peer.answer(peer.take("ping"), { server_time: "x" });
  await stage.clock.pass(37_500);
  peer.take("ping");
  await stage.clock.pass(9_999);
  assert.equal(stage.client.state.status, "online");
  await stage.clock.pass(1);
  assert.equal(stage.client.state.status, "offline");
  assert(peer.closedByClient);
});

test("a dead link is found while the server still keeps the connection's place", async () => {
  const stage = new Stage({ keepSeconds: 30 });
  const peer = await stage.online();
  await stage.clock.pass(9_999);
  assert.deepEqual(peer.inbox, []);
  await stage.clock.pass(1);
  await peer.answer(peer.take("ping"), { server_time: "x" });
  await stage.clock.pass(10_000);
  peer.take("ping");
  await stage.clock.pass(10_000);
  assert.equal(stage.client.state.status, "offline");
});

test("a link on which something is heard is not pinged", async () => {
  const stage = new Stage();
  const peer = await stage.online();
  for (let i = 0; i < 20; i++) {
    await stage.clock.pass(20_000);
    await peer.notify("signal", { room: "r" });
  }
  assert.deepEqual(peer.inbox, []);
});

test("gives up a socket that does not open, and one that does not answer", async () => {
  const stage = new Stage();
  stage.connect();
  await stage.clock.pass(15_000);
  assert.equal(stage.client.state.status, "offline");
  await stage.clock.pass(500);
  await stage.peer.open();
  await stage.clock.pass(15_000);
  assert.equal(stage.client.state.status, "offline");
  await stage.clock.pass(1_000);
  const peer = await stage.welcome();
  void stage.client.request("room.list", {}, { timeoutMs: 100_000 });
  for (let i = 0; i < 6; i++) {
    await peer.notify("signal", { room: "r" });
    await stage.clock.pass(5_000);
  }
  assert.equal(stage.client.state.status, "offline");
});

test("frames that make no sense end the link, not the client", async () => {
  for (const frame of ["{", "7", "null"]) {
    const stage = new Stage();
    const peer = await stage.online();
    await peer.say(frame);
    assert.equal(stage.client.state.status, "offline");
    await stage.clock.pass(1_000);
    await stage.welcome();
    assert.equal(stage.client.state.status, "online");
  }
  const stage = new Stage();
  const peer = await stage.online();
  await peer.say({ jsonrpc: "2.0", id: null, error: {} }, { jsonrpc: "2.0", id: 99, result: {} }, { jsonrpc: "2.0", method: "unheard.of" });
  assert.equal(stage.client.state.status, "online");
});

test("a network that is back is tried at once; one that is gone is looked at", async () => {
  const listeners = new Map<string, () => void>();
  const network = {
    addEventListener: (type: string, listener: () => void) => void listeners.set(type, listener),
    removeEventListener: (type: string) => void listeners.delete(type),
  };
  const stage = new Stage({}, network);
  const { client } = stage;
  assert.equal(listeners.size, 0, "nothing is touched before connect()");
  stage.connect();
  await stage.welcome();
  listeners.get("offline")!();
  stage.peer.take("ping");
  await stage.peer.drop();
  assert.equal(client.state.status, "offline");
  listeners.get("online")!();
  await stage.welcome();
  assert.equal(client.state.status, "online");
  client.close();
  assert.equal(listeners.size, 0);
});

test("retryNow() ends the pause; in any other state it breaks nothing", async () => {
  const stage = new Stage();
  const { client } = stage;
  client.retryNow();
  assert.equal(stage.peers.length, 0);
  stage.connect();
  await settled();
  client.retryNow();
  assert.equal(stage.peers.length, 1);
  for (let i = 0; i < 9; i++) {
    await stage.peer.drop();
    client.retryNow();
    await settled();
    assert.equal(stage.peers.length, 2 + i, "at once");
  }
  await stage.welcome();
  await stage.clock.pass(30_000);
  assert.equal(stage.peers.length, 10, "the pause that was cut short is over for good");
  client.retryNow();
  stage.peer.take("ping");
  await stage.peer.drop(4502);
  client.retryNow();
  await stage.clock.pass(60_000);
  assert.equal(stage.peers.length, 10, "closed stays closed");
});

test("aborting connect() closes the client; it can be started again", async () => {
  const stage = new Stage();
  const abort = new AbortController();
  const connecting = stage.connect({ signal: abort.signal });
  await settled();
  await stage.peer.drop();
  abort.abort();
  await rejects(connecting, "aborted");
  assert.equal(stage.client.state.status, "closed");
  await stage.clock.pass(60_000);
  assert.equal(stage.peers.length, 1);
  await rejects(stage.client.connect({ signal: AbortSignal.abort() }), "aborted");
  await stage.online();
  assert.equal(stage.client.state.status, "online");
});

test("calls wait for a link, end at their time, and end when they are aborted", async () => {
  const stage = new Stage();
  const late = stage.client.request("room.list", {}, { timeoutMs: 1_000 });
  const abort = new AbortController();
  const aborted = stage.client.request("room.list", {}, { signal: abort.signal });
  const waiting = stage.client.request("room.list");
  const [one, two] = [rejects(late, "offline_timeout"), rejects(aborted, "aborted")];
  await stage.clock.pass(1_000);
  abort.abort();
  await Promise.all([one, two]);
  const peer = await stage.online();
  await peer.answer(peer.take("room.list"), { rooms: [] });
  assert.deepEqual(await waiting, { rooms: [] });
  assert.deepEqual(peer.inbox, []);
});

test("a call whose answer was lost is made again, but not if doing it twice would do harm", async () => {
  const stage = new Stage();
  let peer = await stage.online();
  const harmless = stage.client.request("message.edit", { room: "r", message: "m1", text: "x" });
  const harmful = rejects(stage.client.request("history.clear", { room: "r" }), "connection_lost");
  peer.take("message.edit");
  await peer.drop();
  await harmful;
  await stage.clock.pass(1_000);
  peer = await stage.welcome();
  await peer.answer(peer.take("message.edit"), { changed: true });
  assert.deepEqual(await harmless, { changed: true });
  assert.deepEqual(peer.inbox, []);
});

test("a kept connection goes on: its rooms are in, what was missed follows, and only an end for good says 1000", async () => {
  const stage = new Stage({ keepSeconds: 10 });
  const connecting = stage.connect();
  await settled();
  await stage.peer.open();
  assert.equal(stage.peer.inbox[0]!.params["keep_s"], 10);
  assert.equal(stage.peer.inbox[0]!.params["resume"], undefined);
  await stage.peer.answer(stage.peer.take("connect"), { connection: "c", ping_interval_ms: 25_000, resume: "s" });
  await connecting;
  const joining = stage.client.join("hall");
  await settled();
  const position = "0000000000000001-1";
  const joined = { room: { name: "hall", settings: {} }, me: { user: "u" }, position, resume: "none", events: [], history: { messages: [] } };
  await stage.peer.answer(stage.peer.take("room.join"), joined);
  const room = await joining;
  await stage.clock.pass(1);
  const heard: unknown[] = [];
  room.on("signal", ({ data }) => heard.push(data));
  await stage.peer.notify("signal", { room: "hall", type: "t", data: "first", from: { user: "v", name: "V", connection: "d" } });
  await stage.peer.drop();
  await stage.clock.pass(500);
  await stage.peer.open();
  assert.equal(stage.peer.inbox[0]!.params["resume"], "s");
  assert.equal(stage.peer.inbox[0]!.params["received"], 1);
  await stage.peer.answer(stage.peer.take("connect"), { connection: "c", ping_interval_ms: 25_000, resume: "s", resumed: true });
  await stage.peer.notify("signal", { room: "hall", type: "t", data: "missed", from: { user: "v", name: "V", connection: "d" } });
  assert.deepEqual(heard, ["first", "missed"]);
  assert.equal(room.state.status, "joined");
  assert.equal(stage.peer.inbox.length, 0, "no second join");
  // Another server process knows nothing of the connection: the room is joined again.
  await stage.peer.drop();
  await stage.clock.pass(2_000);
  await stage.peer.open();
  await stage.peer.answer(stage.peer.take("connect"), { connection: "e", ping_interval_ms: 25_000, resume: "t" });
  await stage.peer.answer(stage.peer.take("room.join"), { ...joined, resume: "ok" });
  assert.equal(room.state.status, "joined");
});
