// Pages that were written for OpenTok's browser API and have nothing of ours but the script tag.
import { equal, ok, until } from "../browser.mjs";
import { ORIGIN, lesson, newSession, newToken, oldToken, rest, seconds, tab } from "../opentok.mjs";
import { PAGES } from "../pages/opentok.mjs";
import { startServer } from "../server.mjs";

export async function the_chat_page_of_the_document_runs_in_two_tabs(world) {
  const session = await newSession(world.server);
  const [ada, bob] = [await tab(world, "textchat", session), await tab(world, "textchat", session)];
  const list = (person) => person.page.locator("#history p").evaluateAll((all) => all.map((one) => [one.innerText, one.className]));
  for (const { page } of [ada, bob]) await page.locator("body.connected").waitFor();
  const say = async ({ page }, text) => {
    await page.locator("#msgTxt").fill(text);
    await page.locator("#msgTxt").press("Enter");
    await until(async () => (await page.locator("#msgTxt").inputValue()) === "", "the field is empty again");
  };
  await say(ada, "Hello, is anybody here?");
  await bob.page.locator("#history p").first().waitFor();
  await say(bob, "I am! 👋🏽 <b>");
  await ada.page.locator("#history p").nth(1).waitFor();
  equal(await list(ada), [["Hello, is anybody here?", "mine"], ["I am! 👋🏽 <b>", "theirs"]], "what Ada sees");
  equal(await list(bob), [["Hello, is anybody here?", "theirs"], ["I am! 👋🏽 <b>", "mine"]], "what Bob sees");
  equal([await ada.heard(), await bob.heard()], [[], []], "errors");
  await bob.run("session.disconnect()");
  equal(await bob.hears(1), ["clientDisconnected"], "what Bob is told");
}

export async function a_page_that_makes_its_publisher_first_has_its_chat(world) {
  const session = await newSession(world.server);
  const ada = await tab(world, "publisherFirst", session);
  await ada.hears(2, "publisher and connected");
  const bob = await tab(world, "publisherFirst", session);
  await bob.hears(2, "publisher and connected");
  await ada.run("say('hi')");
  equal(await ada.hears(3), [["publisher", true], ["connected", true], ["hi", "mine"]], "Ada");
  equal((await bob.hears(3)).at(-1), ["hi", "theirs"], "Bob");
}

export async function a_component_that_knows_errors_by_codes_has_its_chat(world) {
  const session = await newSession(world.server);
  const ada = await tab(world, "component", session);
  equal(await ada.hears(2), ["check your network", "connected"], "too early");
  const bob = await tab(world, "component", session);
  await ada.hears(1, "Bob", "others");
  await ada.run("say('hi', others[0])");
  const alias = `${world.server.project.key}/1_`;
  equal((await bob.hears(3)).at(-1), ["hi", alias, false], "Bob");
  await ada.run("say('x'.repeat(8200))");
  equal((await ada.hears(4)).slice(2), ["sent 0", "too long"], "Ada");
}

export async function a_page_that_counts_connections_in_the_callback_has_its_chat(world) {
  const session = await newSession(world.server);
  const ada = await tab(world, "core", session);
  await ada.hears(2);
  const bob = await tab(world, "core", session);
  equal(await bob.hears(2), ["sessionConnected", [true, 2, true, true]], "Bob");
  equal(await ada.heard(), ["sessionConnected", [true, 1, true, true]], "Ada");
  await until(() => ada.run("session.connections.length() === 2"), "Ada knows of Bob");
  ok(!(await ada.run("send('poll', { a: 1 }, session.connections.find((one) => one !== session.connection))")), "no error");
  ok(!(await ada.run("send()")), "no error");
  equal((await bob.hears(4)).slice(2), [["signal:poll", '{"a":1}'], ["signal", null]], "Bob");
  equal((await ada.hears(3)).slice(2), [["signal", null]], "Ada");
}

export async function a_page_in_which_everybody_tells_everybody_a_name_has_its_chat(world) {
  const session = await newSession(world.server);
  const names = ["Ada", "Bob", "Carol"];
  const tabs = [];
  for (const name of names) {
    const person = await tab(world, "meet", session, { name });
    equal(await person.hears(2), [[false, false, false], [true, true, true, true]], "states before and after");
    tabs.push(person);
  }
  const told = ({ page }) => page.evaluate(() => Object.entries(names).sort(([a], [b]) => a - b).map(([, name]) => name));
  for (const person of tabs) {
    await until(async () => (await told(person)).length === 3, "all names");
    equal(await told(person), names, "names by creationTime");
  }
}

