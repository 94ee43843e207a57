// Discovery as the vendor's HTTP client does it, tokens, rooms, invites; checklist 1.
import { createHmac } from "node:crypto";
import { request } from "node:http";
import { equal, matches, ok, pause } from "../../openvidu/expect.mjs";
import { refused } from "../world.mjs";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const PROFILE = ["avatar_url", "display_name", "email", "firstname", "id", "lastname", "title"];

const keys = (object) => Object.keys(object ?? {}).sort();

/** The answer to a body of which only the beginning is sent: whoever goes on writing may miss it. */
function half(world, as, length, sent) {
  const headers = { authorization: `Bearer ${as.access}`, "content-type": "application/json", "content-length": length };
  const call = request(`${world.server.url}/v1/rooms`, { method: "POST", headers });
  return new Promise((resolve, reject) => {
    call.once("error", reject);
    call.once("response", async (response) => {
      call.off("error", reject).on("error", () => undefined);
      let text = "";
      for await (const chunk of response) text += chunk;
      call.destroy();
      resolve({ status: response.statusCode, json: JSON.parse(text) });
    });
    call.write(`{"password":"${"x".repeat(sent)}`);
  });
}

/** What a client of that generation takes for the base of its calls: it may be relative to where it asked. */
async function base(world, gen) {
  const { status, json } = await world.http("GET", "/.well-known/opentalk/api", { root: "", gen });
  equal([status, typeof json?.opentalk_api?.v1?.base_url], [200, "string"], "status and base_url");
  const host = `${world.server.url}${gen === "new" ? "/chunked" : ""}/`;
  return new URL(`${json.opentalk_api.v1.base_url.replace(/\/$/, "")}/`, host).href;
}

async function walk(world, gen) {
  const root = await base(world, gen);
  const login = await (await fetch(`${root}auth/login`)).json();
  equal(login, { oidc: { name: "Stand-in", url: world.issuer.url } }, "auth/login");
  const endpoints = await (await fetch(`${login.oidc.url}/.well-known/openid-configuration`)).json();
  equal(endpoints.issuer, login.oidc.url, "the issuer there");
  const person = await world.user();
  const answer = await fetch(`${root}users/me`, { headers: { authorization: `Bearer ${person.access}` } });
  equal([answer.status, (await answer.json()).email], [200, `${person.sub}@example.org`], "users/me");
}

export const discovery = {
  cases: {
    async "discovery.api"(world) {
      equal((await world.http("GET", "/.well-known/opentalk/api", { root: "" })).json, { opentalk_api: { v1: { base_url: "v1" } } }, "body");
    },
    async "discovery.client-is-told-the-controller-or-404"(world) {
      const { status, json } = await world.http("GET", "/.well-known/opentalk/client", { root: "" });
      if (status === 404) return;
      equal(status, 200, "status");
      equal(new URL(json.opentalk_controller.base_url).host, new URL(world.server.url).host, "host of the controller");
    },
    async "discovery.login-names-the-issuer"(world) {
      const { status, json } = await world.http("GET", "/auth/login", { kind: "login" });
      equal([status, json], [200, { oidc: { name: "Stand-in", url: world.issuer.url } }], "status and body");
    },
    async "discovery.as-the-vendors-client-walks"(world) {
      await walk(world, "seed");
    },
    async "discovery.as-the-vendors-client-walks-below-the-prefix"(world) {
      await walk(world, "new");
    },
    async "discovery.cors-preflight-of-any-origin"(world) {
      const headers = { origin: "https://app.example", "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type" };
      const answer = await world.http("OPTIONS", `/rooms/${crypto.randomUUID()}/start`, { headers });
      ok(answer.status === 200 || answer.status === 204, "status is 200 or 204", answer.status);
      matches(answer.headers.get("access-control-allow-origin"), /^(\*|https:\/\/app\.example)$/, "allowed origin");
      matches(answer.headers.get("access-control-allow-headers"), /\*|authorization/i, "allowed headers");
      matches(answer.headers.get("access-control-allow-methods"), /\*|POST/, "allowed methods");
    },
    async "discovery.cors-on-answers-and-failures"(world) {
      const headers = { origin: "https://app.example" };
      for (const path of ["/auth/login", "/users/me"]) {
        matches((await world.http("GET", path, { headers })).headers.get("access-control-allow-origin"), /^(\*|https:\/\/app\.example)$/, `allowed origin of ${path}`);
      }
    },
  },
};

