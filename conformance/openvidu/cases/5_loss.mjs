// Section 7: drops, outages, tabs that go, members that are silent. Each scenario waits for a clock of the server, about
// `waits_s`, so they run side by side.
import { between, equal, ok, pause, until } from "../expect.mjs";
import { joinParams } from "../raw.mjs";

/** A page behind a gate, a page and a raw member without one. */
async function meeting(world) {
  const session = await world.session();
  const gate = await world.gate();
  const watcher = await world.member(session, { metadata: "watcher" });
  const peer = await world.person(session, { metadata: "Peer" });
  const ada = await world.person(session, { metadata: "Ada", gate });
  await peer.event("connectionCreated", (event) => event.id === ada.id);
  return { session, gate, watcher, peer, ada };
}

function departures(raw, id) {
  return raw.notices("participantLeft").filter((each) => each.connectionId === id);
}

export const loss_short_drop = {
  waits_s: 30,
  open: meeting,
  cases: {
    async "reconnect.short-drop-keeps-connection"(_, { gate, ada, peer, session }) {
      const before = await ada.view();
      gate.cut();
      await ada.event("reconnecting");
      await ada.event("reconnected");
      equal((await ada.view()).own, before.own, "own connection");
      equal(peer.of("connectionDestroyed"), [], "what the peer saw");
      const [first, second] = (await ada.sockets()).map((each) => each.url);
      equal(second, `${first}&reconnect=true`, "the second address");
      ok(first.endsWith(`?sessionId=${session}`), "the first address", first);
    },
    async "reconnect.is-one-connect-request"(_, { ada }) {
      const sent = (await ada.frames()).filter((each) => each.from === "client" && each.socket === 1).map((each) => each.frame);
      equal(sent.filter((frame) => frame.method === "joinRoom"), [], "joins");
      const connect = sent.find((frame) => frame.method === "connect");
      const answer = (await ada.frames()).find((each) => each.from === "server" && each.frame.id === connect.id && !each.frame.method).frame;
      equal([answer.result?.value, answer.result?.sessionId], ["reconnection successful", connect.params.sessionId], "the result");
    },
    async "reconnect.ping-starts-again-with-interval"(_, { ada }) {
      const frames = () => ada.frames().then((all) => all.filter((each) => each.socket === 1));
      const ping = await until(async () => (await frames()).find((each) => each.from === "client" && each.frame.method === "ping"), "a ping", 8000);
      equal(ping.frame.params, { interval: 5000 }, "params");
      await until(async () => (await frames()).some((each) => each.from === "server" && each.frame.id === ping.frame.id), "its pong");
    },
    async "reconnect.signals-work-both-ways"(_, { ada, peer }) {
      await ada.signal({ type: "my-chat", data: "I am back" });
      equal((await peer.hears("I am back")).from, ada.id, "from");
      await peer.signal({ to: [ada.id], type: "my-chat", data: "welcome back" });
      equal((await ada.hears("welcome back")).from, peer.id, "from");
    },
    async "reconnect.ids-go-on-rising"(_, { ada }) {
      const ids = (await ada.frames()).filter((each) => each.from === "client").map((each) => each.frame.id);
      ok(ids.every((id, at) => at === 0 || id > ids[at - 1]), "ids rise", ids);
    },
    async "reconnect.three-drops-in-a-row"(_, { gate, ada, peer, watcher }) {
      for (let n = 0; n < 3; n++) {
        const before = ada.of("reconnected").length;
        gate.cut();
        await until(() => ada.of("reconnected").length > before, "the return", 8000);
      }
      await ada.signal({ type: "my-chat", data: "thrice" });
      await peer.hears("thrice");
      equal(departures(watcher, ada.id), [], "departures");
    },
    async "reconnect.peers-notice-nothing"(_, { ada, peer, watcher }) {
      // The grace of the first drop is over by then, if the server forgot to stop its clock.
      await pause(11_000);
      equal([peer.of("connectionDestroyed"), departures(watcher, ada.id), watcher.notices("participantJoined").filter((each) => each.id === ada.id).length], [[], [], 1], "destroyed, left, joined");
    },
  },
};

