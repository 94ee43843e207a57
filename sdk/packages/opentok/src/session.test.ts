import { expect, test, vi } from "vitest";
import { settled } from "../../client/src/testing/clock.js";
import { time } from "../../client/src/testing/server.js";
import { OT } from "./index.js";
import { Stage, admission, bob, carol, from, me, person, posted, rejects, staged, turn } from "./testing/stage.js";

staged();
const everybody = { presence: [person(carol, { joined_at: time(3) }), person(me, { joined_at: time(5) }), person(bob, { joined_at: time(1) })] };

test("nothing is sent before connect; then the token is changed for one of the server's", async () => {
  const stage = new Stage();
  const { session } = stage;
  expect([session.sessionId, session.id, session.apiKey, session.connection, session.capabilities, session.connected]).toEqual(["1_MX4", "1_MX4", "100001", undefined, {}, false]);
  expect(stage.fetched).toEqual([]);
  const callback = vi.fn();
  expect(session.connect("T1==token", callback)).toBe(session);
  expect(session.is("connecting")).toBe(true);
  const hello = await stage.welcome();
  const [{ url, init }] = stage.fetched as [(typeof stage.fetched)[0]];
  expect([url, init.method, JSON.parse(init.body as string)]).toEqual(["https://chat.example.org/opentok/exchange", "POST", { apiKey: "100001", sessionId: "1_MX4", token: "T1==token" }]);
  expect(hello.params).toMatchObject({ token: "jwt", keep_s: 30 });
  await stage.answerJoin();
  await turn();
  expect(callback.mock.calls).toEqual([[undefined]]);
  expect(session.connection).toMatchObject({ connectionId: me, id: me, data: "mine", creationTime: Date.parse(time(5)) });
  expect([session.isConnected(), session.is("connected"), session.is(["connected", "connecting"]), session.currentState, session.token]).toEqual([true, true, true, "connected", "T1==token"]);
});

test("on joining: sessionConnected, the callback with everybody known, connectionCreated of all by their time", async () => {
  const stage = new Stage();
  const { session } = stage;
  const heard = stage.listen("sessionConnected", "connectionCreated", "signal");
  session.connect("t", () => heard.push(`called ${session.connections.length()}`));
  await stage.welcome();
  await stage.answerJoin(everybody);
  await stage.signal({ data: "early" });
  await turn();
  expect(heard).toEqual(["sessionConnected", "called 3", `connectionCreated ${bob}`, `connectionCreated ${carol}`, `connectionCreated ${me}`, `signal signal:chat early from ${bob}`]);
  const created = vi.fn();
  const late = new Stage();
  await Promise.all([late.session.connect.promise("t").then((same) => same.on("connectionCreated", created)), late.welcome().then(() => late.answerJoin(everybody))]);
  await turn();
  expect(created.mock.calls.map(([{ connection }]) => connection.connectionId)).toEqual([bob, carol, me]);
});

test("creationTime rises strictly, by the microsecond", async () => {
  const stage = new Stage();
  const at = (micros: string) => `2026-01-01T00:00:00.${micros}Z`;
  await stage.connect({ presence: [person(me, { joined_at: at("123456") }), person(bob, { joined_at: at("123457") }), person(carol, { joined_at: at("124000") })] });
  const times = stage.session.connections.where().map((one) => one.creationTime);
  const start = Date.parse("2026-01-01T00:00:00Z");
  expect(times.map((one) => Number((one - start).toFixed(3)))).toEqual([123.456, 123.457, 124]);
  expect(times[0]! < times[1]! && times[1]! < times[2]!).toBe(true);
});

test("there is one object for each connection, in events, in lists, in from", async () => {
  const stage = new Stage();
  const { session } = stage;
  const events: any[] = [];
  session.on("connectionCreated connectionDestroyed signal", (event) => events.push(event));
  await stage.connect(everybody);
  await stage.signal({ from: from(me) });
  await stage.signal({});
  await stage.notify("presence.left", { connection: bob, user: "u", reason: "left" });
  await stage.signal({});
  const [first, , own, mine, his, gone, later] = events;
  expect([own.connection, mine.from]).toEqual([session.connection, session.connection]);
  expect(own.connection === session.connection && mine.from === session.connection).toBe(true);
  expect([his.from, gone.connection, later.from].every((one) => one === first.connection)).toBe(true);
  expect(session.connections.find({ connectionId: me }) === session.connection).toBe(true);
});

