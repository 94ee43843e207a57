// Lines 1-3 of the checklist: sessions, their ids and the two forms of the answer.
import { between, equal, matches, ok, refused, rejection } from "../expect.mjs";
import { fieldsOf } from "../tokens.mjs";
import { forEachKit } from "../world.mjs";

const ID = /^[12]_[A-Za-z0-9_-]+$/;
const JSON_ONLY = { accept: "application/json" };
const FORM = { "content-type": "application/x-www-form-urlencoded" };

/** That it is an id of this project, in the form that the SDKs decode. */
function belongs(session, project) {
  matches(session, ID, "session id");
  between(session.length, 1, 255, "length of the session id");
  equal(fieldsOf(session)[1], project, "the project in the session id");
}

const creates = (kit, options) => async (world) => {
  const sdk = world.kit(kit);
  belongs(await sdk.create(options), sdk.key);
};

export const create = {
  cases: {
    "create.node-default": creates("node"),
    "create.node-routed": creates("node", { mediaMode: "routed" }),
    "create.node-relayed": creates("node", { mediaMode: "relayed" }),
    "create.node-always-archived": creates("node", { mediaMode: "routed", archiveMode: "always" }),
    "create.node-location": creates("node", { location: "12.34.56.78" }),
    "create.python-default": creates("python"),
    "create.python-routed": creates("python", { media_mode: { enum: "MediaModes.routed" } }),
    "create.python-always-archived": creates("python", {
      media_mode: { enum: "MediaModes.routed" }, archive_mode: { enum: "ArchiveModes.always" }, archive_name: "Lecture — 5 & 6", archive_resolution: "1280x720",
    }),
    "create.python-location": creates("python", { location: "12.34.56.78" }),
    "create.python-end-to-end-encrypted": creates("python", { e2ee: true }),
    "create.node-as-vonage-default": creates("node-as-vonage"),
    "create.node-as-vonage-routed": creates("node-as-vonage", { mediaMode: "routed" }),
    "create.vonage-node-default": creates("vonage-node"),
    "create.vonage-node-relayed": creates("vonage-node", { mediaMode: "enabled" }),
    "create.vonage-node-archived-with-location": creates("vonage-node", { archiveMode: "always", location: "12.34.56.78" }),
    async "create.vonage-python-empty-body"(world) {
      const sdk = world.kit("vonage-python", undefined, 1);
      belongs(await sdk.create(), sdk.key);
    },
    "create.vonage-python-relayed": creates("vonage-python", { media_mode: "relayed" }),
    "create.vonage-python-with-all-options": creates("vonage-python", { media_mode: "routed", archive_mode: "always", location: "12.34.56.78", e2ee: true }),
    // After its first JSON request this SDK calls every body JSON, forms too.
    async "create.vonage-python-form-that-is-called-json"(world) {
      const sdk = world.kit("vonage-python", undefined, 2);
      const session = await sdk.create();
      await rejection(sdk.signal(session, { type: "wave", data: "" }), "a signal to nobody");
      belongs(await sdk.create({ media_mode: "relayed" }), sdk.key);
    },
    async "create.bare-without-body"({ plain }) {
      const answer = await plain.call("POST", "/session/create", { headers: { ...plain.auth(), ...JSON_ONLY } });
      equal(answer.status, 200, "status");
      belongs(answer.json[0].session_id, "100001");
    },
    async "create.bare-unknown-fields-are-ignored"({ plain }) {
      const answer = await plain.call("POST", "/session/create", { body: "p2p.preference=always&location=null&colour=blue&archiveMode=manual", headers: { ...plain.auth(), ...JSON_ONLY, ...FORM } });
      equal(answer.status, 200, "status");
    },
  },
};

