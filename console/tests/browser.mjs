// The console in a browser, against a server: every screen, each flow by keyboard alone. TOCSIN_SCREENSHOTS names a folder for
// pictures, TOCSIN_TEST_TIMES prints how long each case took; an argument chooses the cases whose names have it.
// A case that fails is played once more, alone with a new server: where it passes then it is named as unstable. A browser that shares
// two cores with other suites may be held up for seconds at any place.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PAYMENTS, cases } from "./cases.mjs";
import "./queue_cases.mjs";
import "./alert_cases.mjs";
import "./place_cases.mjs";
import "./screen_cases.mjs";
import "./change_cases.mjs";
import "./editor_cases.mjs";
import "./sign_in_cases.mjs";
import "./access_cases.mjs";
import "./page_cases.mjs";
import "./budget_cases.mjs";
import { Person, Server, openBrowser } from "./world.mjs";

const wanted = process.argv[2] ?? "";
if (process.env.TOCSIN_SCREENSHOTS) mkdirSync(process.env.TOCSIN_SCREENSHOTS, { recursive: true });
const browser = await openBrowser();
let passed = 0;
let failed = 0;
const AGAIN_MAX = 3;
const again = [];
async function runOne({ name, run, options }, isLast = false) {
  const folder = mkdtempSync(join(tmpdir(), "tocsin_console_"));
  const server = new Server(folder, options);
  let person;
  const began = Date.now();
  try {
    await server.start();
    await server.send(PAYMENTS);
    person = await Person.enter(browser, server);
    const others = [];
    const enter = async () => {
      others.push(await Person.enter(browser, server));
      return others.at(-1);
    };
    await run({ server, person, enter });
    for (const one of [person, ...others]) await one.leave();
    passed += 1;
    if (isLast) console.log(`UNSTABLE ${name}: it passed the second time`);
    if (process.env.TOCSIN_TEST_TIMES) console.log(`${((Date.now() - began) / 1000).toFixed(1)} s  ${name}`);
  } catch (error) {
    if (isLast) failed += 1;
    else again.push({ name, run, options });
    console.log(`${isLast ? "FAIL" : "at first"} ${name}\n${error.stack}\n${person?.faults.join("\n") ?? ""}\n${server.said ?? ""}`);
    await person?.shoot(`failed-${failed}`).catch(() => undefined);
    await person?.context.close().catch(() => undefined);
  } finally {
    await server.end("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}
// Two at a time: each has a server and a context of its own, and waits for much of the time.
const waiting = cases.filter((one) => one.name.includes(wanted));
const lane = async () => {
  for (let one = waiting.shift(); one; one = waiting.shift()) await runOne(one);
};
await Promise.all([lane(), lane()]);
if (again.length <= AGAIN_MAX) {
  for (const one of again) await runOne(one, true);
} else {
  failed = again.length;
  console.log(again.map((one) => `FAIL ${one.name}`).join("\n"));
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
