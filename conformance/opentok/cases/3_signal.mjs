// Line 5: signals, to everybody and to one.
import { equal, refused } from "../expect.mjs";
import { strangeSession } from "../tokens.mjs";
import { fails } from "../world.mjs";

const TEXT = "Grüße, 你好, שלום, 👩‍👩‍👧‍👦🏳️‍🌈, \u2028 \"quoted\" \\ / <b> & \t\n end";
const OF_THE_SERVER = null;

const byKit = (name) => ({
  async open(world) {
    const kit = world.kit(name);
    return { ...(await world.room(kit, 3)), empty: await kit.create() };
  },
  cases: {
    async [`signal.${name}-to-all`](_, { kit, session, members }) {
      await kit.signal(session, { type: "wave", data: "hello" });
      for (const member of members) equal(await member.heard("wave"), [{ type: "wave", data: "hello", from: OF_THE_SERVER }], "what a member heard");
    },
    async [`signal.${name}-to-one`](world, room) {
      const [first, second, third] = room.members;
      await room.kit.signal(room.session, { type: "whisper", data: "only you" }, second.connection);
      equal(await second.heard("whisper"), [{ type: "whisper", data: "only you", from: OF_THE_SERVER }], "what it heard");
      await world.settle(room);
      for (const other of [first, third]) equal(other.signals.filter(({ type }) => type === "whisper"), [], "what another heard");
    },
    async [`signal.${name}-of-a-chat-type-to-all`](_, { kit, session, members }) {
      await kit.signal(session, { type: "chat", data: "for the log" });
      for (const member of members) equal(await member.heard("chat"), [{ type: "chat", data: "for the log", from: OF_THE_SERVER }], "what a member heard");
    },
    async [`signal.${name}-of-a-chat-type-to-one`](world, room) {
      const [first, second, third] = room.members;
      await room.kit.signal(room.session, { type: "msg", data: "only you" }, third.connection);
      equal(await third.heard("msg"), [{ type: "msg", data: "only you", from: OF_THE_SERVER }], "what it heard");
      await world.settle(room);
      for (const other of [first, second]) equal(other.signals.filter(({ type }) => type === "msg"), [], "what another heard");
    },
    async [`signal.${name}-text-stays-as-it-is`](_, { kit, session, members }) {
      await kit.signal(session, { type: "text", data: TEXT });
      for (const member of members) equal((await member.heard("text"))[0].data, TEXT, "data");
    },
    async [`signal.${name}-chat-text-stays-as-it-is`](_, { kit, session, members }) {
      await kit.signal(session, { type: "text-chat", data: TEXT });
      for (const member of members) equal((await member.heard("text-chat"))[0].data, TEXT, "data");
    },
    async [`signal.${name}-json-in-data-stays-text`](_, { kit, session, members }) {
      const data = JSON.stringify({ text: "hi", sender: { alias: "lena" }, sentOn: 1384221730000 });
      await kit.signal(session, { type: "json", data });
      for (const member of members) equal((await member.heard("json"))[0].data, data, "data");
    },
    async [`signal.${name}-empty-data`](_, { kit, session, members }) {
      await kit.signal(session, { type: "empty", data: "" });
      for (const member of members) equal((await member.heard("empty"))[0].data, "", "data");
    },
    async [`signal.${name}-to-an-absent-connection-is-404`](_, { kit, session }) {
      await fails(name, kit, "signal", 404, kit.signal(session, { type: "lost", data: "x" }, crypto.randomUUID()));
    },
    async [`signal.${name}-to-an-empty-session-is-404`](_, { kit, empty }) {
      await fails(name, kit, "signal", 404, kit.signal(empty, { type: "lost", data: "x" }));
    },
    async [`signal.${name}-to-a-session-left-by-all-is-404`](world, { kit, empty }) {
      const member = await world.member(kit, empty);
      await kit.signal(empty, { type: "wave", data: "x" });
      await member.call("room.leave", { room: member.admission.room });
      await fails(name, kit, "signal", 404, kit.signal(empty, { type: "lost", data: "x" }));
      member.close();
    },
    async [`signal.${name}-two-hundred-in-order`](_, { kit, session, members }) {
      const sent = Array.from({ length: 200 }, (_, n) => String(n));
      for (const data of sent) await kit.signal(session, { type: "count", data });
      for (const member of members) equal((await member.heard("count", sent.length)).map(({ data }) => data), sent, "numbers");
    },
  },
});

