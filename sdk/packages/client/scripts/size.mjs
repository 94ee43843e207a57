// Measures what a page has to load, as a bundler would make it, and fails above the budget.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const budgets = [
  { name: "@sidetalk/client", code: `export * from "./src/index.ts"`, budget: 10 * 1024 },
  { name: "@sidetalk/client/timeline", code: `export * from "./src/timeline.ts"`, budget: 3 * 1024 },
  { name: "both", code: `export * from "./src/index.ts"; export * from "./src/timeline.ts"`, budget: 12 * 1024 },
];

for (const { name, code, budget } of budgets) {
  const result = await build({
    stdin: { contents: code, resolveDir: process.cwd(), loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const [{ contents }] = result.outputFiles;
  const gzip = gzipSync(contents, { level: 9 }).length;
  const kept = gzip <= budget;
  console.log(`${kept ? "ok  " : "OVER"} ${name}: ${contents.length} bytes minified, ${gzip} gzip, budget ${budget}`);
  if (!kept) process.exitCode = 1;
}
