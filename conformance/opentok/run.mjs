// Drives the vendors' published server SDKs, unmodified, against the binary:
//
//   SIDETALK_BIN=… node run.mjs RESULTS.jsonl [part of a case's name]
//
// A file of cases/ exports scenarios: `open(world)` prepares, then each of `cases` runs in turn with the world and what `open`
// returned. The name of a case is the name of an expectation. A scenario with `server` gets one of its own with these options.
import { readdir, writeFile } from "node:fs/promises";
import { Python } from "./python.mjs";
import { Server } from "./server.mjs";
import { World } from "./world.mjs";

const [results_file, wanted = ""] = process.argv.slice(2);
const CASE_MS = 20_000;
const RUN_MS = 170_000;
const AT_ONCE = 2;

if (!results_file) throw new Error("usage: node run.mjs RESULTS.jsonl [part of a case's name]");
if (!process.env.SIDETALK_BIN) throw new Error("SIDETALK_BIN must name the binary, e.g. SIDETALK_BIN=target/debug/sidetalk");
// Everything here is on this machine.
for (const name of ["http_proxy", "https_proxy", "all_proxy"]) {
  delete process.env[name];
  delete process.env[name.toUpperCase()];
}

const started = performance.now();
const outcomes = new Map();
const ours = [];
const unhandled = [];
let isEnding = false;
// The callbacks of an SDK that throw, which is what becomes of an answer that it cannot read.
process.on("unhandledRejection", (reason) => unhandled.push(reason));

function record(name, error) {
  // What fails because the run is being ended says nothing.
  if (isEnding) return;
  if (outcomes.has(name)) throw new Error(`two cases are called ${name}`);
  outcomes.set(name, error ? "fail" : "pass");
  if (error) console.log(`FAIL ${name}: ${error.message?.split("\n")[0] || error}`);
}

async function startServer(options) {
  const server = new Server(process.env.SIDETALK_BIN, options);
  ours.push(server);
  await server.start();
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
  let parts = shared;
  let world;
  let context;
  let failure = null;
  try {
    if (scenario.server) parts = { ...shared, plain: await startServer(scenario.server) };
    world = new World(parts);
    context = await within(CASE_MS, async () => scenario.open?.(world));
  } catch (error) {
    failure = new Error(`before the first case: ${error.message}`);
  }
  for (const [name, run] of Object.entries(scenario.cases)) {
    const error = failure ?? (await within(CASE_MS, async () => run(world, context)).then(() => null, (reason) => reason ?? new Error("rejected without a reason")));
    // With a filter, the cases before the wanted one run as well, since a later one may build on them.
    if (name.includes(wanted)) record(name, error);
  }
  world?.close();
}

async function run() {
  const folder = new URL("cases/", import.meta.url);
  const scenarios = [];
  for (const file of (await readdir(folder)).sort()) scenarios.push(...Object.values(await import(new URL(file, folder).href)));
  const queue = scenarios.filter((scenario) => Object.keys(scenario.cases).some((name) => name.includes(wanted)));
  const [plain, tls] = await Promise.all([startServer(), startServer({ tls: true })]);
  const { status } = await plain.call("POST", "/session/create", { headers: { ...plain.auth(), accept: "application/json" } });
  if (status !== 200) throw new Error(`the binary does not speak this dialect: POST /session/create gives ${status}`);
  const python = new Python(tls.certificate);
  ours.push(python);
  const lane = async () => {
    while (queue.length) await play(queue.shift(), { plain, tls, python });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  if (wanted) return;
  record("sdk.no-callback-ever-threw", unhandled.length ? new Error(`${unhandled.length} did, such as: ${unhandled[0]?.message ?? unhandled[0]}`) : null);
  record("server.never-stopped", ours.every((each) => each.isRunning) ? null : new Error("a server ended by itself"));
}

async function cleanUp() {
  isEnding = true;
  for (const each of ours) await each.stop().catch(() => undefined);
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