export const by_node = byKit("node");
export const by_python = byKit("python");
export const by_node_as_vonage = byKit("node-as-vonage");
export const by_vonage_node = byKit("vonage-node");
export const by_vonage_python = byKit("vonage-python");

export const bare = {
  async open(world) {
    const room = await world.room(world.kit("node"), 2);
    const elsewhere = await world.room(world.kit("node"), 1);
    const path = `/v2/project/100001/session/${room.session}`;
    return { ...room, path, elsewhere };
  },
  cases: {
    async "signal.bare-204-without-a-body"({ plain }, { path, members }) {
      const all = await plain.call("POST", `${path}/signal`, { body: { type: "bare", data: "x" } });
      equal([all.status, all.text], [204, ""], "to all: status and body");
      const one = await plain.call("POST", `${path}/connection/${members[0].connection}/signal`, { body: { type: "bare", data: "x" } });
      equal([one.status, one.text], [204, ""], "to one: status and body");
    },
    async "signal.bare-without-type"({ plain }, { path, members }) {
      equal((await plain.call("POST", `${path}/signal`, { body: { data: "without type" } })).status, 204, "status");
      for (const member of members) equal((await member.heard(null))[0], { type: null, data: "without type", from: OF_THE_SERVER }, "what a member heard");
    },
    async "signal.bare-type-null"({ plain }, { path, members }) {
      equal((await plain.call("POST", `${path}/signal`, { body: { type: null, data: "type null" } })).status, 204, "status");
      for (const member of members) equal((await member.heard(null, 2))[1], { type: null, data: "type null", from: OF_THE_SERVER }, "what a member heard");
    },
    async "signal.bare-empty-type"({ plain }, { path }) {
      equal((await plain.call("POST", `${path}/signal`, { body: { type: "", data: "x" } })).status, 204, "status");
    },
    async "signal.bare-empty-data-of-a-chat-type"({ plain }, { path, members }) {
      equal((await plain.call("POST", `${path}/signal`, { body: { type: "chat", data: "" } })).status, 204, "status");
      for (const member of members) equal((await member.heard("chat"))[0].data, "", "data");
    },
    async "signal.bare-unknown-fields-are-ignored"({ plain }, { path }) {
      equal((await plain.call("POST", `${path}/signal`, { body: { type: "wave", data: "x", retryAfterReconnect: true, from: "somebody" } })).status, 204, "status");
    },
    async "signal.bare-type-of-content-with-charset"({ plain }, { path }) {
      const headers = { ...plain.auth(), "content-type": "application/json; charset=utf-8" };
      equal((await plain.call("POST", `${path}/signal`, { body: JSON.stringify({ type: "wave", data: "x" }), headers })).status, 204, "status");
    },
    async "signal.bare-to-a-connection-of-another-session-is-404"({ plain }, { path, elsewhere }) {
      refused(await plain.call("POST", `${path}/connection/${elsewhere.members[0].connection}/signal`, { body: { type: "stray", data: "x" } }), 404);
    },
    async "signal.bare-stays-in-its-session"(world, { elsewhere }) {
      await world.settle(elsewhere);
      equal(elsewhere.members[0].signals.filter(({ type }) => !type?.startsWith("marker-")), [], "what was heard in the other session");
    },
    async "signal.bare-to-a-connection-without-the-form-of-one"({ plain }, { path }) {
      refused(await plain.call("POST", `${path}/connection/nobody/signal`, { body: { type: "wave", data: "x" } }), [400, 404]);
    },
    async "signal.bare-to-a-session-without-the-form-of-one"({ plain }) {
      refused(await plain.call("POST", "/v2/project/100001/session/nonsense/signal", { body: { type: "wave", data: "x" } }), [400, 404]);
    },
    async "signal.bare-404-says-why"({ plain }) {
      const session = await plain.session();
      const nobody = await plain.call("POST", `/v2/project/100001/session/${session}/signal`, { body: { type: "wave", data: "x" } });
      refused(nobody, 404, "an empty session");
      refused(await plain.call("POST", `/v2/project/100001/session/${strangeSession("100001")}/signal`, { body: { type: "wave", data: "x" } }), 404, "an unknown session");
    },
  },
};