export async function a_page_in_which_the_oldest_tells_newcomers_has_its_chat(world) {
  const session = await newSession(world.server);
  const person = async (name) => {
    const one = await tab(world, "rtc", session, { token: newToken(world.server, session, { data: JSON.stringify({ userName: name }) }) });
    equal((await one.hears(1))[0], "sessionConnected number", "the first event");
    return one;
  };
  const ada = await person("Ada");
  const bob = await person("Bob");
  await ada.hears(2, "both", "members");
  await ada.run("say('one')");
  await bob.hears(1, "the first text", "log");
  await bob.run("say('two')");
  await bob.hears(2, "both texts", "log");
  await rest(world.server, "POST", `v2/project/${world.server.project.key}/session/${session}/signal`, JSON.stringify({ type: "chat", data: '{"text":"three"}' }));
  await ada.hears(3, "all texts", "log");
  const carol = await person("Carol");
  await until(async () => (await carol.heard("log")).length >= 3, "the log");
  equal((await carol.heard("log")).map(({ text }) => text), ["one", "two", "three"], "what Carol is told");
  equal((await carol.heard("members")).map(({ name }) => name), ["Ada", "Bob", "Carol"], "members by age");
  equal([(await ada.heard()).slice(1), (await carol.heard()).slice(1)], [["from the server"], ["status"]], "the rest");
  await ada.run("session.disconnect()");
  await until(async () => (await carol.heard("members")).length === 2, "Ada is gone");
}

export async function a_page_that_watches_its_line_has_its_chat(world) {
  const session = await newSession(world.server);
  const ada = await tab(world, "reconnection", session);
  await ada.hears(1);
  const bob = await tab(world, "reconnection", session);
  await bob.hears(1);
  await ada.run("live()");
  await bob.hears(2);
  await ada.run("cut(), new Promise((done) => session.once('sessionReconnecting', done))");
  await ada.run("live()");
  await bob.run("live()");
  await ada.run("mend()");
  equal(await ada.hears(6), ["connected", ["signal", "mine", null], "reconnecting", "OT_NOT_CONNECTED", "reconnected", ["signal", "theirs", null]], "Ada");
  equal(await bob.hears(3), ["connected", ["signal", "theirs", null], ["signal", "mine", null]], "Bob");
}

export async function a_page_in_one_chain_puts_people_out(world) {
  const session = await newSession(world.server);
  const ada = await tab(world, "chain", session, { token: newToken(world.server, session, { role: "moderator" }) });
  await ada.hears(1);
  const bob = await tab(world, "chain", session);
  await ada.hears(2, "both", "ids");
  await bob.hears(2, "both", "ids");
  await bob.run("session.signal({ type: 'x' })");
  equal(await ada.hears(2), [0, [true, "signal:x"]], "once, with its context");
  await bob.run("out(ids[0])");
  equal((await bob.hears(3)).at(-1), [1520, "OT_PERMISSION_DENIED"], "Bob is no moderator");
  await ada.run("out(ids[1])");
  equal((await bob.hears(4)).at(-1), "forceDisconnected", "Bob");
  equal((await ada.hears(3)).at(-1), "put out", "Ada");
}

export async function a_very_old_page_has_its_chat(world) {
  const session = await newSession(world.server);
  const ada = await tab(world, "old", session, { token: oldToken(world.server, session, "Ada") });
  equal(await ada.hears(1), [1], "alone");
  const bob = await tab(world, "old", session, { token: oldToken(world.server, session, "Bob") });
  equal(await bob.hears(1), [2], "two");
  await ada.run("say('hello from 2012')");
  equal((await bob.hears(2)).at(-1), "hello from 2012", "Bob");
}

export async function ones_own_signal_comes_back_from_the_same_object(world) {
  const { tabs } = await lesson(world, [{ data: "Ada" }, { data: "Bob" }]);
  const [ada, bob] = tabs;
  for (const person of tabs) await person.run("session.on('signal', (event) => { window.last = event.from; })");
  await ada.run("send({ type: 'x', data: 'hi' })");
  await bob.hears(1);
  ok(await ada.run("last === session.connection && last === people[0]"), "own");
  ok(await bob.run("last === people[0] && last !== session.connection && session.connections.find({ connectionId: last.connectionId }) === last"), "of another");
}

