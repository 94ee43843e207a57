// Section 8: what matters for chat, with an older browser client in the same rooms as the newest.
import { equal, until } from "../expect.mjs";

export const older_client = {
  async open(world) {
    const session = await world.session();
    const gate = await world.gate();
    const old = await world.person(session, { client: "2.25.0", metadata: "Old", data: "srv", gate });
    const moderator = await world.person(session, { client: "2.25.0", role: "MODERATOR" });
    const young = await world.person(session, { metadata: "Young" });
    for (const person of [old, moderator, young]) await until(() => person.of("connectionCreated").length === 3, "all see all");
    return { session, gate, old, moderator, young };
  },
  cases: {
    async "older.connects-over-plain-ws"(world, { session, old }) {
      equal((await old.sockets()).map((each) => each.url), [`ws://${world.server.host}/openvidu?sessionId=${session}`], "addresses");
      const { created_at, ...own } = old.welcome.own;
      equal(own, { id: old.id, role: "PUBLISHER", record: true, data: "Old%/%srv" }, "own connection");
    },
    async "older.capabilities"(_, { old, moderator }) {
      equal([old, moderator].map((person) => person.welcome.capabilities.forceDisconnect), [false, true], "forceDisconnect");
    },
    async "older.order-of-created"(_, { old, moderator, young }) {
      equal(old.of("connectionCreated").map((event) => event.id), [old.id, moderator.id, young.id], "ids");
    },
    async "older.signals-both-ways"(_, { old, young }) {
      equal(await old.signal({ type: "my-chat", data: "from the old" }), { ok: true }, "the promise");
      equal((await young.hears("from the old", "signal:my-chat")).from, old.id, "from");
      await old.hears("from the old", "signal:my-chat");
      await young.signal({ type: "my-chat", data: "from the young" });
      equal((await old.hears("from the young", "signal:my-chat")).type, "signal:my-chat", "type");
    },
    async "older.targeted"(_, { old, moderator, young }) {
      await young.signal({ to: [old.id], type: "my-chat", data: "only the old" });
      await young.signal({ type: "my-chat", data: "fence" });
      for (const person of [old, moderator]) await person.hears("fence");
      equal([old, moderator].map((person) => person.heard().includes("only the old")), [true, false], "who heard it");
    },
    async "older.unknown-target-is-601"(_, { old }) {
      equal((await old.signal({ to: ["con_X000000000"], data: "x" })).error?.code, 601, "code");
    },
    async "older.call-style-chat"(_, { old, young }) {
      const data = JSON.stringify({ message: "hi 👋", nickname: "Old" });
      await old.signal({ type: "chat", data });
      await young.hears(data, "signal:chat");
    },
    async "older.burst-of-100-stays-in-order"(_, { old, young }) {
      equal(await old.burst(100, "burst"), [], "promises that did not resolve");
      for (const person of [old, young]) {
        const heard = () => person.of("signal").filter((event) => event.type === "signal:burst").map((event) => event.data);
        await until(() => heard().length >= 100, "100 signals", 10_000);
        equal(heard(), Array.from({ length: 100 }, (_, n) => `burst ${n}`), "order");
      }
    },
    async "older.rest-signal-without-from"(world, { session, old }) {
      await world.signal({ session, type: "my-chat", data: "from the back end" });
      const event = await old.hears("from the back end", "signal:my-chat");
      equal([event.type, event.from], ["signal:my-chat", "none"], "type and from");
    },
    async "older.short-drop"(_, { gate, old, young }) {
      gate.cut();
      await old.event("reconnected", undefined, 8000);
      await old.signal({ type: "my-chat", data: "old and back" });
      equal((await young.hears("old and back")).from, old.id, "from");
      equal(young.of("connectionDestroyed"), [], "what the other saw");
    },
    async "older.used-token"(world, { old }) {
      const page = await world.page({ client: "2.25.0" });
      equal((await page.tryConnect(old.token)).error?.code, 401, "code");
    },
    async "older.leave"(world, { session, young }) {
      const leaver = await world.person(session, { client: "2.25.0" });
      await leaver.disconnect();
      equal((await young.event("connectionDestroyed", (event) => event.id === leaver.id)).reason, "disconnect", "reason");
    },
    async "older.evicts"(_, { moderator, young, old }) {
      equal(await moderator.forceDisconnect(young.id), { ok: true }, "the promise");
      equal((await young.event("sessionDisconnected")).reason, "forceDisconnectByUser", "reason");
      equal((await old.event("connectionDestroyed", (event) => event.id === young.id)).reason, "forceDisconnectByUser", "reason for the other");
    },
    async "older.evicted-by-closing"(world, { session, old, moderator }) {
      await world.api("DELETE", `sessions/${session}`);
      for (const person of [old, moderator]) equal((await person.event("sessionDisconnected")).reason, "sessionClosedByServer", "reason");
    },
  },
};
