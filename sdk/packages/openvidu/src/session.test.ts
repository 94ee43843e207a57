import { expect, test, vi } from "vitest";
import { posted as nativePost, time } from "../../client/src/testing/server.js";
import { settled } from "../../client/src/testing/clock.js";
import { nameOf } from "./connection.js";
import { Stage, admission, bob, carol, from, me, person, posted, rejects, staged, token } from "./testing/stage.js";

staged();
const own = admission.connectionId;
const [bobName, carolName] = [nameOf(bob), nameOf(carol)];

test("the token is changed for one of the server's, the metadata is told in the exchange and to the others", async () => {
  const stage = new Stage();
  stage.admission = { ...admission, serverData: "seat 4" };
  const connecting = stage.session.connect(token, { name: "Ada" });
  const join = await stage.welcome();
  const [{ url, init }] = stage.fetched as [(typeof stage.fetched)[0]];
  expect([url, init.method]).toEqual(["https://chat.example.org/openvidu/exchange", "POST"]);
  expect(JSON.parse(init.body as string)).toEqual({ token, clientData: '{"name":"Ada"}' });
  expect(stage.peer.url).toBe("wss://chat.example.org/api/v1/connect");
  expect(join.params).toEqual({ room: "r", history: 0, data: '{"name":"Ada"}' });
  await stage.answerJoin(join);
  await connecting;
  const { connection, sessionId, capabilities } = stage.session;
  expect(sessionId).toBe("ses_A");
  expect(connection).toMatchObject({ connectionId: own, data: '{"name":"Ada"}%/%seat 4', role: "PUBLISHER", creationTime: Date.parse(time(5)) });
  expect(capabilities).toEqual({ subscribe: true, publish: true, forceDisconnect: false, forceUnpublish: false });
});

test("connectionCreated tells of oneself, then of those present, then of those who come; connectionDestroyed why they go", async () => {
  const stage = new Stage();
  const heard = stage.listen("connectionCreated", "connectionDestroyed");
  const peer = await stage.connect({ presence: [person(bob), person(me)] });
  await peer.notify("presence.joined", { room: "r", presence: person(carol) });
  await peer.notify("presence.joined", { room: "r", presence: person(carol) });
  const created = ["connectionCreated", "connectionCreated", "connectionCreated"].map((name, i) => `${name} ${[own, bobName, carolName][i]}`);
  expect(heard.splice(0)).toEqual(created);
  for (const [reason, told] of Object.entries({ left: "disconnect", lost: "networkDisconnect", kicked: "forceDisconnectByUser", removed: "forceDisconnectByServer", ended: "sessionClosedByServer" })) {
    await peer.notify("presence.joined", { room: "r", presence: person(carol) });
    await peer.notify("presence.left", { room: "r", connection: carol, user: carol, reason });
    expect(heard.splice(0).at(-1)).toBe(`connectionDestroyed ${carolName} ${told}`);
  }
  expect([...stage.session.remoteConnections.keys()]).toEqual([bobName]);
});

test("data is what the client says and what the application says; people of other dialects are called by their name", async () => {
  const stage = new Stage();
  await stage.connect({
    presence: [person(bob, { data: "Bob", server_data: "srv" }), person(carol, { dialect: "native", name: "Carol" }), person(me)],
  });
  const data = [...stage.session.remoteConnections.values()].map((one) => one.data);
  expect(data).toEqual(["Bob%/%srv", '{"clientData":"Carol"}']);
});

test("a signal reaches its own listeners, then those of all; its type has no prefix, its data is as it was sent", async () => {
  const stage = new Stage();
  const heard = stage.listen("signal:my-chat", "signal");
  const peer = await stage.connect({ presence: [person(me), person(bob)] });
  const signal = (more: object) => peer.notify("signal", { room: "r", type: "my-chat", data: "hi", from: from(bob), ...more });
  await signal({});
  expect(heard.splice(0)).toEqual([`signal:my-chat hi from ${bobName}`, `signal my-chat hi from ${bobName}`]);
  await signal({ type: "other", from: from(me) });
  expect(heard.splice(0)).toEqual([`signal other hi from ${own}`]);
  await signal({ type: null, data: null, from: { user: null, name: "", connection: null } });
  expect(heard.splice(0)).toEqual(["signal"]);
  const senders: unknown[] = [];
  stage.session.on("signal", (event) => senders.push(event.from));
  await signal({ data: { a: 1 } });
  await signal({});
  expect(heard[1]).toBe(`signal my-chat {"a":1} from ${bobName}`);
  expect(senders).toEqual([stage.session.remoteConnections.get(bobName), stage.session.remoteConnections.get(bobName)]);
  expect(senders[0]).toBe(senders[1]);
  // Only the server's own signals have no sender, even if somebody is not in the list.
  await signal({ from: from(carol) });
  expect((senders[2] as { connectionId: string }).connectionId).toBe(carolName);
});