export const loss_outage = {
  waits_s: 22,
  open: meeting,
  cases: {
    async "reconnect.missed-signals-are-replayed-in-order"(world, { session, gate, ada, peer }) {
      gate.shut();
      await ada.event("reconnecting");
      const started = performance.now();
      const missed = Array.from({ length: 5 }, (_, n) => peer.signal({ type: "my-chat", data: `missed ${n}` }));
      equal(await peer.signal({ to: [ada.id], type: "my-chat", data: "missed target" }), { ok: true }, "a targeted signal in the outage");
      await Promise.all(missed);
      equal((await world.signal({ session, type: "my-chat", data: "missed rest" })).status, 200, "REST in the outage");
      // The client tries every 3 s and the grace ends after 10 s.
      await pause(Math.max(0, 4000 - (performance.now() - started)));
      gate.reopen();
      await ada.event("reconnected", undefined, 8000);
      const expected = [...Array.from({ length: 5 }, (_, n) => `missed ${n}`), "missed target", "missed rest"];
      await ada.hears("missed rest", "signal:my-chat");
      equal(ada.heard("signal:my-chat"), expected, "what was heard after the return");
      equal(ada.of("signal").filter((event) => event.data !== "missed rest").every((event) => event.from === peer.id), true, "all from the peer");
    },
    async "reconnect.outage-of-4-s-keeps-connection"(_, { ada, peer, watcher }) {
      equal([peer.of("connectionDestroyed"), departures(watcher, ada.id), ada.of("sessionDisconnected")], [[], [], []], "destroyed, left, disconnected");
    },
    async "reconnect.after-replay-new-signals-come-once"(_, { ada, peer }) {
      await peer.signal({ type: "my-chat", data: "after the outage" });
      await ada.hears("after the outage");
      await pause(300);
      equal(ada.heard().filter((data) => data === "after the outage").length, 1, "times");
    },
    async "reconnect.member-in-its-grace-still-counts"(world, { session, gate, ada }) {
      gate.shut();
      await pause(500);
      const { json } = await world.api("GET", `sessions/${session}/connection/${ada.id}`);
      equal(json?.status, "active", "status");
      const before = ada.of("reconnected").length;
      gate.reopen();
      await until(() => ada.of("reconnected").length > before, "the return", 8000);
    },
    async "reconnect.newcomer-in-the-outage-is-seen"(world, { session, gate, ada }) {
      gate.shut();
      await pause(300);
      const newcomer = await world.member(session, { metadata: "New" });
      gate.reopen();
      const event = await ada.event("connectionCreated", (each) => each.id === newcomer.id, 8000);
      equal(event.data, "New", "data");
      await newcomer.signal({ to: [], type: "signal:my-chat", data: "hello from the new one" });
      equal((await ada.hears("hello from the new one")).from, newcomer.id, "from");
      gate.shut();
      await pause(300);
      await newcomer.result("leaveRoom", {});
      gate.reopen();
      await ada.event("connectionDestroyed", (each) => each.id === newcomer.id, 8000);
    },
  },
};

export const loss_evicted_away = {
  waits_s: 8,
  open: meeting,
  cases: {
    async "reconnect.evicted-while-away-is-told"(world, { session, gate, ada, peer }) {
      gate.shut();
      await ada.event("reconnecting");
      await world.api("DELETE", `sessions/${session}/connection/${ada.id}`);
      equal((await peer.event("connectionDestroyed", (event) => event.id === ada.id)).reason, "forceDisconnectByServer", "reason for the peer");
      gate.reopen();
      await ada.event("sessionDisconnected", undefined, 8000);
      equal(ada.of("sessionDisconnected").map((event) => event.reason), ["networkDisconnect"], "reasons");
      const refusal = (await ada.frames()).find((each) => each.from === "server" && each.frame.error)?.frame.error;
      equal([refusal?.code, refusal?.message], [40007, "reconnection error"], "the error on the wire");
      await until(async () => (await ada.sockets()).at(-1).ended !== null, "the end of the socket", 3000);
      equal((await ada.sockets()).at(-1).asked, 4102, "close code of the client");
    },
  },
};

export const loss_half_open = {
  waits_s: 25,
  open: meeting,
  cases: {
    async "reconnect.silent-socket-is-replaced"(_, { gate, ada, peer, watcher }) {
      gate.freeze();
      await ada.event("reconnecting", undefined, 14_000);
      await ada.event("reconnected", undefined, 8000);
      equal((await ada.sockets())[0].asked, 4104, "close code of the client for the old socket");
      await ada.signal({ type: "my-chat", data: "on the new socket" });
      equal((await peer.hears("on the new socket")).from, ada.id, "from");
      // Now the server learns that the old socket is dead.
      gate.cutFrozen();
      await pause(11_500);
      equal([departures(watcher, ada.id), peer.of("connectionDestroyed"), ada.of("sessionDisconnected")], [[], [], []], "left, destroyed, disconnected");
      await peer.signal({ to: [ada.id], type: "my-chat", data: "still there" });
      await ada.hears("still there");
    },
  },
};