test("who comes and goes is told, with the reason; not if the page does not want it", async () => {
  const stage = new Stage();
  const heard = stage.listen("connectionCreated", "connectionDestroyed");
  await stage.connect();
  heard.length = 0;
  const reasons = { left: "clientDisconnected", kicked: "forceDisconnected", removed: "forceDisconnected", lost: "networkDisconnected", draining: "networkDisconnected" };
  for (const [reason, told] of Object.entries(reasons)) {
    await stage.notify("presence.joined", { presence: person(bob) });
    await stage.notify("presence.joined", { presence: person(bob) });
    expect(stage.session.connections.length()).toBe(2);
    await stage.notify("presence.left", { connection: bob, user: "u", reason });
    await stage.notify("presence.left", { connection: bob, user: "u", reason });
    expect(heard.splice(0)).toEqual([`connectionCreated ${bob}`, `connectionDestroyed ${bob} ${told}`]);
  }
  const quiet = new Stage({ connectionEventsSuppressed: true });
  const little = quiet.listen("connectionCreated", "connectionDestroyed");
  await quiet.connect(everybody);
  await quiet.notify("presence.left", { connection: bob, user: "u", reason: "left" });
  expect(little).toEqual([`connectionCreated ${me}`]);
});

test("data is what the application says; of people of other dialects what their client says", async () => {
  const stage = new Stage();
  const others = [person(bob, { server_data: '{"n":1}' }), person(carol, { dialect: "openvidu", data: '{"clientData":"Carol"}' })];
  await stage.connect({ presence: [person(me), ...others] });
  expect(stage.session.connections.where().map(({ data }) => data)).toEqual(["mine", '{"n":1}', '{"clientData":"Carol"}']);
});

test("a signal reaches listeners of all, then of its type, under the name with its type", async () => {
  const stage = new Stage();
  const heard = stage.listen("signal:chat", "signal");
  await stage.connect(everybody);
  await stage.signal({});
  await stage.signal({ type: "other", data: { a: 1 }, from: from(me) });
  await stage.signal({ type: null, data: null });
  await stage.signal({ type: null, data: "x", from: { user: null, name: "", connection: null, dialect: "opentok" } });
  expect(heard).toEqual([`signal signal:chat hi from ${bob}`, `signal:chat hi from ${bob}`, `signal signal:other {"a":1} from ${me}`, `signal from ${bob}`, "signal x"]);
  const events: any[] = [];
  stage.session.on("signal signal:chat", (event) => events.push(event));
  await stage.signal({ from: { user: null, name: "", connection: null } });
  expect([events[0].from, events[0].target === stage.session]).toEqual([null, true]);
  events[0].data = "changed by the page";
  expect(events[1].data, "the other event is another object").toBe("hi");
  await stage.signal({ from: from("somebody-unknown") });
  await stage.signal({ from: { user: "kim", name: "Kim", connection: null, dialect: "kandy" } });
  expect(events.slice(2).map((event) => [event.from.connectionId, event.from.data])).toEqual([["somebody-unknown", ""], ["somebody-unknown", ""], ["kim", ""], ["kim", ""]]);
});

test("stored chat has an id and a time; ours comes under its label, that of others under the one that ours used last", async () => {
  const stage = new Stage();
  const heard = stage.listen("signal");
  await stage.connect(everybody);
  const say = ({ method, params }: ReturnType<typeof posted>) => stage.notify(method, params);
  await say(posted(1, "early", from("n", {})));
  stage.session.on("signal:msg", () => {});
  await say(posted(2, "listened for", from("n", {})));
  await say(posted(3, "ours", from(bob), { label: "text-chat" }));
  const events: any[] = [];
  stage.session.on("signal", (event) => events.push(event));
  await say(posted(4, "late", from("n", { dialect: "openvidu" }), { label: "my-chat" }));
  await say(posted(5, "", from("n", {}), { parts: [{ type: "text", text: "a", format: "plain" }, { type: "custom", data: { b: 1 } }] }));
  expect(heard.map((line) => line.replace(/ from .*/, ""))).toEqual([
    "signal signal:chat early",
    "signal signal:msg listened for",
    "signal signal:text-chat ours",
    "signal signal:text-chat late",
    'signal signal:text-chat a\n{"b":1}',
  ]);
  expect(events[0]).toMatchObject({ messageId: "m4", seq: 4, serverTime: Date.parse(time(4)), replayed: false });
});