test("chat messages are signals: ours under their label, those of others under the one that ours used last", async () => {
  const stage = new Stage();
  const heard = stage.listen("signal");
  const peer = await stage.connect({ presence: [person(me), person(bob), person(carol)] });
  const say = (notification: object) => peer.say({ jsonrpc: "2.0", ...notification });
  await say(posted(1, "early", from(carol, {})));
  await say(posted(2, "ours", from(bob), { label: "my-chat" }));
  await say(posted(3, "late", from(carol, {}), { label: "native-label" }));
  await say(posted(4, "", from(carol, {}), { parts: [{ type: "text", text: "a", format: "plain" }, { type: "custom", data: { b: 1 } }] }));
  expect(heard).toEqual([
    `signal chat early from ${carolName}`,
    `signal my-chat ours from ${bobName}`,
    `signal my-chat late from ${carolName}`,
    `signal my-chat a\n{"b":1} from ${carolName}`,
  ]);
});

test("signals go to everybody, or to those in the list; the callback hears null", async () => {
  const stage = new Stage();
  const peer = await stage.connect({ presence: [person(me), person(bob), person(carol)] });
  const { session } = stage;
  const others = [...session.remoteConnections.values()];
  const uuids = [bob, carol];
  const sent: [Parameters<typeof session.signal>[0], object][] = [
    [{ data: "hi", to: [], type: "my-chat" }, { type: "my-chat", data: "hi" }],
    [{ data: "hi", type: "signal:my-chat" }, { type: "my-chat", data: "hi" }],
    [{ data: "psst", to: others, type: "p" }, { type: "p", data: "psst", to: { type: "connections", connections: uuids } }],
    [{ data: "psst", to: [others[0]!, others[0]!], type: "p" }, { type: "p", data: "psst", to: { type: "connections", connections: [bob] } }],
    [{ data: "me", to: [session.connection!] }, { type: "signal", data: "me", to: { type: "connections", connections: [me] } }],
    [{ data: "one", to: others[1] as never }, { type: "signal", data: "one", to: { type: "connections", connections: [carol] } }],
    [{ data: { a: [1] }, type: "x" }, { type: "x", data: '{"a":[1]}' }],
    [{ data: 0 }, { type: "signal", data: "" }],
    [{}, { type: "signal", data: "" }],
  ];
  for (const [signal, params] of sent) {
    const callback = vi.fn();
    const sending = session.signal(signal, callback);
    const request = peer.take("signal.send");
    expect(request.params).toEqual({ room: "r", ...params });
    expect(callback).not.toHaveBeenCalled();
    await peer.answer(request, {});
    await sending;
    expect(callback.mock.calls).toEqual([[null]]);
  }
});

test("a signal to somebody who is not there goes to nobody", async () => {
  const stage = new Stage();
  const peer = await stage.connect({ presence: [person(me), person(bob)] });
  const { session } = stage;
  const [known] = session.remoteConnections.values();
  await rejects(session.signal({ to: [known!, { connectionId: "con_Nobody1234" } as never] }), 601);
  await rejects(session.signal({ to: [undefined as never] }), 601);
  await rejects(session.signal({ to: [null as never] }), 601);
  expect(peer.inbox).toEqual([]);
});