export async function a_signal_is_heard_by_all_and_by_its_type(world) {
  const { tabs } = await lesson(world, [{}, {}]);
  const [ada, bob] = tabs;
  await bob.run("var typed = []; session.on('signal:t', (event) => typed.push([event.type, event.data])); session.on('signal:u', () => typed.push('wrong'));");
  equal(await ada.run("send({ type: 't', data: 'both' })"), "sent", "with a type");
  equal(await ada.run("send({})"), "sent", "a ping");
  equal(await ada.run("send({ data: 'only data' })"), "sent", "without a type");
  equal(await ada.run("send({ type: 'chat' })"), "sent", "chat without data");
  equal((await bob.hears(3)).slice(0, 3), [["signal:t", "both", ada.id], ["signal", null, ada.id], ["signal", "only data", ada.id]], "all");
  equal(await bob.heard("typed"), [["signal:t", "both"]], "by type");
  equal((await bob.hears(4))[3].slice(0, 1), ["signal:chat"], "chat without data");
}

export async function listeners_have_all_forms(world) {
  const { tabs } = await lesson(world, [{}]);
  const [ada] = tabs;
  const calls = await ada.run(async () => {
    const calls = [];
    const context = {};
    const note = (name) => function () { calls.push(this === context ? `${name}+` : name); };
    const [one, two] = [note("one"), note("two")];
    const same = session.on("signal:a", one).on("signal:a signal:b", two, context).on({ "signal:a": note("map"), "signal:b": note("map") }, context);
    session.once("signal:b", note("once")).once({ "signal:a": note("once") });
    session.addEventListener("signal:b", one);
    const round = async (title) => {
      calls.push(`${title}:`);
      for (const type of ["a", "b"]) {
        await Promise.all([new Promise((done) => OT.sessions.find().once(`signal:${type}`, done)), send({ type, data: "" })]);
      }
    };
    await round("all");
    session.off("signal:a", one).off("signal:b", two, {});
    session.removeEventListener("signal:b", one);
    await round("fewer");
    session.off({ "signal:a": two, "signal:b": two }, context);
    await round("map");
    session.off("signal:a signal:unknown");
    await round("b only");
    session.off();
    await round("none");
    return [same === session, calls.join(" ")];
  });
  equal(calls, [true, "all: one two+ map+ once two+ map+ once one fewer: two+ map+ two+ map+ map: map+ map+ b only: map+ none:"], "the calls");
}

export async function events_of_joining_and_leaving_come_in_order(world) {
  const { server } = world;
  const session = await newSession(server);
  const [ada, bob] = [await (await tab(world, "bare", session)).connected(), await (await tab(world, "bare", session)).connected()];
  const order = `
    var heard = [];
    var session = OT.initSession(apiKey, sessionId);
    session.on('sessionConnected connectionCreated', (event) => heard.push([event.type, event.connection && event.connection.connectionId, event.connection && event.connection.creationTime]));
    session.connect(token, () => heard.push(['callback', session.connection.connectionId, session.connections.length()]));`;
  PAGES.order = order;
  const carol = await tab(world, "order", session);
  const heard = await carol.hears(5);
  const own = heard[1][1];
  equal(heard.map(([type, id]) => [type, id]), [["sessionConnected", null], ["callback", own], ["connectionCreated", ada.id], ["connectionCreated", bob.id], ["connectionCreated", own]], "Carol");
  equal(heard[1][2], 3, "connections in the callback");
  const times = heard.slice(2).map(([, , time]) => time);
  ok(times[0] < times[1] && times[1] < times[2], `rising: ${times}`);
  await carol.run("session.disconnect()");
  await ada.story(`connectionDestroyed ${own} clientDisconnected`);
  await bob.page.close();
  equal((await ada.hears(2, "Bob's end", "story"))[1].split(" ").slice(0, 2), ["connectionDestroyed", bob.id], "a closed tab");
  const quiet = await tab(world, "bare", session);
  await quiet.connected();
  await rest(server, "DELETE", `v2/project/${server.project.key}/session/${session}/connection/${quiet.id}`);
  await quiet.story("sessionDisconnected forceDisconnected");
  equal((await ada.hears(3, "the end of who was put out", "story"))[2], `connectionDestroyed ${quiet.id} forceDisconnected`, "who was put out by the back end");
}