export const tokens = {
  open: async (world) => ({ person: await world.user() }),
  cases: {
    async "auth.me"(world, { person }) {
      const { status, json } = await world.http("GET", "/users/me", { as: person, kind: "me" });
      equal(status, 200, "status");
      equal(keys(json), [...PROFILE, "conference_theme", "dashboard_theme", "language", "tariff_status", "used_storage"].sort(), "fields");
      matches(json.id, UUID, "id");
      equal([json.email, json.firstname, json.lastname, json.tariff_status, json.used_storage], [`${person.sub}@example.org`, "Given", "Family", "default", 0], "values");
      for (const field of PROFILE) equal(typeof json[field], "string", field);
    },
    async "auth.me-is-the-same-next-time"(world, { person }) {
      const ids = await Promise.all([1, 2].map(async () => (await world.http("GET", "/users/me", { as: person })).json.id));
      equal(ids[0], ids[1], "id");
    },
    async "auth.edwards-keys-are-good-too"(world) {
      const person = await world.user([], { algorithm: "EdDSA" });
      equal((await world.http("GET", "/users/me", { as: person })).status, 200, "status");
    },
    async "auth.login-gives-permissions"(world, { person }) {
      const { status, json } = await world.http("POST", "/auth/login", { body: { id_token: person.identity }, kind: "login_done" });
      equal([status, json], [200, { permissions: [] }], "status and body");
    },
    async "auth.login-with-rubbish-is-refused"(world) {
      const { status, json } = await world.http("POST", "/auth/login", { body: { id_token: "rubbish" } });
      ok([400, 401].includes(status), "status is 400 or 401", status);
      equal([typeof json?.code, typeof json?.message], ["string", "string"], "code and message");
    },
    async "auth.without-a-token-is-401"(world) {
      const answer = await world.http("GET", "/users/me");
      refused(answer, 401, "unauthorized");
      matches(answer.headers.get("www-authenticate"), /^Bearer/, "WWW-Authenticate");
    },
    async "auth.wrong-signature-is-401"(world) {
      const answer = await world.http("GET", "/users/me", { as: world.issuer.token({ sub: "somebody" }, { stranger: true }) });
      equal(answer.status, 401, "status");
      matches(answer.headers.get("www-authenticate"), /^Bearer/, "WWW-Authenticate");
      equal(typeof answer.json?.code, "string", "code");
    },
    async "auth.expired-is-401"(world) {
      const claims = { sub: "somebody", email: "a@example.org", given_name: "A", family_name: "B", name: "A", iat: 1, exp: Math.floor(Date.now() / 1000) - 600 };
      equal((await world.http("GET", "/users/me", { as: world.issuer.token(claims) })).status, 401, "status");
    },
    async "auth.other-issuer-is-401"(world) {
      equal((await world.http("GET", "/users/me", { as: world.issuer.token({ sub: "somebody", iss: "https://other.example" }) })).status, 401, "status");
    },
    async "auth.unsigned-is-401"(world, { person }) {
      const [, body] = person.access.split(".");
      const head = Buffer.from(JSON.stringify({ alg: "none", typ: "JWT" })).toString("base64url");
      equal((await world.http("GET", "/users/me", { as: `${head}.${body}.` })).status, 401, "status");
    },
    async "auth.public-key-as-a-shared-secret-is-401"(world, { person }) {
      const [, body] = person.access.split(".");
      const signed = `${Buffer.from(JSON.stringify({ alg: "HS256", typ: "JWT", kid: "rsa" })).toString("base64url")}.${body}`;
      const token = `${signed}.${createHmac("sha256", world.issuer.publicPem).update(signed).digest("base64url")}`;
      equal((await world.http("GET", "/users/me", { as: token })).status, 401, "status");
    },
    async "auth.every-endpoint-of-users-asks-for-a-token"(world, { person }) {
      const room = await world.room(person);
      const calls = [["POST", "/rooms"], ["GET", `/rooms/${room}`], ["PATCH", `/rooms/${room}`], ["DELETE", `/rooms/${room}`], ["POST", `/rooms/${room}/start`], ["POST", `/rooms/${room}/invites`], ["GET", `/rooms/${room}/invites`], ["GET", `/rooms/${room}/event`], ["GET", `/rooms/${room}/tariff`], ["GET", "/users/me/tariff"]];
      for (const [method, path] of calls) {
        const answer = await world.http(method, path, method === "GET" || method === "DELETE" ? {} : { body: {} });
        equal([method, path, answer.status], [method, path, 401], "status");
      }
    },
  },
};