test("refusals have OpenVidu's numbers and names, and with a callback are never unhandled", async () => {
  const stage = new Stage();
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  const early = vi.fn();
  void stage.session.signal({ data: "x" }, early);
  await settled();
  expect(`${early.mock.calls[0]![0]}`).toMatch(/^OPENVIDU_NOT_CONNECTED: /);
  const peer = await stage.connect();
  const codes = { too_large: 600, not_found: 601, slow_mode: 10, muted: 10, unavailable: 999 };
  for (const [code, number] of Object.entries(codes)) {
    const callback = vi.fn();
    void stage.session.signal({ data: "x" }, callback);
    await settled();
    await peer.refuse(peer.take("signal.send"), code);
    expect(callback.mock.calls[0]![0]).toMatchObject({ code: number, name: "GENERIC_ERROR" });
  }
  const denied = rejects(stage.session.signal({ data: "x" }), 401, "OPENVIDU_PERMISSION_DENIED");
  await settled();
  await peer.refuse(peer.take("signal.send"), "role_too_low");
  await denied;
  await settled();
  expect(unhandled).not.toHaveBeenCalled();
  process.off("unhandledRejection", unhandled);
});

test("what comes too quickly is sent later, in the order in which it was said", async () => {
  const stage = new Stage();
  const peer = await stage.connect();
  const sent: string[] = [];
  const say = (data: string) => stage.session.signal({ data }).then(() => sent.push(data));
  const all = ["a", "b", "c"].map(say);
  await settled();
  const [a, b, c] = [1, 2, 3].map(() => peer.take("signal.send"));
  await peer.answer(a!, {});
  await peer.refuse(b!, "rate_limited", 40);
  all.push(say("d"));
  await peer.refuse(c!, "rate_limited", 40);
  expect(peer.inbox).toEqual([]);
  for (const data of ["b", "c", "d"]) {
    await vi.advanceTimersByTimeAsync(40);
    const request = peer.take("signal.send");
    expect([request.params["data"], peer.inbox]).toEqual([data, []]);
    await peer.answer(request, {});
  }
  await Promise.all(all);
  expect(sent).toEqual(["a", "b", "c", "d"]);
  all.length = 0;
  void say("e");
  void say("f");
  await settled();
  expect(peer.inbox.length, "the limit is forgotten").toBe(2);
});

test("no more than so many signals wait", async () => {
  const stage = new Stage();
  const peer = await stage.connect();
  const ends = Array.from({ length: 201 }, () => stage.session.signal({ data: "x" }).catch((error) => error.code));
  await settled();
  for (const request of peer.inbox.splice(0)) await peer.refuse(request, "rate_limited", 40);
  expect(await ends[200]).toBe(10);
  stage.session.disconnect();
  await vi.advanceTimersByTimeAsync(40);
  expect(new Set(await Promise.all(ends.slice(0, 200)))).toEqual(new Set([803]));
});

test("connect takes a callback in the places where 1.x had it", async () => {
  for (const args of [["meta"], []] as unknown[][]) {
    const stage = new Stage();
    const story: string[] = [];
    stage.session.on("connectionCreated", () => story.push("created"));
    const connecting = (stage.session.connect as (...all: unknown[]) => Promise<void>)(token, ...args, (error: unknown) => story.push(`called ${error}`));
    await stage.answerJoin(await stage.welcome());
    await connecting;
    await settled();
    expect(story).toEqual(["created", "called null"]);
  }
  const stage = new Stage();
  stage.answer = () => Response.json({ code: 401, message: "the token was used" }, { status: 401 });
  const callback = vi.fn();
  void stage.session.connect(token, callback);
  await settled();
  expect(callback.mock.calls[0]![0]).toMatchObject({ code: 401, name: "OPENVIDU_PERMISSION_DENIED", message: "the token was used" });
});

test("a connect that fails can be tried again, a second one beside it is refused", async () => {
  const stage = new Stage();
  stage.answer = () => new Response("oops", { status: 502 });
  await rejects(stage.session.connect(token), 502);
  stage.answer = () => Promise.reject(new TypeError("no network"));
  await rejects(stage.session.connect(token), 999);
  await rejects(stage.session.connect("not a token"), 401, "OPENVIDU_PERMISSION_DENIED");
  stage.answer = () => Response.json(admission);
  const connecting = stage.session.connect(token);
  await rejects(stage.session.connect(token), 104);
  await stage.answerJoin(await stage.welcome());
  await connecting;
  expect(stage.session.connection?.connectionId).toBe(own);
});