export async function a_signal_reaches_those_who_are_named(world) {
  const { session, tabs } = await lesson(world, [{}, {}, {}]);
  const [ada, bob, carol] = tabs;
  equal(await ada.run("send({ type: 'p', data: 'connection', to: people[1] })"), "sent", "a connection");
  equal(await ada.run("send({ type: 'p', data: 'id', to: people[1].connectionId })"), "sent", "an id");
  equal(await ada.run("send({ type: 'p', data: 'list', to: [people[1], people[2].connectionId] })"), "sent", "a list");
  equal(await ada.run("send({ type: 'p', data: 'own', to: session.connection })"), "sent", "oneself");
  equal(await ada.run("send({ type: 'chat', data: 'private chat', to: people[2] })"), "sent", "a chat type");
  equal((await bob.hears(3)).map(([, data]) => data), ["connection", "id", "list"], "Bob");
  equal((await carol.hears(2)).map(([, data]) => data), ["list", "private chat"], "Carol");
  equal((await ada.hears(1)).map(([, data]) => data), ["own"], "Ada");
  equal(await world.server.messages(session).then((all) => all.length), 0, "private chat to a connection is not stored");
  await bob.run("session.disconnect()");
  await ada.story(`connectionDestroyed ${bob.id} clientDisconnected`);
  equal(await ada.run("send({ type: 'p', data: 'x', to: people[1] })"), [404, "OT_NOT_FOUND", true], "who has left");
  equal(await ada.run("send({ type: 'p', data: 'x', to: [people[2], 'nobody'] })"), [404, "OT_NOT_FOUND", true], "who never was");
  for (const to of ["null", "[]", "7"]) equal(await ada.run(`send({ type: 'p', data: 'x', to: ${to} })`), [400, "OT_INVALID_PARAMETER", true], to);
  await ada.run("send({ type: 'p', data: 'last' })");
  equal((await carol.hears(3)).map(([, data]) => data), ["list", "private chat", "last"], "Carol");
}

export async function errors_have_codes_and_names(world) {
  const { server } = world;
  const session = await newSession(server);
  const connect = async (token, values = {}) => (await tab(world, "bare", session, { token, ...values })).run("ready");
  equal(await connect("nonsense"), [1004, "OT_AUTHENTICATION_ERROR"], "no token");
  equal(await connect(newToken(server, session, {}, "wrong secret")), [1004, "OT_AUTHENTICATION_ERROR"], "a wrong secret");
  equal(await connect(newToken(server, session, { iat: seconds() - 900, exp: seconds() - 600 })), [1004, "OT_AUTHENTICATION_ERROR"], "expired");
  equal(await connect(newToken(server, session, { session_id: await newSession(server) })), [1004, "OT_AUTHENTICATION_ERROR"], "another session");
  equal(await connect(newToken(server, session, { role: "emperor" })), [1004, "OT_AUTHENTICATION_ERROR"], "an unknown role");
  equal(await connect(newToken(server, session), { sessionId: "no-session" }), [1005, "OT_INVALID_SESSION_ID"], "no session");
  equal(await connect(newToken(server, session), { apiKey: "" }), [1011, "OT_INVALID_PARAMETER"], "no key");
  const long = newToken(server, session, { exp: seconds() + 86_400 });
  const ada = await tab(world, "bare", session, { token: long });
  equal(await ada.run("OT.initSession(apiKey, sessionId).signal({ data: 'x' }).catch((error) => [error.code, error.name])"), [500, "OT_NOT_CONNECTED"], "too early");
  await ada.connected();
  const bytes = [["data: 'x'.repeat(8192)", "sent"], ["data: 'x'.repeat(8193)", 413], ["data: 'é'.repeat(4096)", "sent"], ["data: 'é'.repeat(4096) + 'x'", 413], ["type: 'x'.repeat(128)", "sent"], ["type: 'x'.repeat(129)", 413]];
  for (const type of ["chat", "other"]) {
    for (const [what, end] of bytes) equal(await ada.run(`send({ type: '${type}', ${what} })`), end === 413 ? [413, "OT_INVALID_PARAMETER", true] : end, `${type}, ${what}`);
  }
  const lost = await tab(world, "bare", session, { apiKey: server.project.key + 1 });
  equal(await lost.run("ready"), [1004, "OT_AUTHENTICATION_ERROR"], "another project");
  const far = await tab(world, "bare", session);
  await far.connected();
  equal(await far.run("OT.setProxyUrl('http://127.0.0.1:9'), new Promise((done) => OT.initSession(apiKey, sessionId).connect(token, (error) => done([error.code, error.name])))"), [1006, "OT_CONNECT_FAILED"], "no server");
}

