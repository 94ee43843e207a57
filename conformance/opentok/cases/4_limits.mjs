// Line 6: how much fits, and what a refusal says.
import { equal, matches, ok, refused, rejection } from "../expect.mjs";
import { fails } from "../world.mjs";

const TYPE_MAX = 128;
const DATA_MAX = 8192;
const TOO_LARGE = "a".repeat(DATA_MAX + 1);

const byKit = (name) => ({
  open: (world) => world.room(world.kit(name), 1),
  cases: {
    async [`limit.${name}-type-of-128-passes`](_, { kit, session, members: [member] }) {
      const type = "t".repeat(TYPE_MAX);
      await kit.signal(session, { type, data: "x" });
      await member.heard(type);
    },
    async [`limit.${name}-data-of-8192-passes`](_, { kit, session, members: [member] }) {
      const data = "d".repeat(DATA_MAX);
      await kit.signal(session, { type: "full", data });
      equal((await member.heard("full"))[0].data, data, "data");
    },
    async [`limit.${name}-chat-data-of-8192-passes`](_, { kit, session, members: [member] }) {
      const data = "d".repeat(DATA_MAX);
      await kit.signal(session, { type: "chat", data });
      equal((await member.heard("chat"))[0].data, data, "data");
    },
    // Python writes each as twelve ASCII characters: what counts is what they mean.
    async [`limit.${name}-emoji-of-8192-bytes-pass`](_, { kit, session, members: [member] }) {
      const data = "🐙".repeat(DATA_MAX / 4);
      await kit.signal(session, { type: "octopuses", data });
      equal((await member.heard("octopuses"))[0].data, data, "data");
    },
    async [`limit.${name}-emoji-of-8196-bytes-are-413`](_, { kit, session }) {
      await fails(name, kit, "signal", 413, kit.signal(session, { type: "octopuses", data: "🐙".repeat(DATA_MAX / 4 + 1) }));
    },
    // The Python SDK of Vonage counts characters by itself, and does not ask.
    ...(name === "vonage-python"
      ? {}
      : {
          async [`limit.${name}-type-of-129-is-413`](_, { kit, session }) {
            await fails(name, kit, "signal", 413, kit.signal(session, { type: "t".repeat(TYPE_MAX + 1), data: "x" }));
          },
          async [`limit.${name}-data-of-8193-is-413`](_, { kit, session }) {
            await fails(name, kit, "signal", 413, kit.signal(session, { type: "full", data: TOO_LARGE }));
          },
          async [`limit.${name}-data-absent-is-400`](_, { kit, session }) {
            await fails(name, kit, "signal", 400, kit.signal(session, { type: "none" }));
          },
        }),
  },
});

export const by_node = byKit("node");
export const by_python = byKit("python");
export const by_node_as_vonage = byKit("node-as-vonage");
export const by_vonage_node = byKit("vonage-node");
export const by_vonage_python = byKit("vonage-python");

export const bare = {
  async open(world) {
    const room = await world.room(world.kit("node"), 1);
    const path = `/v2/project/100001/session/${room.session}`;
    const post = (body, more) => world.plain.call("POST", `${path}/signal`, { body, headers: { ...world.plain.auth(), "content-type": "application/json" }, ...more });
    return { ...room, path, post };
  },
  cases: {
    async "limit.bare-type-counts-bytes"(_, { post }) {
      equal((await post({ type: "ü".repeat(TYPE_MAX / 2), data: "x" })).status, 204, "status for 128 bytes");
      refused(await post({ type: "ü".repeat(TYPE_MAX / 2 + 1), data: "x" }), 413, "130 bytes");
    },
    async "limit.bare-data-absent-has-the-code-15202"(_, { post }) {
      const answer = await post({ type: "none" });
      refused(answer, 400);
      equal([answer.json.code, answer.json.message], [15202, "Signal payload 'data' must be set"], "code and message");
    },
    async "limit.bare-data-null-is-400"(_, { post }) {
      refused(await post({ type: "none", data: null }), 400);
    },
    async "limit.bare-data-must-be-text"(_, { post }) {
      for (const data of [1, true, ["x"], { text: "x" }]) refused(await post({ type: "wrong", data }), 400, JSON.stringify(data));
    },
    async "limit.bare-type-must-be-text"(_, { post }) {
      for (const type of [1, true, ["x"], {}]) refused(await post({ type, data: "x" }), 400, JSON.stringify(type));
    },
    async "limit.bare-control-characters-in-type-are-400"(_, { post }) {
      for (const type of ["a\nb", "a\u0000", "\u001b[0m"]) refused(await post({ type, data: "x" }), 400, JSON.stringify(type));
    },
    async "limit.bare-lenient-types-pass"(_, { post, members: [member] }) {
      for (const type of ["a b", "näh", "x.y:z/1", "A-Za-z0-9_~"]) {
        equal((await post({ type, data: "x" })).status, 204, type);
        await member.heard(type);
      }
    },
    async "limit.bare-a-body-that-is-no-json-is-400"(_, { post }) {
      for (const body of ["", "{", "hello", "[]", "null"]) refused(await post(body), 400, body);
    },
    async "limit.bare-half-a-surrogate-is-400"(_, { post }) {
      refused(await post('{"type":"wave","data":"\\ud83d"}'), 400);
    },
    async "limit.bare-a-megabyte-is-413"(_, { post }) {
      refused(await post({ type: "huge", data: "a".repeat(1 << 20) }), 413);
    },
    // Else a client that keeps its connection sends its next request into nothing.
    async "limit.bare-after-a-megabyte-the-connection-goes-on-or-is-said-to-end"({ plain }, { path }) {
      const { text, isOver } = await plain.converse(`${path}/signal`, { type: "huge", data: "a".repeat(1 << 20) });
      matches(text, /^HTTP\/1\.1 413 /, "the answer");
      ok(!isOver || /^connection: *close\r$/im.test(text), "a connection that ends after the answer says so in it", text.split("\r\n\r\n")[0]);
    },
    async "limit.bare-each-refusal-has-a-code-and-a-message"({ plain }, { path, post }) {
      const answers = {
        400: await post({ type: "none" }),
        403: await post({ type: "wave", data: "x" }, { headers: plain.auth({}, { secret: "wrong" }) }),
        404: await plain.call("POST", `${path}/connection/${crypto.randomUUID()}/signal`, { body: { type: "wave", data: "x" } }),
        413: await post({ type: "full", data: TOO_LARGE }),
      };
      for (const [status, answer] of Object.entries(answers)) {
        refused(answer, Number(status), status);
        ok(Number.isInteger(answer.json.code), `${status} has a code`, answer.text);
      }
    },
    async "limit.node-shows-the-message"({ plain }, { kit, session, post }) {
      const { json } = await post({ type: "none" });
      const error = await rejection(kit.signal(session, { type: "none" }), "a signal without data");
      ok(error.message.includes(json.message), "the server's words", error.message);
    },
    async "limit.bare-nothing-refused-arrived"(world, room) {
      await world.settle(room);
      const types = new Set(["none", "wrong", "huge", "full", "octopuses"]);
      equal(room.members[0].signals.filter(({ type }) => types.has(type)), [], "signals that were refused");
    },
  },
};
