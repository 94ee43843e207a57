// Speaks OpenTalk's signaling to the binary and shows every frame that comes back to OpenTalk's published types:
//
//   SIDETALK_BIN=… SIDETALK_ORACLE=… node run.mjs RESULTS.jsonl [part of a case's name]
//
// A file of cases/ exports scenarios: `open(world)` prepares, then each of `cases` runs in turn with the world and what `open`
// returned. The name of a case is the name of an expectation. Scenarios that mostly wait, about `waits_s`, run beside the rest,
// the longest first. A scenario with `server` gets a server of its own with those options.
import { readdir, writeFile } from "node:fs/promises";
import { Issuer } from "./issuer.mjs";
import { Oracle } from "./oracle.mjs";
import { questions } from "./seed.mjs";
import { Server } from "./server.mjs";
import { World } from "./world.mjs";

const [results_file, wanted = ""] = process.argv.slice(2);
const CASE_MS = 20_000;
const OPEN_MS = 30_000;
const RUN_MS = 175_000;
// Some at a time, so that the machine's load does not become what is measured. Those that wait cost nothing.
const WAITING_AT_ONCE = 12;
const BUSY_AT_ONCE = 2;

if (!results_file) throw new Error("usage: node run.mjs RESULTS.jsonl [part of a case's name]");
for (const name of ["SIDETALK_BIN", "SIDETALK_ORACLE"]) if (!process.env[name]) throw new Error(`${name} must name the program; run.sh does`);
// Everything here is on this machine.
for (const name of ["http_proxy", "https_proxy", "all_proxy"]) {
  delete process.env[name];
  delete process.env[name.toUpperCase()];
}

const started = performance.now();
const outcomes = new Map();
const oracle = new Oracle();
const servers = [];
let issuer;
let isEnding = false;

function record(name, error) {
  // What fails because the run is being ended says nothing.
  if (isEnding) return;
  if (outcomes.has(name)) throw new Error(`two cases are called ${name}`);
  outcomes.set(name, error ? "fail" : "pass");
  if (error) console.log(`FAIL ${name}: ${error.message?.split("\n")[0] ?? error}`);
}

async function startServer(options) {
  const server = await Server.prepare(process.env.SIDETALK_BIN, issuer, options);
  servers.push(server);
  await server.start();
  const answer = await fetch(`${server.url}/.well-known/opentalk/api`);
  if (answer.status !== 200) throw new Error(`the binary does not speak this dialect: GET /.well-known/opentalk/api gives ${answer.status}`);
  return server;
}

/** The value of `work`, or a failure after `ms`. */
async function within(ms, work) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`longer than ${ms / 1000} s`)), ms)));
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function play(scenario, shared) {
  let world;
  let context;
  let failure = null;
  try {
    world = new World(scenario.server ? await startServer(scenario.server) : shared, issuer, oracle);
    context = await within(scenario.limit_ms ?? OPEN_MS, () => scenario.open?.(world));
  } catch (error) {
    failure = new Error(`before the first case: ${error.message}`);
  }
  for (const [name, run] of Object.entries(scenario.cases)) {
    const error = failure ?? (await within(scenario.limit_ms ?? CASE_MS, () => run(world, context)).then(() => null, (reason) => reason));
    // With a filter, the cases before the wanted one run as well, since a later one may build on them.
    if (name.includes(wanted)) record(name, error);
  }
  await world?.close();
}

async function playAll(scenarios, atOnce, server) {
  const queue = [...scenarios];
  const lane = async () => {
    while (queue.length) await play(queue.shift(), server);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

async function run() {
  const folder = new URL("cases/", import.meta.url);
  const scenarios = [];
  for (const file of (await readdir(folder)).sort()) scenarios.push(...Object.values(await import(new URL(file, folder).href)));
  const chosen = scenarios.filter((scenario) => Object.keys(scenario.cases).some((name) => name.includes(wanted)));
  issuer = await Issuer.open();
  const server = await startServer();
  const waiting = chosen.filter((scenario) => scenario.waits_s).sort((a, b) => b.waits_s - a.waits_s);
  const busy = chosen.filter((scenario) => !scenario.waits_s);
  await Promise.all([playAll(waiting, WAITING_AT_ONCE, server), playAll(busy, BUSY_AT_ONCE, server)]);
  if (!wanted) record("server.never-stopped", server.isRunning ? null : new Error("the server ended by itself"));
  await judge();
}

/** A case for each kind of frame, command and body that was seen: right in every instance. */
async function judge() {
  if (!wanted) {
    oracle.askMistakes();
    for (const question of questions()) oracle.ask(question);
  }
  const { verdicts, code } = await oracle.answers(process.env.SIDETALK_ORACLE);
  for (const [name, wrong] of verdicts) if (wrong || !wanted) record(name, wrong);
  if (!wanted) record("oracle.ends-with-0", code === 0 ? null : `it ended with ${code}`);
  console.log(`${oracle.count} frames, commands and bodies shown to the oracle`);
}

async function cleanUp() {
  isEnding = true;
  for (const server of servers) await server.stop().catch(() => undefined);
  await issuer?.close().catch(() => undefined);
}

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => cleanUp().finally(() => process.exit(1)));

let broken = null;
try {
  await within(RUN_MS, run);
} catch (error) {
  broken = error;
} finally {
  await cleanUp();
}
const lines = [...outcomes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, result]) => `${JSON.stringify({ case: name, result })}\n`);
await writeFile(results_file, lines.join(""));
const passed = [...outcomes.values()].filter((result) => result === "pass").length;
console.log(`${passed} passed, ${outcomes.size - passed} failed, ${Math.round((performance.now() - started) / 1000)} s`);
if (broken) console.log(`the run ended early: ${broken.message}`);
process.exit(broken ? 1 : 0);