export const rooms = {
  async open(world) {
    const owner = await world.user();
    return { owner, other: await world.user(), room: await world.room(owner), me: await world.made("GET", "/users/me", { as: owner }) };
  },
  cases: {
    async "room.created"(world, { owner, me }) {
      const { status, json } = await world.http("POST", "/rooms", { body: { password: "password", waiting_room: true, enable_sip: false, e2e_encryption: false }, as: owner, kind: "room" });
      ok(status === 200 || status === 201, "status is 200 or 201", status);
      const { id, created_by, created_at, ...rest } = json;
      matches(id, UUID, "id");
      equal(rest, { password: "password", waiting_room: true }, "the rest");
      equal(keys(created_by), PROFILE, "fields of created_by");
      equal([created_by.id, created_by.email], [me.id, me.email], "created_by");
      ok(Math.abs(Date.parse(created_at) - Date.now()) < 60_000, "created_at is now", created_at);
    },
    async "room.created-with-an-empty-body-object"(world, { owner }) {
      const { json } = await world.http("POST", "/rooms", { body: {}, as: owner, kind: "room" });
      equal(json.waiting_room, false, "waiting_room");
      ok(json.password === undefined || json.password === null, "no password", json);
    },
    async "room.read"(world, { owner, room }) {
      const { status, json } = await world.http("GET", `/rooms/${room}`, { as: owner, kind: "room" });
      equal([status, json.id], [200, room], "status and id");
    },
    async "room.unknown-is-404"(world, { owner }) {
      refused(await world.http("GET", `/rooms/${crypto.randomUUID()}`, { as: owner }), 404, "not_found");
    },
    async "room.changed-by-its-owner"(world, { owner }) {
      const room = await world.room(owner);
      const changed = await world.http("PATCH", `/rooms/${room}`, { as: owner, body: { password: "new", waiting_room: true }, kind: "room" });
      equal(changed.status, 200, "status");
      const { json } = await world.http("GET", `/rooms/${room}`, { as: owner });
      equal([json.password, json.waiting_room], ["new", true], "password and waiting_room");
      await world.http("PATCH", `/rooms/${room}`, { as: owner, body: { password: null } });
      const after = (await world.http("GET", `/rooms/${room}`, { as: owner })).json;
      equal([after.password ?? null, after.waiting_room], [null, true], "null takes the password away, and what is not named stays");
    },
    async "room.not-changed-by-others"(world, { other, room }) {
      refused(await world.http("PATCH", `/rooms/${room}`, { as: other, body: { waiting_room: true } }), 403, "forbidden");
    },
    async "room.not-deleted-by-others"(world, { other, room }) {
      refused(await world.http("DELETE", `/rooms/${room}`, { as: other }), 403, "forbidden");
    },
    async "room.deleted-by-its-owner"(world, { owner }) {
      const room = await world.room(owner);
      equal((await world.http("DELETE", `/rooms/${room}`, { as: owner })).status, 204, "status");
      refused(await world.http("GET", `/rooms/${room}`, { as: owner }), 404, "not_found");
      refused(await world.http("POST", `/rooms/${room}/start`, { as: owner, body: {} }), 404, "not_found");
    },
    async "room.tariff"(world, { owner, room }) {
      for (const path of [`/rooms/${room}/tariff`, "/users/me/tariff"]) {
        const { status, json } = await world.http("GET", path, { as: owner, kind: "tariff" });
        equal([status, typeof json.name, json.modules?.chat, json.modules?.core], [200, "string", { features: [] }, { features: [] }], `tariff at ${path}`);
        matches(json.id, UUID, "id");
      }
    },
    async "room.event-or-404"(world, { owner, room }) {
      const answer = await world.http("GET", `/rooms/${room}/event`, { as: owner, kind: "event" });
      if (answer.status !== 200) return refused(answer, 404, "not_found");
      equal(answer.json.room_id, room, "room_id");
    },
    async "room.event-is-open-to-invitees"(world, { owner, room }) {
      const invite = await world.invite(owner, room);
      const statuses = await Promise.all([{ as: owner }, { invite }].map(async (options) => (await world.http("GET", `/rooms/${room}/event`, options)).status));
      equal(statuses[1], statuses[0], "status for an invitee is that for a user");
      const stranger = await world.http("GET", `/rooms/${room}/event`, { invite: crypto.randomUUID() });
      ok(stranger.status === 401 || stranger.status === 403 || stranger.status === 404, "an unknown code is refused", stranger.status);
    },
    async "room.invite-to-one-room-does-not-open-another"(world, { owner, room }) {
      const invite = await world.invite(owner, room);
      const other = await world.room(owner);
      const answer = await world.http("GET", `/rooms/${other}/event`, { invite });
      ok(answer.status >= 401 && answer.status <= 404, "refused", answer.status);
    },
    async "body.not-json-is-invalid_json"(world, { owner }) {
      refused(await world.http("POST", "/rooms", { as: owner, body: "{" }), 400, "invalid_json");
    },
    async "body.wrong-type-of-field-is-invalid_json"(world, { owner }) {
      refused(await world.http("POST", "/rooms", { as: owner, body: { waiting_room: "yes" } }), 400, "invalid_json");
    },
    async "body.other-content-type-is-invalid_content_type"(world, { owner }) {
      refused(await world.http("POST", "/rooms", { as: owner, body: "{}", headers: { "content-type": "text/plain" } }), 400, "invalid_content_type");
    },
    async "body.too-long-is-payload_overflow"(world, { owner }) {
      refused(await half(world, owner, 8 << 20, 200_000), 400, "payload_overflow");
    },
  },
};

