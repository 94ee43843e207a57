// Runs the *.test.ts of the named folders (or files): each is bundled by esbuild, then run by node's own test runner.
//   node scripts/test.mjs src [name…]
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";

const [folder, ...names] = process.argv.slice(2);
const entryPoints = readdirSync(folder, { recursive: true })
  .map((file) => join(folder, file))
  .filter((file) => file.endsWith(".test.ts") && (names.length === 0 || names.some((name) => basename(file).includes(name))));
const outdir = `node_modules/.sidetalk-test/${folder}`;
rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir, { recursive: true });
const { metafile } = await build({
  entryPoints,
  outdir,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  sourcemap: "inline",
  outExtension: { ".js": ".mjs" },
  metafile: true,
  logLevel: "warning",
});
const files = Object.keys(metafile.outputs).filter((file) => file.endsWith(".test.mjs"));
const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files], { stdio: "inherit" });
process.exit(status ?? 1);
