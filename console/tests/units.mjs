// The console without a browser: its types, its build (twice the same bytes, within its budget) and the cases of *.test.ts.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const FIRST_PAGE_MAX = 60_000; // bytes, packed
const ALL_MAX = 220_000;
const LINES_MAX = 500;
const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const work = mkdtempSync(join(tmpdir(), "tocsin_console_"));
let passed = 0;
let failed = 0;

function check(name, run) {
  try {
    run();
    passed += 1;
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}\n${error.stdout ?? ""}${error.stderr ?? ""}${error.stack ?? error}`);
  }
}
function files(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}
const same = (a, b, what) => {
  if (a !== b) throw new Error(`${what}: ${a} and ${b}`);
};

try {
  check("the types are right", () => execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "--noEmit"], { cwd: root, encoding: "utf8" }));
  check("two builds are the same bytes, and small", () => {
    const folders = ["one", "two"].map((name) => join(work, name));
    for (const folder of folders) execFileSync(process.execPath, ["build.mjs", folder], { cwd: root, encoding: "utf8" });
    const [one, two] = folders.map((folder) => files(folder).map((path) => `${relative(folder, path)} ${readFileSync(path).toString("base64")}`).join("\n"));
    same(one, two, "builds");
    const sizes = new Map(files(folders[0]).map((path) => [relative(folders[0], path), readFileSync(path).length]));
    const all = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
    // Of the first page is what its script imports at once, and so on; the rest comes when a screen is wanted.
    const isFirst = new Set([...sizes.keys()].filter((name) => /^index|^assets\/(app|style|icon)-/.test(name)));
    for (const name of isFirst) {
      const text = name.includes(".js") ? execFileSync("gzip", ["-dc", join(folders[0], name)], { encoding: "utf8" }) : "";
      for (const [, imported] of text.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) isFirst.add(`assets/${imported}.gz`);
    }
    const first = [...isFirst].reduce((sum, name) => sum + sizes.get(name), 0);
    console.log(`the first page has ${first} bytes in ${isFirst.size} files, all ${sizes.size} files ${all}, packed`);
    if (sizes.size < 4 || first < 5000 || first > FIRST_PAGE_MAX || all > ALL_MAX) throw new Error(`the first page may have ${FIRST_PAGE_MAX} bytes, all ${ALL_MAX}`);
    const licences = execFileSync("gzip", ["-dc", join(folders[0], "assets/licences.txt.gz")], { encoding: "utf8" });
    for (const name of ["preact 1", "@preact/signals 2", "@preact/signals-core", "MIT"]) if (!licences.includes(name)) throw new Error(`no licence of ${name}`);
  });
  check("no source is too long, and none makes HTML of texts", () => {
    for (const path of files(join(root, "src")).concat(files(here))) {
      const text = readFileSync(path, "utf8");
      const lines = text.split("\n").length - 1;
      if (lines > LINES_MAX) throw new Error(`${path} has ${lines} lines, at most ${LINES_MAX}`);
      if (path.includes("/src/") && /innerHTML|insertAdjacentHTML|document\.write|\beval\(/.test(text)) throw new Error(`${path} makes HTML of texts`);
    }
  });
  check("the lock file has exact versions and digests, and no address", () => {
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) if (!/^\d+\.\d+\.\d+$/.test(version)) throw new Error(`${name} ${version}`);
    for (const [name, entry] of Object.entries(lock.packages)) if (name && (entry.resolved || !entry.integrity)) throw new Error(name);
  });

  const entryPoints = readdirSync(here).filter((name) => name.endsWith(".test.ts")).map((name) => join(here, name));
  await build({ entryPoints, bundle: true, platform: "node", format: "esm", outdir: join(work, "tests"), outExtension: { ".js": ".mjs" }, logLevel: "warning" });
  const compiled = files(join(work, "tests"));
  const done = spawnSync(process.execPath, ["--test", ...compiled], { encoding: "utf8" });
  const number = (word) => Number(new RegExp(`^(?:#|ℹ) ${word} (\\d+)$`, "m").exec(done.stdout)?.[1] ?? 0);
  if (done.status !== 0 || number("pass") === 0) console.log(done.stdout, done.stderr);
  passed += number("pass");
  failed += Math.max(number("fail"), done.status === 0 && number("pass") > 0 ? 0 : 1);
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
