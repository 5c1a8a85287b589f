// pack.mjs FILE: makes the extension, a file that VS Code installs: `node pack.mjs tocsin.vsix`. With equal sources it has equal
// bytes. The types of src/ are checked first.
import { spawnSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
if (process.argv.length !== 3) {
  console.error("usage: node pack.mjs FILE.vsix");
  process.exit(2);
}
const target = resolve(process.argv[2]);

const types = spawnSync(process.execPath, [require.resolve("typescript/bin/tsc"), "-p", here], { stdio: "inherit" });
if (types.status !== 0) process.exit(1);

// vsce takes the times of files, and of what it writes itself the time of now; the archive is told one time for all.
const yazl = createRequire(require.resolve("@vscode/vsce"))("yazl");
const mtime = new Date(2000, 0, 1); // the archive's times have no zone
for (const name of ["addFile", "addBuffer"]) {
  const add = yazl.ZipFile.prototype[name];
  yazl.ZipFile.prototype[name] = function (what, path, options) {
    return add.call(this, what, path, { ...options, mtime, mode: 0o100644 });
  };
}
const { createVSIX } = require("@vscode/vsce");

const stage = await mkdtemp(join(tmpdir(), "tocsin-vscode-"));
try {
  const manifest = JSON.parse(await readFile(join(here, "package.json"), "utf8"));
  delete manifest.devDependencies;
  delete manifest.dependencies; // bundled
  delete manifest.private;
  manifest.files = ["dist/extension.js", "language-configuration.json", "tocsin.tmLanguage.json", "README.md", "LICENSE.txt", "NOTICES.txt"];
  await writeFile(join(stage, "package.json"), JSON.stringify(manifest, null, 2) + "\n");
  await copyFile(join(here, "language-configuration.json"), join(stage, "language-configuration.json"));
  await copyFile(join(here, "README.md"), join(stage, "README.md"));
  await copyFile(join(here, "../textmate/tocsin.tmLanguage.json"), join(stage, "tocsin.tmLanguage.json"));
  await copyFile(join(here, "../../LICENSE"), join(stage, "LICENSE.txt"));
  const built = await require("esbuild").build({
    absWorkingDir: here,
    entryPoints: ["src/extension.ts"],
    outfile: join(stage, "dist/extension.js"),
    bundle: true,
    minify: true,
    platform: "node",
    format: "cjs",
    target: "node18",
    external: ["vscode"],
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  await writeFile(join(stage, "NOTICES.txt"), await notices(built.metafile));
  await mkdir(dirname(target), { recursive: true });
  process.chdir(stage); // vsce looks for the sizes of files there
  await createVSIX({ cwd: stage, packagePath: target, dependencies: false, skipLicense: false, allowMissingRepository: true });
} finally {
  process.chdir(here);
  await rm(stage, { recursive: true, force: true });
}

// The licences of what was bundled, by package.
async function notices(metafile) {
  const names = new Set();
  for (const path of Object.keys(metafile.inputs)) {
    const match = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path);
    if (match) names.add(match[1]);
  }
  const parts = [];
  for (const name of [...names].sort()) {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    let text = "";
    for (const file of ["License.txt", "LICENSE", "LICENSE.md", "LICENSE.txt", "license"]) {
      text = await readFile(join(folder, file), "utf8").catch(() => "");
      if (text !== "") break;
    }
    if (text === "") throw new Error(`${name} has no file with its licence`);
    parts.push(`${name} ${version} (${license})\n\n${text.replace(/\r\n/g, "\n").trim()}\n`);
  }
  return parts.join("\n----\n\n");
}
