// Drives the vendors' published server SDKs, unmodified, against the binary: see ../suite.mjs. A scenario with `server` gets one
// of its own with these options.
import { Suite } from "../suite.mjs";
import { Python } from "./python.mjs";
import { Server } from "./server.mjs";
import { World } from "./world.mjs";

const suite = new Suite(import.meta.url, { case_ms: 20_000, run_ms: 170_000 });
const ours = [];
const unhandled = [];
// The callbacks of an SDK that throw, which is what becomes of an answer that it cannot read.
process.on("unhandledRejection", (reason) => unhandled.push(reason));

async function startServer(options) {
  const server = new Server(process.env.SIDETALK_BIN, options);
  ours.push(server);
  await server.start();
  return server;
}

async function run() {
  const [plain, tls] = await Promise.all([startServer(), startServer({ tls: true })]);
  const { status } = await plain.call("POST", "/session/create", { headers: { ...plain.auth(), accept: "application/json" } });
  if (status !== 200) throw new Error(`the binary does not speak this dialect: POST /session/create gives ${status}`);
  const python = new Python(tls.certificate);
  ours.push(python);
  const makeWorld = async (scenario) => new World({ plain: scenario.server ? await startServer(scenario.server) : plain, tls, python });
  await suite.play(makeWorld, { busy: 2 });
  if (suite.wanted) return;
  suite.record("sdk.no-callback-ever-threw", unhandled.length ? new Error(`${unhandled.length} did, such as: ${unhandled[0]?.message ?? unhandled[0]}`) : null);
  suite.record("server.never-stopped", ours.every((each) => each.isRunning) ? null : new Error("a server ended by itself"));
}

async function cleanUp() {
  for (const each of ours) await each.stop().catch(() => undefined);
}

await suite.main(run, cleanUp);