export const loss_closed_tab = {
  waits_s: 10,
  open: meeting,
  cases: {
    async "loss.closed-tab-is-noticed-before-10-s"(_, { ada, peer }) {
      const started = performance.now();
      await ada.closeTab();
      const event = await peer.event("connectionDestroyed", (each) => each.id === ada.id, 14_000);
      equal(event.reason, "networkDisconnect", "reason");
      between(performance.now() - started, 0, 9000, "ms");
    },
    async "loss.reloaded-tab-is-noticed-before-10-s"(world, { session, peer }) {
      const other = await world.person(session);
      await peer.event("connectionCreated", (each) => each.id === other.id);
      const started = performance.now();
      await other.page.reload();
      await peer.event("connectionDestroyed", (each) => each.id === other.id, 14_000);
      between(performance.now() - started, 0, 9000, "ms");
    },
  },
};

export const loss_raw_ends = {
  waits_s: 11,
  async open(world) {
    const session = await world.session();
    return { session, watcher: await world.member(session) };
  },
  cases: {
    async "loss.ends-are-noticed-in-their-time"(world, { session, watcher }) {
      const [away, dropped, last] = await world.members(session, 3);
      const started = performance.now();
      away.close(1001);
      dropped.drop();
      last.close(1000);
      const heard = async (raw) => {
        const { reason } = await watcher.notice("participantLeft", (each) => each.connectionId === raw.id, 16_000);
        return { reason, ms: performance.now() - started };
      };
      const [first, second, third] = await Promise.all([heard(away), heard(dropped), heard(last)]);
      equal([first.reason, second.reason, third.reason], Array(3).fill("networkDisconnect"), "reasons of 1001, a broken line, 1000");
      between(first.ms, 0, 9000, "ms after 1001");
      between(second.ms, 9000, 13_000, "ms after a broken line");
      between(third.ms, 0, 13_000, "ms after 1000");
    },
  },
};

export const loss_after_grace = {
  waits_s: 15,
  async open(world) {
    const session = await world.session();
    const gate = await world.gate();
    const watcher = await world.member(session);
    return { session, gate, watcher, ada: await world.person(session, { gate }) };
  },
  cases: {
    async "reconnect.after-the-grace-is-refused"(_, { gate, ada, watcher }) {
      gate.shut();
      const { reason } = await watcher.notice("participantLeft", (each) => each.connectionId === ada.id, 15_000);
      equal(reason, "networkDisconnect", "reason for the others");
      gate.reopen();
      await ada.event("sessionDisconnected", undefined, 8000);
      equal([ada.of("sessionDisconnected").map((event) => event.reason), ada.of("reconnected")], [["networkDisconnect"], []], "disconnected, reconnected");
    },
    async "reconnect.after-the-grace-needs-a-new-token"(world, { session, ada }) {
      const page = await world.page();
      equal((await page.tryConnect(ada.token)).error?.code, 401, "code for the old token");
      await page.connect((await world.connection(session)).token);
    },
  },
};

export const loss_refused_connects = {
  async open(world) {
    const session = await world.session();
    const [victim, other] = await world.members(session, 2);
    return { session, victim, other };
  },
  cases: {
    async "reconnect.unknown-rpc-id-is-40007"(world, { session }) {
      await refusedConnect(world, session, "abcdefghijklmnopqrstuvwxyz");
      await refusedConnect(world, session, "");
    },
    async "reconnect.public-ids-are-no-rpc-ids"(world, { session, victim }) {
      await refusedConnect(world, session, victim.id);
      await refusedConnect(world, session, session);
      await refusedConnect(world, session, victim.token.split("token=")[1]);
    },
    async "reconnect.rpc-id-of-a-leaver-is-40007"(world, { session }) {
      const leaver = await world.member(session);
      await leaver.result("leaveRoom", {});
      await refusedConnect(world, session, leaver.rpc);
    },
    async "reconnect.rpc-id-of-an-evicted-is-40007"(world, { session }) {
      const target = await world.member(session);
      await world.api("DELETE", `sessions/${session}/connection/${target.id}`);
      await refusedConnect(world, session, target.rpc);
    },
    async "reconnect.rpc-ids-stay-with-their-owners"(_, { victim, other }) {
      const seen = JSON.stringify(other.frames);
      ok(!seen.includes(victim.rpc), "nobody else is told an RPC id");
    },
    async "reconnect.raw-drop-and-return"(world, { session, other }) {
      const ada = await world.member(session);
      ada.drop();
      await pause(200);
      await other.signal({ to: [], type: "signal:x", data: "while away" });
      const again = await world.socket(`?sessionId=${session}&reconnect=true`);
      equal(await again.result("connect", { sessionId: ada.rpc, reconnect: true }), { value: "reconnection successful", sessionId: ada.rpc }, "the result");
      await again.notice("sendMessage", (params) => params.data === "while away");
      equal(again.story()[0], "result", "the first frame");
      await again.signal({ to: [other.id], type: "signal:x", data: "from the same" });
      equal((await other.notice("sendMessage", (params) => params.data === "from the same")).from, ada.id, "from");
    },
    async "reconnect.second-socket-takes-over"(world, { session, other }) {
      const ada = await world.member(session);
      const again = await world.socket(`?sessionId=${session}&reconnect=true`);
      await again.result("connect", { sessionId: ada.rpc, reconnect: true });
      await other.signal({ to: [ada.id], type: "signal:x", data: "where are you" });
      await again.notice("sendMessage", (params) => params.data === "where are you");
      equal(ada.signals().some((each) => each.data === "where are you"), false, "the old socket heard it");
      ada.drop();
      await again.call("ping", { interval: 5000 });
      equal(departures(other, ada.id), [], "departures");
    },
    async "reconnect.joinRoom-after-connect-needs-a-token"(world, { session, victim }) {
      const raw = await world.socket(`?sessionId=${session}`);
      equal((await raw.error("joinRoom", joinParams(victim.token))).code, 401, "code");
    },
  },
};