export async function a_cut_line_loses_nothing_and_doubles_nothing(world) {
  const { tabs } = await lesson(world, [{ data: "Ada" }, { data: "Bob" }]);
  const [ada, bob] = tabs;
  const texts = async (person) => (await person.heard()).map(([, data]) => data);
  await ada.run("send({ type: 'x', data: 'before' })");
  await bob.hears(1);
  await ada.run("cut(), new Promise((done) => session.once('sessionReconnecting', done))");
  await ada.run("var ends = []; for (const data of ['queued one', 'queued two']) send({ type: 'x', data }).then((end) => ends.push(end)); 0");
  equal(await ada.run("send({ type: 'x', data: 'now or never', retryAfterReconnect: false })"), [500, "OT_NOT_CONNECTED", true], "not to be kept");
  for (let i = 0; i < 6; i++) await bob.run(`send({ type: '${i % 2 ? "chat" : "x"}', data: 'gap ${i}' })`);
  equal((await ada.heard()).length, 1, "nothing came through");
  await ada.run("mend()");
  await bob.hears(9);
  await ada.hears(9);
  await ada.story("sessionReconnecting", "sessionReconnected");
  const gap = Array.from({ length: 6 }, (_, i) => `gap ${i}`);
  equal(await texts(bob), ["before", ...gap, "queued one", "queued two"], "Bob");
  equal(await texts(ada), ["before", ...gap, "queued one", "queued two"], "Ada");
  equal([await ada.heard("ends"), await bob.heard("story"), await ada.run("session.connection.connectionId")], [["sent", "sent"], [], ada.id], "nobody heard of it");
}

export async function what_was_said_into_a_dead_line_is_said_again_once(world) {
  const { tabs } = await lesson(world, [{ role: "moderator" }, {}]);
  const [ada, bob] = tabs;
  await ada.run("send({ type: 'x', data: 'before' })");
  for (const person of tabs) await person.hears(1);
  // The page learns later that what it sends goes nowhere.
  await ada.run("silence(); var secret = send({ type: 'x', data: 'private', to: people[1] }), ends = []; 0");
  await ada.run("for (let i = 0; i < 100; i++) send({ type: i % 2 ? 'x' : 'chat', data: `${i}` }).then((end) => ends.push(end)); 0");
  await ada.run("cut(), setTimeout(mend, 300), 0");
  equal(await ada.run("secret"), [500, "OT_NOT_CONNECTED", true], "of a private one it cannot be known");
  await ada.run("send({ type: 'x', data: 'after' })");
  const wanted = ["before", ...Array.from({ length: 100 }, (_, i) => `${i}`), "after"];
  for (const person of tabs) equal((await person.hears(102)).map(([, data]) => data), wanted, "each once, in order");
  equal(new Set(await ada.heard("ends")).size, 1, "all were sent");
}

export async function whoever_is_away_for_too_long_is_disconnected(world) {
  const { tabs } = await lesson(world, [{}, {}]);
  const [ada, bob] = tabs;
  const started = Date.now();
  await ada.run("cut(), new Promise((done) => session.once('sessionReconnecting', done))");
  await until(async () => (await bob.heard("story")).length, "Bob hears of it", 45_000);
  equal(await bob.heard("story"), [`connectionDestroyed ${ada.id} networkDisconnected`], "Bob");
  ok(Date.now() - started > 25_000, "not before its time");
  await until(async () => (await ada.heard("story")).length >= 2, "Ada hears of it", 20_000);
  await ada.story("sessionReconnecting", "sessionDisconnected networkDisconnected");
  await ada.run("mend(), story.length = 0, new Promise((done) => session.connect(token, done))");
  ok((await ada.run("session.connection.connectionId")) !== ada.id, "another connection");
  equal(await ada.run("send({ type: 'x', data: 'again' })"), "sent", "again");
  await bob.hears(1);
}