test("a server that does not answer is given up after 30 s, and so is a connect that is taken back", async () => {
  for (const end of [(stage: Stage) => stage.session.disconnect(), () => vi.advanceTimersByTimeAsync(30_000)]) {
    const stage = new Stage();
    const failing = rejects(stage.session.connect(token), 10);
    await settled();
    expect(stage.peers.length).toBe(1);
    await end(stage);
    await failing;
    expect(stage.peer.closedByClient).toBe(true);
  }
});

test("history comes in order after connect has told, before what is live; those who have gone are not named", async () => {
  const stage = new Stage();
  stage.admission = { ...admission, replayHistory: 2 };
  const heard = stage.listen("connectionCreated", "signal");
  const connecting = stage.session.connect(token).then(() => heard.push("connected"));
  const join = await stage.welcome();
  expect(join.params["history"]).toBe(2);
  const messages = [posted(1, "one", from(carol), { label: "my-chat" }), posted(2, "two", from(bob, {}))].map(({ params }) => params.message);
  await stage.answerJoin(join, { presence: [person(me), person(bob)], history: { messages, more_before: true } });
  await stage.peer.say({ jsonrpc: "2.0", ...posted(3, "three", from(bob), { label: "my-chat" }) });
  await connecting;
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toEqual([`connectionCreated ${own}`, `connectionCreated ${bobName}`, "connected", "signal my-chat one", `signal my-chat two from ${bobName}`, `signal my-chat three from ${bobName}`]);
});

test("a lost link is told once; back, the page hears who came and went before it hears what was said", async () => {
  const stage = new Stage();
  const heard = stage.listen("reconnecting", "reconnected", "connectionCreated", "connectionDestroyed", "signal");
  await stage.connect({ presence: [person(me), person(bob)] });
  heard.length = 0;
  await stage.peer.drop();
  await vi.advanceTimersByTimeAsync(1_000);
  await settled();
  await stage.peer.drop();
  expect(heard).toEqual(["reconnecting"]);
  await vi.advanceTimersByTimeAsync(2_000);
  const join = await stage.welcome();
  await stage.answerJoin(join, {
    resume: "ok",
    history: null,
    position: "e-2",
    events: [posted(1, "from Carol", from(carol), { label: "chat" }), posted(2, "from Bob, who left", from(bob), { label: "chat" })],
    presence: [person(me), person(carol)],
  });
  expect(heard).toEqual([
    "reconnecting",
    "reconnected",
    `connectionDestroyed ${bobName} networkDisconnect`,
    `connectionCreated ${carolName}`,
    `signal chat from Carol from ${carolName}`,
    `signal chat from Bob, who left from ${bobName}`,
  ]);
});

test("the server keeps the connection for 30 s; back in time, the page hears what was said and did not leave for the others", async () => {
  const stage = new Stage();
  const heard = stage.listen("reconnecting", "reconnected", "connectionCreated", "connectionDestroyed", "signal", "sessionDisconnected");
  const connecting = stage.session.connect(token);
  const hello = await stage.greet({ resume: "secret" });
  expect(hello.params).toMatchObject({ token: "jwt", keep_s: 30 });
  await stage.answerJoin(stage.peer.take("room.join"), { presence: [person(me), person(bob)] });
  await connecting;
  await vi.advanceTimersByTimeAsync(0);
  heard.length = 0;
  await stage.peer.drop();
  await vi.advanceTimersByTimeAsync(1_000);
  const again = await stage.greet({ resume: "secret", resumed: true });
  expect(again.params).toMatchObject({ keep_s: 30, resume: "secret" });
  await stage.peer.notify("signal", { room: "r", type: "x", data: "meanwhile", from: from(bob) });
  await stage.peer.notify("presence.left", { room: "r", connection: bob, user: bob, reason: "left" });
  expect(stage.peer.inbox.map(({ method }) => method)).toEqual([]);
  expect(heard).toEqual(["reconnecting", "reconnected", `signal x meanwhile from ${bobName}`, `connectionDestroyed ${bobName} disconnect`]);
});