export const invites = {
  async open(world) {
    const owner = await world.user();
    const room = await world.room(owner);
    const closed = await world.room(owner, { password: "password" });
    return { owner, room, code: await world.invite(owner, room), closed, closedCode: await world.invite(owner, closed) };
  },
  cases: {
    async "invite.created"(world, { owner, room }) {
      const { status, json } = await world.http("POST", `/rooms/${room}/invites`, { as: owner, body: {}, kind: "invite" });
      ok(status === 200 || status === 201, "status is 200 or 201", status);
      equal(keys(json), ["active", "created", "created_by", "expiration", "invite_code", "room_id", "updated", "updated_by"], "fields");
      equal([json.room_id, json.active, json.expiration], [room, true, null], "room_id, active, expiration");
      matches(json.invite_code, UUID, "invite_code");
    },
    async "invite.listed"(world, { owner, room, code }) {
      const { status, json } = await world.http("GET", `/rooms/${room}/invites`, { as: owner, kind: "invites" });
      equal(status, 200, "status");
      ok(json.some((each) => each.invite_code === code), "the code is among them", json);
    },
    async "invite.verified"(world, { room, code, closed, closedCode }) {
      const verify = (invite_code) => world.http("POST", "/invite/verify", { body: { invite_code }, kind: "verify" });
      equal((await verify(code)).json, { room_id: room, password_required: false }, "of a room without a password");
      equal((await verify(closedCode)).json, { room_id: closed, password_required: true }, "of a room with one");
    },
    async "invite.unknown-is-404"(world) {
      refused(await world.http("POST", "/invite/verify", { body: { invite_code: crypto.randomUUID() } }), 404, "not_found");
    },
    async "invite.expired-is-404"(world, { owner, room }) {
      const code = await world.invite(owner, room, { expiration: new Date(Date.now() + 1200).toISOString() });
      equal((await world.http("POST", "/invite/verify", { body: { invite_code: code } })).status, 200, "status before");
      await pause(1500);
      refused(await world.http("POST", "/invite/verify", { body: { invite_code: code } }), 404, "not_found");
      equal((await world.http("POST", `/rooms/${room}/start_invited`, { body: { invite_code: code } })).status, 404, "status of start_invited");
    },
  },
};