export async function a_page_survives_the_death_of_the_server(world) {
  const { tabs } = await lesson(world, [{ data: "Ada" }, { data: "Bob" }]);
  const [ada, bob] = tabs;
  await ada.run("send({ type: 'chat', data: 'before' })");
  await bob.hears(1);
  await world.server.kill();
  for (const person of tabs) await until(async () => (await person.heard("story")).length, "reconnecting");
  await ada.run("var end = send({ type: 'chat', data: 'while it is down' }); 0");
  await world.server.restart();
  for (const person of tabs) await until(async () => (await person.heard("story")).includes("sessionReconnected"), "reconnected", 20_000);
  equal(await ada.run("end"), "sent", "what waited");
  await bob.run("send({ type: 'chat', data: 'after' })");
  for (const person of tabs) {
    equal((await person.hears(3)).map(([, data, from]) => [data, from]), [["before", ada.id], ["while it is down", ada.id], ["after", bob.id]], "each once, in order");
    equal(await person.run("session.connections.length()"), 2, "who is here");
  }
}

export async function roles_may_what_they_may(world) {
  const { tabs } = await lesson(world, [{ role: "moderator" }, { role: "publisher" }, { role: "subscriber" }, { role: "publisheronly" }]);
  const [ada, bob, carol, dan] = tabs;
  const caps = await Promise.all(tabs.map((person) => person.run(() => ["forceDisconnect", "forceUnpublish", "forceMute", "publish", "subscribe"].map((name) => session.capabilities[name]).join(""))));
  equal(caps, ["11111", "00011", "00001", "00010"], "capabilities");
  equal(await dan.run("send({ type: 'x', data: 'x' })"), [403, "OT_PERMISSION_DENIED", true], "a publisheronly");
  equal(await carol.run("send({ type: 'x', data: 'x' })"), "sent", "a subscriber");
  await dan.hears(1);
  for (const person of [bob, carol]) {
    equal(await person.run("session.forceDisconnect(people[0]).catch((error) => [error.code, error.name])"), [1520, "OT_PERMISSION_DENIED"], "no moderator");
  }
  equal(await ada.run("session.forceDisconnect(people[1]).then(() => 'out')"), "out", "by connection");
  await bob.story("sessionDisconnected forceDisconnected");
  equal((await carol.hears(1, "Bob's end", "story"))[0], `connectionDestroyed ${bob.id} forceDisconnected`, "what others hear");
  equal(await ada.run("new Promise((done) => session.forceDisconnect(people[2].connectionId, (error) => done(error || 'out')))"), "out", "by id");
  await carol.story(`connectionDestroyed ${bob.id} forceDisconnected`, "sessionDisconnected forceDisconnected");
  equal(await ada.run("session.forceDisconnect('nobody').catch((error) => [error.code, error.name])"), [1520, "OT_NOT_FOUND"], "nobody");
}

async function row(world, type) {
  const { tabs } = await lesson(world, [{}, {}]);
  const [ada, bob] = tabs;
  const ends = ada.run(async (type) => {
    const ends = await Promise.all(Array.from({ length: 1_000 }, (_, i) => send({ type, data: `${i}` })));
    return ends.filter((end) => end !== "sent");
  }, type);
  equal(await ends, [], "all were sent");
  const wanted = Array.from({ length: 1_000 }, (_, i) => `${i}`).join();
  for (const person of tabs) equal((await person.hears(1_000)).map(([, data]) => data).join(), wanted, "in order");
}

export async function a_thousand_signals_in_a_row_arrive_in_order(world) {
  const environment = {};
  const rules = ["OPENTOK__SENDS_PER_USER", "OPENTOK__SIGNALS_PER_USER", "RATES__SENDS_PER_ROOM", "RATES__SIGNALS_PER_ROOM", "RATES__REQUESTS_PER_CONNECTION"];
  for (const rule of rules) environment[`SIDETALK_${rule}`] = "off";
  const server = await startServer(environment);
  try {
    for (const type of ["x", "chat"]) await row({ ...world, server }, type);
  } finally {
    await server.stop();
  }
}

export async function a_burst_over_the_servers_rates_arrives_in_order(world) {
  const { tabs } = await lesson(world, [{}, {}]);
  const [ada, bob] = tabs;
  // More than the server takes at once of what is stored, then of what is not.
  const signals = [["chat", 130], ["x", 280]].flatMap(([type, count]) => Array.from({ length: count }, (_, i) => ({ type, data: `${type} ${i}` })));
  equal(await ada.run(async (signals) => [...new Set(await Promise.all(signals.map((signal) => send(signal))))], signals), ["sent"], "all were sent");
  for (const person of [ada, bob]) equal((await person.hears(signals.length)).map(([, data]) => data), signals.map(({ data }) => data), "in order");
}