test("whoever cannot come back as the same connection is disconnected: the others would know somebody else", async () => {
  const stage = new Stage();
  const heard = stage.listen("reconnecting", "reconnected", "connectionCreated", "signal", "sessionDisconnected");
  await stage.connect({ presence: [person(me), person(bob)] });
  heard.length = 0;
  const join = await stage.reconnect();
  const other = { connection: carol, user: "u", role: "member", groups: [], muted: null };
  await stage.answerJoin(join, { me: other, presence: [person(carol), person(bob)], resume: "ok", history: null, events: [posted(1, "a", from(bob))] });
  expect(heard).toEqual(["reconnecting", "sessionDisconnected networkDisconnect"]);
  expect([stage.peer.closedByClient, stage.session.remoteConnections.size]).toEqual([true, 0]);
  await stage.connect();
  expect(stage.session.connection?.connectionId).toBe(own);
});

test("leaving and being put out end the session with a reason, after which one may connect again", async () => {
  const ends: [(stage: Stage) => unknown, string][] = [
    [({ session }) => session.disconnect(), "disconnect"],
    [({ peer }) => peer.notify("room.removed", { room: "r", reason: "kicked" }), "forceDisconnectByUser"],
    [({ peer }) => peer.notify("room.removed", { room: "r", reason: "ended" }), "sessionClosedByServer"],
    [({ peer }) => peer.notify("room.removed", { room: "r", reason: "room_deleted" }), "sessionClosedByServer"],
    [({ peer }) => peer.drop(4505), "forceDisconnectByServer"],
    [({ peer }) => peer.drop(4501), "networkDisconnect"],
  ];
  for (const [end, reason] of ends) {
    const stage = new Stage();
    const heard = stage.listen("sessionDisconnected", "reconnecting");
    const peer = await stage.connect({ presence: [person(me), person(bob)] });
    await end(stage);
    await settled();
    expect(heard).toEqual([`sessionDisconnected ${reason}`]);
    expect(stage.session.remoteConnections.size).toBe(0);
    await rejects(stage.session.signal(), 803, "OPENVIDU_NOT_CONNECTED");
    expect(peer.readyState, "the socket is closed").toBe(3);
    await stage.connect();
    expect(stage.peers.length).toBe(2);
    stage.session.disconnect();
    expect(heard.length).toBe(2);
  }
});

test("a handler that leaves hears nothing more", async () => {
  const stage = new Stage();
  const heard = stage.listen("connectionCreated", "signal");
  stage.session.on("connectionCreated", () => stage.session.disconnect());
  await stage.connect({ presence: [person(bob), person(me)] });
  expect(heard).toEqual([`connectionCreated ${own}`]);
});

test("moderators put people out, others may not", async () => {
  const stage = new Stage();
  await stage.connect({ presence: [person(me), person(bob)] });
  const [bobHere] = stage.session.remoteConnections.values();
  await rejects(stage.session.forceDisconnect(bobHere!), 401, "OPENVIDU_PERMISSION_DENIED");
  const moderator = new Stage();
  moderator.admission = { ...admission, role: "MODERATOR", room: "a/b" };
  await moderator.connect({ presence: [person(me), person(bob)] });
  const [target] = moderator.session.remoteConnections.values();
  moderator.answer = () => new Response(null, { status: 204 });
  await moderator.session.forceDisconnect(target!);
  const { url, init } = moderator.fetched.at(-1)!;
  expect([url, init.method, init.headers]).toEqual([`https://chat.example.org/api/v1/rooms/a%2Fb/connections/${bob}`, "DELETE", { authorization: "Bearer jwt" }]);
  moderator.answer = () => new Response(null, { status: 404 });
  await rejects(moderator.session.forceDisconnect(target!), 102);
  await rejects(moderator.session.forceDisconnect({} as never), 102);
});

test("edits, deletions, pins and reactions are not shown", async () => {
  const stage = new Stage();
  const heard = stage.listen("signal");
  const peer = await stage.connect();
  const { params } = nativePost(1);
  for (const method of ["message.edited", "message.deleted", "message.pinned", "reaction.added"]) {
    await peer.notify(method, { ...params, seq: params.seq + 1, message: "m1", message_seq: 1, parts: [], emoji: "x" });
  }
  expect(heard).toEqual([]);
});
