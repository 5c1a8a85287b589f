// The pictures of docs/images, made again and compared: a layout that broke is seen. `run.sh pictures docs/images` makes them anew;
// look at them before they are committed.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { apart } from "./picture.mjs";
import { openBrowser } from "./world.mjs";

const APART_MAX = 0.04;
const SHIFT_PX = 24; // a bar that is that much higher
const here = dirname(fileURLToPath(import.meta.url));
const stored = join(here, "../../docs/images");
const made = process.argv[2] || mkdtempSync(join(tmpdir(), "tocsin_compare_"));
let passed = 0;
let failed = 0;
const browser = await openBrowser();
try {
  if (!process.argv[2]) execFileSync(process.execPath, [join(here, "pictures.mjs"), made], { stdio: "inherit" });
  const read = (folder, name) => readFileSync(join(folder, name));
  if (read(stored, "fonts.json").toString() !== read(made, "fonts.json").toString()) {
    console.log("skipped: this machine has other fonts than the one that made docs/images, so its pictures cannot be compared");
  } else {
    const page = await browser.newPage();
    const names = readdirSync(stored).filter((name) => /^console-.*\.png$/.test(name));
    if (names.length === 0) throw new Error(`there are no pictures in ${stored}`);
    for (const name of names) {
      const share = await apart(page, read(stored, name), read(made, name));
      const shifted = await apart(page, read(stored, name), read(made, name), SHIFT_PX);
      console.log(`${name}: ${(100 * share).toFixed(1)} % of it differ, ${(100 * shifted).toFixed(1)} % where it is ${SHIFT_PX} pixels lower`);
      if (share <= APART_MAX && shifted > APART_MAX) passed += 1;
      else {
        failed += 1;
        console.log(`FAIL ${name}: at most ${100 * APART_MAX} % may differ. If the change is meant: console/tests/run.sh pictures docs/images`);
      }
    }
  }
} finally {
  await browser.close();
  if (!process.argv[2]) rmSync(made, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