test("what others chat comes under a type of the project's", async () => {
  const stage = new Stage();
  stage.admission = { ...admission, chatTypes: ["talk", "shout"] };
  const heard = stage.listen("signal");
  stage.session.on("signal:msg", () => {});
  stage.session.on("signal:shout", () => {});
  await stage.connect(everybody);
  const { method, params } = posted(1, "hi", from("n", {}));
  await stage.notify(method, params);
  expect(heard).toEqual(["signal signal:shout hi from n"]);
});

test("the server says how quickly it takes what is stored and what is not", async () => {
  const stage = new Stage();
  stage.admission = { ...admission, chatTypes: ["talk"], rates: { chat: [1, 1], signals: [3, 1], requests: [99, 99] } };
  const peer = await stage.connect(everybody);
  const { session } = stage;
  for (const signal of [{ type: "talk" }, { type: "chat" }, { type: "talk", to: bob }, {}]) void session.signal(signal);
  await turn();
  const sent = () => peer.inbox.map(({ params }) => params["type"]);
  expect(sent(), "one is stored, three are not").toEqual(["talk", "chat", "talk", undefined]);
  for (const type of ["talk", "other"]) void session.signal({ type });
  await turn();
  expect(sent(), "the next of either waits until all are answered").toHaveLength(4);
});

test("late ones get the stored chat after they know everybody and before what is live, if the server says so", async () => {
  const stage = new Stage();
  stage.admission = { ...admission, replayHistory: 2 };
  const heard = stage.listen("connectionCreated", "signal");
  const replayed: unknown[] = [];
  stage.session.on("signal", (event) => replayed.push(event.replayed));
  stage.session.connect("t");
  await stage.welcome();
  expect(stage.peer.inbox[0]!.params).toMatchObject({ room: "1_MX4", history: 2 });
  const messages = [posted(1, "one", from("gone"), { label: "msg" }), posted(2, "two", from(bob), { label: "msg" })].map(({ params }) => params.message);
  await stage.answerJoin({ ...everybody, history: { messages, more_before: true } });
  const { method, params } = posted(3, "three", from(bob), { label: "msg" });
  await stage.notify(method, params);
  await turn();
  expect(heard.slice(3)).toEqual(["signal signal:msg one from gone", `signal signal:msg two from ${bob}`, `signal signal:msg three from ${bob}`]);
  expect(replayed).toEqual([true, true, false]);
});

test("signals go to everybody, or to those who are named in one of the ways", async () => {
  const stage = new Stage();
  const peer = await stage.connect(everybody);
  const { session } = stage;
  const person = session.connections.find({ connectionId: bob })!;
  const to = (...connections: string[]) => ({ to: { type: "connections", connections } });
  const sent: [OT.Signal | undefined, object][] = [
    [{ type: "msg", data: "hi" }, { type: "msg", data: "hi" }],
    [{ type: "msg", data: "" }, { type: "msg", data: "" }],
    [{}, {}],
    [undefined, {}],
    [{ retryAfterReconnect: false }, {}],
    [{ data: "x", type: undefined, to: undefined }, { data: "x" }],
    [{ data: "x", type: "" }, { data: "x" }],
    [{ data: null as never, type: null as never }, {}],
    [{ data: "x", to: person }, { data: "x", ...to(bob) }],
    [{ data: "x", to: bob }, { data: "x", ...to(bob) }],
    [{ data: "x", to: [person, carol, bob] }, { data: "x", ...to(bob, carol) }],
    [{ data: "x", to: session.connection! }, { data: "x", ...to(me) }],
  ];
  for (const [signal, params] of sent) {
    const callback = vi.fn();
    const sending = session.signal(signal, callback);
    const request = peer.take("signal.send");
    expect(request.params).toEqual({ room: "1_MX4", ...params });
    expect(callback).not.toHaveBeenCalled();
    await peer.answer(request, {});
    await sending;
    await settled();
    expect(callback.mock.calls).toEqual([[undefined]]);
  }
});

