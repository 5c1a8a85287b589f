// node build.mjs FOLDER: builds the console into FOLDER: index.html.gz, and assets/NAME-DIGEST.EXT.gz. The same sources give the
// same bytes on any machine.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2] ?? join(here, "dist"));

function write(name, bytes) {
  const packed = gzipSync(bytes, { level: 9 });
  packed[9] = 255; // the byte of the operating system: unknown, as it is on every machine
  const path = join(folder, `${name}.gz`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, packed);
  return packed.length;
}

// The licences of what becomes part of the bundle, as its packages have them.
function notices(inputs) {
  const names = new Set();
  for (const input of Object.keys(inputs)) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) names.add(found[1]);
  }
  return [...names].sort().map((name) => {
    const place = join(here, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(place, "package.json"), "utf8"));
    return `${name} ${version} (${license})\n\n${readFileSync(join(place, "LICENSE"), "utf8").trim()}\n`;
  });
}

const bundle = await build({
  absWorkingDir: here,
  entryPoints: { app: "src/main.tsx", style: "src/style.css" },
  bundle: true,
  splitting: true,
  format: "esm",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  target: ["chrome109", "firefox115", "safari16"],
  jsx: "automatic",
  jsxImportSource: "preact",
  entryNames: "assets/[name]-[hash]",
  chunkNames: "assets/[name]-[hash]",
  outdir: "/",
  write: false,
  metafile: true,
  logLevel: "warning",
});

rmSync(folder, { recursive: true, force: true });
const named = {};
for (const file of bundle.outputFiles) {
  const name = file.path.replace(/^\//, "");
  named[basename(name).split("-")[0] + name.slice(name.lastIndexOf("."))] = `/console/${name}`;
  write(name, file.contents);
}
const icon = readFileSync(join(here, "src/icon.svg"));
const iconName = `assets/icon-${createHash("sha256").update(icon).digest("hex").slice(0, 8).toUpperCase()}.svg`;
write(iconName, icon);
write("assets/licences.txt", notices(bundle.metafile.inputs).join(`\n${"-".repeat(80)}\n\n`));
const page = readFileSync(join(here, "src/index.html"), "utf8")
  .replaceAll("APP_JS", named["app.js"])
  .replaceAll("STYLE_CSS", named["style.css"])
  .replaceAll("ICON_SVG", `/console/${iconName}`);
write("index.html", page);