export const starts = {
  async open(world) {
    const owner = await world.user();
    const room = await world.room(owner, { password: "password" });
    return { owner, user: await world.user(), room, code: await world.invite(owner, room), other: await world.room(owner) };
  },
  cases: {
    async "start.gives-ticket-and-resumption"(world, { owner, room }) {
      for (const gen of ["seed", "new"]) {
        const { ticket, resumption, ...rest } = await world.start(room, owner, { gen });
        equal(rest, {}, "nothing else");
        matches(ticket, /^[!#$%&'*+.^_`|~0-9A-Za-z-]{64}$/, "ticket, 64 characters of a token");
        matches(resumption, /^[0-9A-Za-z]{64}$/, "resumption, 64 letters and digits");
      }
    },
    async "start.takes-nulls"(world, { owner, room }) {
      equal((await world.http("POST", `/rooms/${room}/start`, { as: owner, body: { breakout_room: null, resumption: null } })).status, 200, "status");
    },
    async "start.ignores-resumption-tokens-that-it-does-not-know"(world, { owner, room }) {
      const answer = await world.http("POST", `/rooms/${room}/start`, { as: owner, body: { resumption: "a".repeat(64) } });
      equal(answer.status, 200, "status");
      ok(answer.json.resumption !== "a".repeat(64), "another token is given");
    },
    async "start.unknown-room-is-404"(world, { owner }) {
      refused(await world.http("POST", `/rooms/${crypto.randomUUID()}/start`, { as: owner, body: {} }), 404, "not_found");
    },
    async "start.breakout-room-is-no_breakout_rooms"(world, { owner, room, code }) {
      const breakout_room = crypto.randomUUID();
      refused(await world.http("POST", `/rooms/${room}/start`, { as: owner, body: { breakout_room } }), 400, "no_breakout_rooms");
      refused(await world.http("POST", `/rooms/${room}/start_invited`, { body: { breakout_room, invite_code: code, password: "password" } }), 400, "no_breakout_rooms");
    },
    async "start.registered-users-skip-the-password"(world, { user, room }) {
      equal((await world.http("POST", `/rooms/${room}/start`, { as: user, body: {} })).status, 200, "status");
    },
    async "start_invited.with-the-password"(world, { room, code }) {
      const { ticket, resumption } = await world.startInvited(room, code, { password: "password" });
      equal([ticket.length, resumption.length], [64, 64], "lengths");
    },
    async "start_invited.as-the-web-client-asks"(world, { owner, other }) {
      const invite_code = await world.invite(owner, other);
      equal((await world.http("POST", `/rooms/${other}/start_invited`, { body: { breakout_room: null, invite_code } })).status, 200, "status");
    },
    async "start_invited.wrong-password-is-401"(world, { room, code }) {
      const start = (password) => world.http("POST", `/rooms/${room}/start_invited`, { body: { invite_code: code, password } });
      refused(await start("wrong"), 401, "wrong_room_password");
      refused(await start(undefined), 401, "wrong_room_password");
    },
    async "start_invited.malformed-code-is-422"(world, { room }) {
      const answer = await world.http("POST", `/rooms/${room}/start_invited`, { body: { invite_code: "no code" } });
      equal([answer.status, typeof answer.json?.code, typeof answer.json?.message], [422, "string", "string"], "status, code and message");
    },
    async "start_invited.422-lists-the-field"(world, { room }) {
      const { json } = await world.http("POST", `/rooms/${room}/start_invited`, { body: { invite_code: "no code" } });
      const errors = json?.errors ?? json?.validation_errors;
      equal(errors?.map((each) => [each.field, typeof each.code, typeof each.message]), [["invite_code", "string", "string"]], "errors");
    },
    async "start_invited.unknown-code-is-404"(world, { room }) {
      refused(await world.http("POST", `/rooms/${room}/start_invited`, { body: { invite_code: crypto.randomUUID() } }), 404, "not_found");
    },
    async "start_invited.code-of-another-room-is-400"(world, { other, code }) {
      equal((await world.http("POST", `/rooms/${other}/start_invited`, { body: { invite_code: code } })).status, 400, "status");
    },
  },
};

/** As few as can be counted in a moment; the defaults are for whole schools. */
const FEW = { wrong_passwords_per_address: "1/m burst 3", wrong_passwords_per_room: "1/m burst 3", tickets_per_address: "1/m burst 20" };

const tooMany = (answer) => {
  refused(answer, 429, "too_many_requests");
  matches(answer.headers.get("retry-after"), /^[1-9][0-9]?$/, "Retry-After");
};

export const limits = {
  server: { settings: FEW, limits: true },
  async open(world) {
    const owner = await world.user();
    const room = await world.room(owner, { password: "password" });
    const code = await world.invite(owner, room);
    const start = (password) => world.http("POST", `/rooms/${room}/start_invited`, { body: { invite_code: code, password } });
    return { owner, room, start };
  },
  cases: {
    async "limits.the-right-password-and-none-are-no-guesses"(world, { start }) {
      for (let n = 0; n < 10; n++) {
        equal((await start("password")).status, 200, "status with the password");
        refused(await start(undefined), 401, "wrong_room_password");
      }
    },
    async "limits.wrong-passwords-are-429-and-then-no-password-is-looked-at"(world, { start }) {
      for (let n = 0; n < 3; n++) refused(await start(`guess ${n}`), 401, "wrong_room_password");
      tooMany(await start("guess"));
      tooMany(await start("password"));
    },
    async "limits.tickets-are-429"(world, { owner, room }) {
      const start = () => world.http("POST", `/rooms/${room}/start`, { as: owner, body: {} });
      for (let n = 0; n < 10; n++) equal((await start()).status, 200, `status of ticket ${n}`);
      tooMany(await start());
    },
  },
};