test("what is wrong with a signal is said with a code, a name, and the signal, and goes to nobody", async () => {
  const stage = new Stage();
  const { session } = stage;
  await rejects(session.signal({ data: "early" }), 500, "OT_NOT_CONNECTED");
  const peer = await stage.connect(everybody);
  const wrong: [object, number, string][] = [
    [{ data: {} }, 400, "OT_INVALID_PARAMETER"],
    [{ type: 7 }, 400, "OT_INVALID_PARAMETER"],
    [{ type: "a\nb" }, 400, "OT_INVALID_PARAMETER"],
    [{ to: null }, 400, "OT_INVALID_PARAMETER"],
    [{ to: [] }, 400, "OT_INVALID_PARAMETER"],
    [{ to: [bob, undefined] }, 400, "OT_INVALID_PARAMETER"],
    [{ to: {} }, 400, "OT_INVALID_PARAMETER"],
    [{ to: [bob, "nobody"] }, 404, "OT_NOT_FOUND"],
    [{ to: { connectionId: "nobody" } }, 404, "OT_NOT_FOUND"],
    [{ type: "é".repeat(64) + "x" }, 413, "OT_INVALID_PARAMETER"],
    [{ data: "é".repeat(4_096) + "x" }, 413, "OT_INVALID_PARAMETER"],
  ];
  for (const [signal, code, name] of wrong) {
    const error = await rejects(session.signal(signal), code, name);
    expect(error.signal).toBe(signal);
  }
  await stage.notify("presence.left", { connection: bob, user: "u", reason: "left" });
  await rejects(session.signal({ to: bob }), 404, "OT_NOT_FOUND");
  expect(peer.inbox).toEqual([]);
  void session.signal({ data: "é".repeat(4_096), type: "é".repeat(64) });
  expect(peer.take("signal.send").params["data"].length).toBe(4_096);
});

test("refusals of the server have codes and names; with a callback nothing is unhandled", async () => {
  const stage = new Stage();
  const peer = await stage.connect();
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  const refusals: [string, number, string][] = [
    ["too_large", 413, "OT_INVALID_PARAMETER"],
    ["invalid", 400, "OT_INVALID_PARAMETER"],
    ["not_found", 404, "OT_NOT_FOUND"],
    ["role_too_low", 403, "OT_PERMISSION_DENIED"],
    ["muted", 403, "OT_PERMISSION_DENIED"],
    ["private_chat_off", 403, "OT_PERMISSION_DENIED"],
    ["slow_mode", 429, "OT_RATE_LIMITED"],
    ["unavailable", 500, "OT_NOT_CONNECTED"],
  ];
  for (const [refusal, code, name] of refusals) {
    const callback = vi.fn();
    const signal = { data: "x" };
    void stage.session.signal(signal, callback);
    await peer.refuse(peer.take("signal.send"), refusal);
    expect(callback.mock.calls[0]![0]).toMatchObject({ code, name, message: refusal, signal });
  }
  await settled();
  expect(unhandled).not.toHaveBeenCalled();
  process.off("unhandledRejection", unhandled);
});

test("a publisheronly may not signal; capabilities follow from the role", async () => {
  const of = async (role: string) => {
    const stage = new Stage();
    stage.admission = { ...admission, role };
    await stage.connect();
    return stage.session;
  };
  const caps = async (role: string) => Object.values((await of(role)).capabilities).join("");
  // forceDisconnect, forceUnpublish, forceMute, publish, subscribe
  expect([await caps("moderator"), await caps("publisher"), await caps("subscriber"), await caps("publisheronly")]).toEqual(["11111", "00011", "00001", "00010"]);
  await rejects((await of("publisheronly")).signal({ data: "x" }), 403, "OT_PERMISSION_DENIED");
});