export async function late_ones_get_the_chat_replayed_if_the_server_says_so(world) {
  const server = await startServer({ SIDETALK_OPENTOK__REPLAY_HISTORY: "2" });
  try {
    const { session, tabs } = await lesson({ ...world, server }, [{}, {}]);
    const [ada, bob] = tabs;
    for (const data of ["one", "two", "three"]) await ada.run((data) => send({ type: "msg", data }), data);
    await bob.run("send({ type: 'x', data: 'not stored' })");
    await ada.hears(4);
    PAGES.late = `${PAGES.bare} var more = []; session.on('signal:msg', (event) => more.push([event.replayed, typeof event.messageId, event.seq > 0, event.serverTime > 1e12]));`;
    const late = await (await tab({ ...world, server }, "late", session)).connected();
    equal(await late.hears(2), [["signal:msg", "two", ada.id], ["signal:msg", "three", ada.id]], "the last two");
    equal(await late.heard("more"), [[true, "string", true, true], [true, "string", true, true]], "what else is known of them");
    await ada.run("send({ type: 'msg', data: 'four' })");
    equal((await late.hears(3))[2], ["signal:msg", "four", ada.id], "what is new");
    equal((await late.hears(3, "three", "more"))[2], [false, "string", true, true], "what is new");
  } finally {
    await server.stop();
  }
}

export async function people_of_three_apis_are_in_one_order(world) {
  const { browser, server } = world;
  const session = await newSession(server);
  const ada = await (await tab(world, "bare", session, { token: newToken(server, session, { data: "Ada" }) })).connected();
  await ada.run("var chat = []; session.on('signal:msg', (event) => chat.push([event.data, event.seq]));");
  const nat = await browser.person(session, { user: "nat", name: "Nat" });
  const auth = { authorization: `Basic ${Buffer.from(`OPENVIDUAPP:${server.project.secret}`).toString("base64")}`, "content-type": "application/json" };
  const vidu = async (path, body) => (await fetch(`${server.url}openvidu/api/${path}`, { method: "POST", headers: auth, body: JSON.stringify(body) })).json();
  await vidu("sessions", { customSessionId: session });
  const { token } = await vidu(`sessions/${session}/connection`, {});
  const context = await browser.context();
  const page = await context.newPage();
  await page.route(`${ORIGIN}**`, (route) => route.fulfill({ contentType: "text/html", body: `<!doctype html><title>Vidu</title><script src="${server.url}sdk/openvidu.js"></script>` }));
  await page.goto(ORIGIN);
  await page.evaluate(async (token) => {
    window.heard = [];
    window.session = new OpenVidu().initSession();
    session.on("signal", (event) => heard.push([event.data, event.type, event.from?.data]));
    await session.connect(token, { clientData: "Vi" });
  }, token);
  await ada.hears(3, "everybody", "people");
  equal((await ada.heard("people")).map(({ data }) => data), ["Ada", "", '{"clientData":"Vi"}'], "whom Ada sees");
  await ada.run("send({ type: 'msg', data: 'from Ada' })");
  await nat.sees("from Ada");
  await nat.say("from Nat");
  await until(() => page.evaluate(() => heard.length === 2), "Vi hears both");
  await page.evaluate(() => session.signal({ type: "my-chat", data: "from Vi" }));
  await nat.sees("from Vi");
  await Promise.all([ada.run("for (let i = 0; i < 5; i++) send({ type: 'msg', data: `ada ${i}` }); 0"), page.evaluate(() => { for (let i = 0; i < 5; i++) void session.signal({ type: "my-chat", data: `vi ${i}` }); }), nat.say("nat too")]);
  const stored = await until(async () => {
    const all = await server.messages(session);
    return all.length === 14 && all.map(({ parts, seq }) => [parts[0].text, seq]);
  }, "all are stored", 20_000);
  equal(await ada.hears(14, "all", "chat"), stored, "what Ada hears, all under one type");
  await until(() => page.evaluate(() => heard.length === 14), "Vi hears all");
  equal(await page.evaluate(() => heard.map(([data]) => data)), stored.map(([text]) => text), "what Vi hears");
  await until(async () => (await nat.texts()).length === 14, "Nat sees all");
  equal(await nat.texts(), stored.map(([text]) => text), "what Nat sees");
}
