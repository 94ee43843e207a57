// Builds the pages to dist/: index.html with hashed files beside it, and widget.js (with its
// words in other languages) and the drop-in scripts sdk/*.js under names that stay.
// All addresses are relative, so that the pages work below any path.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { cssText, gzipped, widget } from "../sdk/packages/elements/scripts/bundle.mjs";
import { script as opentok } from "../sdk/packages/opentok/scripts/bundle.mjs";
import { script as openvidu } from "../sdk/packages/openvidu/scripts/bundle.mjs";

const at = (path) => new URL(path, import.meta.url).pathname;
const out = at("dist");
await rm(out, { recursive: true, force: true });
await mkdir(`${out}/assets`, { recursive: true });
await mkdir(`${out}/sdk`, { recursive: true });

const common = { bundle: true, minify: true, target: "es2022", charset: "utf8", legalComments: "none", tsconfig: at("tsconfig.json"), plugins: [cssText] };
const { metafile } = await build({
  ...common,
  entryPoints: [at("src/main.ts")],
  format: "esm",
  splitting: true,
  outdir: `${out}/assets`,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  metafile: true,
});
const dropIns = { "sdk/opentok.js": await opentok(), "sdk/openvidu.js": await openvidu() };
const scripts = new Map([...(await widget()), ...Object.entries(dropIns)]);
for (const [name, bytes] of scripts) await writeFile(`${out}/${name}`, bytes);

const entry = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint?.endsWith("main.ts"));
const relative = (path) => path.slice(path.lastIndexOf("assets/"));
const favicon = await readFile(at("src/favicon.svg"));
const faviconName = `assets/favicon-${createHash("sha256").update(favicon).digest("hex").slice(0, 8)}.svg`;
await writeFile(`${out}/${faviconName}`, favicon);
const html = await readFile(at("src/index.html"), "utf8");
const names = { favicon: faviconName, css: relative(entry[1].cssBundle), js: relative(entry[0]) };
await writeFile(`${out}/index.html`, html.replace(/\{\{(\w+)\}\}/g, (_, name) => names[name]));

// Compressed here once, as small as it goes: the server sends these forms to whoever takes them.
for (const name of await readdir(out, { recursive: true })) {
  if (!/\.(html|css|js|svg)$/.test(name)) continue;
  const bytes = await readFile(`${out}/${name}`);
  const forms = { br: brotliCompressSync(bytes), gz: gzipSync(bytes, { level: 9 }) };
  for (const [ending, form] of Object.entries(forms)) {
    if (form.length < bytes.length) await writeFile(`${out}/${name}.${ending}`, form);
  }
}

const kilobytes = (bytes) => `${(gzipped(bytes) / 1000).toFixed(1)} kB gzip`;
const sizes = ["widget.js", ...Object.keys(dropIns)].map((name) => `${name} ${kilobytes(scripts.get(name))}`);
console.log(`web: page ${kilobytes(await readFile(`${out}/${names.js}`))}, ${sizes.join(", ")}`);