test("connect says what is wrong, and can be tried again", async () => {
  const exceptions: unknown[] = [];
  OT.on("exception", ({ code, title, target }) => exceptions.push([code, title, target === stage.session]));
  const stage = new Stage();
  const { session } = stage;
  const refuse = (status: number, body: object) => (stage.answer = () => Response.json(body, { status }));
  refuse(403, { code: 1004, name: "OT_AUTHENTICATION_ERROR", message: "the token has expired" });
  const callback = vi.fn();
  session.connect("t", callback);
  await vi.waitFor(() => expect(callback).toHaveBeenCalledTimes(1));
  expect(callback.mock.calls[0]![0]).toMatchObject({ code: 1004, name: "OT_AUTHENTICATION_ERROR", message: "the token has expired" });
  expect(exceptions).toEqual([[1004, "Authentication error", true]]);
  OT.off("exception");
  refuse(404, { code: 1005, name: "OT_INVALID_SESSION_ID", message: "" });
  await rejects(session.connect.promise("t"), 1005, "OT_INVALID_SESSION_ID");
  stage.answer = () => new Response("oops", { status: 502 });
  await rejects(session.connect.promise("t"), 1006, "OT_CONNECT_FAILED");
  stage.answer = () => Promise.reject(new TypeError("no network"));
  await rejects(session.connect.promise("t"), 1006, "OT_CONNECT_FAILED");
  vi.stubGlobal("navigator", { onLine: false });
  await rejects(session.connect.promise("t"), 1006, "OT_NOT_CONNECTED");
  await rejects(session.connect.promise(""), 1011, "OT_INVALID_PARAMETER");
  await rejects(OT.initSession("100001").connect.promise("t"), 1011, "OT_INVALID_PARAMETER");
  stage.answer = () => Response.json(admission);
  const full = rejects(session.connect.promise("t"), 1027, "OT_CONNECTION_LIMIT_EXCEEDED");
  await rejects(session.connect.promise("t"), 1015, "OT_ILLEGAL_STATE");
  await stage.welcome();
  await stage.peer.refuse(stage.peer.take("room.join"), "room_full");
  await full;
  await stage.connect();
  expect(session.connected).toBe(true);
});

test("a server that does not answer is given up after 30 s, and so is a connect that is taken back", async () => {
  for (const end of [(stage: Stage) => stage.session.disconnect(), () => vi.advanceTimersByTimeAsync(30_000)]) {
    const stage = new Stage();
    const heard = stage.listen("sessionDisconnected");
    const failing = rejects(stage.session.connect.promise("t"), 1006, "OT_CONNECT_FAILED");
    await settled();
    await end(stage);
    await failing;
    expect([stage.peer.closedByClient, heard.length, stage.session.currentState]).toEqual([true, 0, "disconnected"]);
  }
});

test("very old pages name the key when they connect", async () => {
  const stage = new Stage();
  const session = OT.initSession("1_MX4");
  session.connect("100001", "T1==old");
  await settled();
  expect(JSON.parse(stage.fetched[0]!.init.body as string)).toEqual({ apiKey: "100001", sessionId: "1_MX4", token: "T1==old" });
});

test("a lost link: reconnecting, reconnected as the same, and what others said meanwhile once, in order", async () => {
  const stage = new Stage();
  const heard = stage.listen("sessionReconnecting", "sessionReconnected", "connectionCreated", "connectionDestroyed", "sessionDisconnected", "signal");
  await stage.connect(everybody);
  heard.length = 0;
  const own = stage.session.connection;
  const hello = await stage.reconnect();
  expect(hello.params).toMatchObject({ keep_s: 30, resume: "secret" });
  for (const data of ["one", "two"]) await stage.signal({ data });
  await stage.notify("presence.left", { connection: bob, user: "u", reason: "left" });
  await stage.pong();
  expect(heard).toEqual(["sessionReconnecting", "sessionReconnected", `signal signal:chat one from ${bob}`, `signal signal:chat two from ${bob}`, `connectionDestroyed ${bob} clientDisconnected`]);
  expect([stage.session.connection === own, stage.session.currentState, stage.peer.inbox]).toEqual([true, "connected", []]);
});