async function refusedConnect(world, session, sessionId) {
  const raw = await world.socket(`?sessionId=${session}&reconnect=true`);
  const { code, message } = await raw.error("connect", { sessionId, reconnect: true });
  equal([code, message], [40007, "reconnection error"], `the error for ${sessionId.slice(0, 4)}…`);
}

export const loss_idle = {
  waits_s: 24,
  async open(world) {
    const session = await world.session();
    return { a: await world.person(session), b: await world.person(session), raw: await world.member(session) };
  },
  cases: {
    async "idle.22-s-keep-everybody"(_, { a, b, raw }) {
      await pause(22_000);
      equal([a, b].flatMap((person) => [...person.of("reconnecting"), ...person.of("sessionDisconnected"), ...person.of("connectionDestroyed")]), [], "events");
      equal([raw.closed, raw.notices("participantLeft")], [null, []], "the raw member");
      equal(await a.signal({ type: "my-chat", data: "after the idle time" }), { ok: true }, "the promise");
      await b.hears("after the idle time");
    },
    async "ping.every-5-s-is-answered"(_, { a }) {
      const frames = await a.frames();
      const pings = frames.filter((each) => each.frame.method === "ping").map((each) => each.frame.id);
      ok(pings.length >= 4, "at least 4 pings", pings.length);
      const pongs = frames.filter((each) => each.frame.result?.value === "pong").map((each) => each.frame.id);
      equal(pongs.slice(0, pings.length - 1), pings.slice(0, pings.length - 1), "ids of the pongs");
    },
  },
};

export const loss_watchdog = {
  waits_s: 28,
  async open(world) {
    const session = await world.session();
    return { session, watcher: await world.member(session) };
  },
  cases: {
    async "ping.silence-of-15-s-closes"(world, { session, watcher }) {
      const silent = await world.member(session, { quiet: true });
      const unpaced = await world.socket(`?sessionId=${session}`);
      unpaced.request("ping");
      const started = performance.now();
      await until(() => silent.closed, "the end of the silent socket", 19_000);
      between(silent.closed.at - started, 13_000, 18_000, "ms");
      equal(silent.closed.code, 1000, "close code");
      equal(departures(watcher, silent.id), [], "departures at once");
      await until(() => unpaced.closed, "the end of a socket without an interval", 8000);
      between(unpaced.closed.at - started, 18_000, 24_000, "ms without an interval");
      const { reason } = await watcher.notice("participantLeft", (each) => each.connectionId === silent.id, 12_000);
      equal(reason, "networkDisconnect", "reason");
    },
  },
};
loss_watchdog.cases["ping.silence-of-15-s-closes"].limit_ms = 50_000;
loss_idle.cases["idle.22-s-keep-everybody"].limit_ms = 35_000;

export const loss_late_close = {
  waits_s: 11,
  async open(world) {
    const session = await world.session();
    return { session, stayer: await world.member(session) };
  },
  cases: {
    async "evict.socket-is-closed-after-10-s"(world, { session }) {
      const [leaver, evicted] = await world.members(session, 2);
      await leaver.result("leaveRoom", {});
      await world.api("DELETE", `sessions/${session}/connection/${evicted.id}`);
      const started = performance.now();
      await until(() => leaver.closed && evicted.closed, "the end of both sockets", 15_000);
      for (const raw of [leaver, evicted]) between(raw.closed.at - started, 1000, 13_000, "ms");
    },
  },
};