export const ids = {
  async open(world) {
    const sessions = [];
    for (let n = 0; n < 40; n++) sessions.push(await world.plain.session());
    return { sessions, session: sessions[0] };
  },
  cases: {
    async "id.is-of-text-that-urls-carry"(_, { sessions }) {
      for (const session of sessions) matches(session, ID, "session id");
    },
    async "id.has-at-most-255-characters"(_, { sessions }) {
      for (const session of sessions) between(session.length, 1, 255, "length");
    },
    async "id.is-never-given-twice"(_, { sessions }) {
      equal(new Set(sessions).size, sessions.length, "different ids");
    },
    async "id.decodes-to-the-layout"(_, { session }) {
      matches(fieldsOf(session).join("~"), /^1~100001~[^~]*~\d{13}~[A-Za-z0-9]{24}~$/, "fields");
    },
    async "id.says-when-it-was-made"(_, { session }) {
      between(Number(fieldsOf(session)[3]), Date.now() - 60_000, Date.now() + 1000, "time in the id");
    },
    async "id.is-ascii-when-decoded"(_, { session }) {
      matches(fieldsOf(session).join("~"), /^[\x20-\x7e]+$/, "decoded id");
    },
    async "id.has-the-application-for-vonage"({ plain }) {
      const session = await plain.session({ headers: plain.bearer() });
      belongs(session, plain.application.id);
    },
    ...forEachKit(
      "id.*-makes-tokens-for-it",
      async (world, name, { session }) => ok(await world.kit(name).token(session), "a token"),
      ["node", "python"],
    ),
    ...forEachKit(
      "id.*-with-another-key-refuses-it",
      async (world, name, { session }) => {
        const error = await rejection(world.kit(name, world.plain.other).token(session), "generateToken");
        matches(error.message, /belong/, "what it says");
      },
      ["node", "python"],
    ),
  },
};

export const answers = {
  cases: {
    async "answer.json-type-is-exact"({ plain }) {
      const answer = await plain.call("POST", "/session/create", { headers: { ...plain.auth(), ...JSON_ONLY } });
      equal([answer.status, answer.headers["content-type"]], [200, "application/json"], "status and Content-Type");
    },
    async "answer.json-is-an-array-of-one"({ plain }) {
      const { json } = await plain.call("POST", "/session/create", { headers: { ...plain.auth(), ...JSON_ONLY } });
      ok(Array.isArray(json) && json.length === 1, "an array of one", json);
      const { session_id, project_id, partner_id, media_server_url } = json[0];
      matches(session_id, ID, "session_id");
      equal([project_id, partner_id, media_server_url], ["100001", "100001", ""], "project_id, partner_id, media_server_url");
    },
    async "answer.json-says-when"({ plain }) {
      const { json } = await plain.call("POST", "/session/create", { headers: { ...plain.auth(), ...JSON_ONLY } });
      matches(json[0].create_dt, /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d [A-Z]{2,4} \d{4}$/, "create_dt");
    },
    async "answer.json-names-the-application"({ plain }) {
      const { json } = await plain.call("POST", "/session/create", { headers: { ...plain.bearer(), ...JSON_ONLY } });
      equal(json[0].project_id, plain.application.id, "project_id");
    },
    async "answer.json-among-other-types"({ plain }) {
      const answer = await plain.call("POST", "/session/create", { headers: { ...plain.auth(), accept: "text/html, application/json;q=0.9, */*;q=0.1" } });
      equal([answer.status, answer.headers["content-type"]], [200, "application/json"], "status and Content-Type");
    },
    ...Object.fromEntries(
      Object.entries({ "without-accept": {}, "for-any-type": { accept: "*/*" }, "for-xml": { accept: "text/xml" } }).map(([name, accept]) => [
        `answer.xml-${name}`,
        async ({ plain }) => {
          // As the oldest SDK: the kind of key is named in the header.
          const headers = { ...plain.auth({ ist: undefined }, { header: { ist: "project" } }), ...accept };
          const answer = await plain.call("POST", "/session/create", { headers });
          equal(answer.status, 200, "status");
          matches(answer.headers["content-type"], /^text\/xml\b/, "Content-Type");
          const [, session] =
            /^<\?xml version="1\.0" encoding="UTF-8"[^>]*\?>\s*<sessions>\s*<Session>.*<session_id>([^<]+)<\/session_id>.*<\/Session>\s*<\/sessions>\s*$/s.exec(answer.text) ?? [];
          belongs(String(session), "100001");
          matches(answer.text, /<partner_id>100001<\/partner_id>/, "partner_id");
          matches(answer.text, /<create_dt>[^<]+<\/create_dt>/, "create_dt");
        },
      ]),
    ),
    // SDKs that read XML here read a JSON error all the same; none reads HTML or nothing.
    async "answer.error-without-accept-has-a-message"({ plain }) {
      const answer = await plain.call("POST", "/session/create", { headers: plain.auth({}, { secret: "wrong" }) });
      equal(answer.status, 403, "status");
      ok(answer.json?.message || /<error code="[^"]+".*message="[^"]+"/s.test(answer.text), "a message in JSON or XML", answer.text);
    },
    async "answer.error-is-json-with-a-message"({ plain }) {
      refused(await plain.call("POST", "/session/create", { headers: { ...plain.auth({}, { secret: "wrong" }), ...JSON_ONLY } }), 403);
    },
  },
};