test("signals that are started while the link is lost are sent afterwards, each once, in order; or not, if the page says so", async () => {
  const stage = new Stage();
  await stage.connect();
  await stage.peer.drop();
  expect(stage.session.currentState).toBe("reconnecting");
  const done: unknown[] = [];
  for (const data of ["one", "two"]) stage.session.signal({ data }, (error) => done.push(error ?? data));
  await rejects(stage.session.signal({ data: "now or never", retryAfterReconnect: false }), 500, "OT_NOT_CONNECTED");
  await vi.advanceTimersByTimeAsync(1_000);
  await stage.welcome({ resume: "secret", resumed: true });
  void stage.session.signal({ data: "three" });
  await stage.pong();
  const requests = ["one", "two", "three"].map(() => stage.peer.take("signal.send"));
  expect(requests.map(({ params }) => params["data"])).toEqual(["one", "two", "three"]);
  for (const request of requests) await stage.peer.answer(request, {});
  expect([done, stage.peer.inbox]).toEqual([["one", "two"], []]);
});

test("of signals whose answer was lost, those that came back to us count as sent, the others are sent again in their place", async () => {
  const stage = new Stage();
  await stage.connect(everybody);
  const done: unknown[] = [];
  const say = (signal: OT.Signal) => stage.session.signal(signal, (error) => done.push(`${signal.data} ${error ? (error as OT.OTError).code : "sent"}`));
  for (const data of ["seen before", "seen after", "stored", "lost"]) void say({ type: data === "stored" ? "chat" : "x", data });
  void say({ type: "x", data: "private", to: bob });
  void say({ type: "x", data: "not again", retryAfterReconnect: false });
  await stage.signal({ type: "x", data: "seen before", from: from(me) });
  await stage.peer.drop();
  void say({ data: "later" });
  await vi.advanceTimersByTimeAsync(1_000);
  await stage.welcome({ resume: "secret", resumed: true });
  await stage.signal({ type: "x", data: "seen after", from: from(me) });
  await stage.signal({ type: "x", data: "lost", from: from(bob) });
  const { method, params } = posted(1, "stored", from(me), { label: "chat" });
  await stage.notify(method, params);
  expect(stage.peer.inbox.map(({ method }) => method)).toEqual(["ping"]);
  await stage.pong();
  expect(done).toEqual(["seen before sent", "seen after sent", "stored sent", "private 500", "not again 500"]);
  expect(stage.peer.inbox.map(({ params }) => params["data"])).toEqual(["lost", "later"]);
});

test("whoever cannot come back as the same connection, or not in time, is disconnected", async () => {
  const stage = new Stage();
  const heard = stage.listen("sessionReconnecting", "sessionReconnected", "sessionDisconnected", "signal");
  await stage.connect();
  await stage.reconnect({ resume: "other" });
  const callback = vi.fn();
  void stage.session.signal({ data: "waits" }, callback);
  await stage.answerJoin({ me: { connection: "another", user: "u", role: "member", groups: [], muted: null }, resume: "ok", history: null, events: [posted(1, "a", from(bob))] });
  expect(heard.splice(0)).toEqual(["sessionReconnecting", "sessionDisconnected networkDisconnected"]);
  expect([callback.mock.calls[0]![0].code, stage.peer.closedByClient, stage.session.connections.length()]).toEqual([500, true, 0]);

  await stage.connect();
  heard.length = 0;
  await stage.peer.drop();
  await vi.advanceTimersByTimeAsync(34_999);
  expect(heard).toEqual(["sessionReconnecting"]);
  await vi.advanceTimersByTimeAsync(1);
  expect(heard).toEqual(["sessionReconnecting", "sessionDisconnected networkDisconnected"]);
});

test("a server that was started anew gives the same place: who has gone is told, then what was missed", async () => {
  const stage = new Stage();
  const heard = stage.listen("sessionReconnected", "connectionCreated", "connectionDestroyed", "signal");
  await stage.connect({ presence: [person(me), person(bob)] });
  heard.length = 0;
  const underWay = rejects(stage.session.signal({ data: "x" }), 500, "OT_NOT_CONNECTED");
  await stage.reconnect({ resume: "other" });
  const presence = [person(me), person(carol)];
  await stage.answerJoin({ presence, resume: "ok", history: null, events: [posted(1, "said", from(bob), { label: "msg" })] });
  await stage.pong();
  expect(heard).toEqual(["sessionReconnected", `connectionDestroyed ${bob} networkDisconnected`, `connectionCreated ${carol}`, `signal signal:msg said from ${bob}`]);
  await underWay;
});

test("disconnect ends it, and it may be connected again", async () => {
  const stage = new Stage();
  const { session } = stage;
  const heard = stage.listen("sessionDisconnected");
  const first = await stage.connect(everybody);
  const leaving = session.disconnect();
  session.on("sessionDisconnected", () => heard.push("also who listens after that"));
  await leaving;
  expect(heard).toEqual(["sessionDisconnected clientDisconnected", "also who listens after that"]);
  expect([first.closedByClient, session.connected, session.capabilities, session.connections.length()]).toEqual([true, false, {}, 0]);
  await rejects(session.signal(), 500, "OT_NOT_CONNECTED");
  await session.disconnect();
  await stage.connect();
  expect([session.connected, stage.peers.length, heard.length]).toEqual([true, 2, 2]);
});

test("being put out ends it with the reason", async () => {
  const ends: [(stage: Stage) => unknown, string][] = [
    [(stage) => stage.notify("room.removed", { reason: "kicked" }), "forceDisconnected"],
    [(stage) => stage.notify("room.removed", { reason: "removed" }), "forceDisconnected"],
    [(stage) => stage.notify("room.removed", { reason: "room_deleted" }), "forceDisconnected"],
    [(stage) => stage.peer.drop(4505), "forceDisconnected"],
    [(stage) => stage.peer.drop(4501), "networkDisconnected"],
  ];
  for (const [end, reason] of ends) {
    const stage = new Stage();
    const heard = stage.listen("sessionDisconnected", "sessionReconnecting");
    await stage.connect();
    await end(stage);
    expect(heard).toEqual([`sessionDisconnected ${reason}`]);
  }
});

test("a handler that leaves hears nothing more", async () => {
  const stage = new Stage();
  const heard = stage.listen("connectionCreated", "signal", "signal:chat");
  await stage.connect();
  stage.session.on("signal", () => void stage.session.disconnect());
  heard.length = 0;
  await stage.signal({});
  await stage.signal({});
  expect(heard).toEqual([`signal signal:chat hi from ${bob}`, `signal:chat hi from ${bob}`]);
});

test("moderators put people out, by connection or by id; others may not", async () => {
  const stage = new Stage();
  await rejects(stage.session.forceDisconnect(bob), 1010, "OT_NOT_CONNECTED");
  await stage.connect(everybody);
  await rejects(stage.session.forceDisconnect(bob), 1520, "OT_PERMISSION_DENIED");
  const moderator = new Stage();
  moderator.admission = { ...admission, role: "moderator", room: "a/b" };
  await moderator.connect(everybody);
  const { session } = moderator;
  moderator.answer = () => new Response(null, { status: 204 });
  for (const target of [bob, session.connections.find({ connectionId: bob })!]) {
    const callback = vi.fn();
    await session.forceDisconnect(target, callback);
    const { url, init } = moderator.fetched.at(-1)!;
    expect([url, init.method, init.headers]).toEqual([`https://chat.example.org/api/v1/rooms/a%2Fb/connections/${bob}`, "DELETE", { authorization: "Bearer jwt" }]);
    expect(callback.mock.calls).toEqual([[undefined]]);
  }
  moderator.answer = () => new Response(null, { status: 404 });
  await rejects(session.forceDisconnect("nobody"), 1520, "OT_NOT_FOUND");
  moderator.answer = () => new Response(null, { status: 403 });
  await rejects(session.forceDisconnect(bob), 1520, "OT_PERMISSION_DENIED");
  moderator.answer = () => Promise.reject(new TypeError("no network"));
  await rejects(session.forceDisconnect(bob), 1520, "OT_CONNECT_FAILED");
});
