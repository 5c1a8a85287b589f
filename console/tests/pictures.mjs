// The pictures of docs/console.md: pictures.mjs FOLDER, with TOCSIN_BINARY and TOCSIN_CHROMIUM set. A server with the rules of
// samples/payments, a generated stream of a fixed seed, and some work done on its alerts. fonts.json says by what fonts they were
// made: compare.mjs compares pictures of the same fonts.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fontsOf } from "./picture.mjs";
import { Person, Server, openBrowser } from "./world.mjs";

const BATCH = 5000;
const samples = join(dirname(fileURLToPath(import.meta.url)), "../../samples/payments");
process.env.TOCSIN_SCREENSHOTS = resolve(process.argv[2] ?? ".");
mkdirSync(process.env.TOCSIN_SCREENSHOTS, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), "tocsin_pictures_"));
const rules = readdirSync(samples)
  .filter((name) => name.endsWith(".tocsin"))
  .sort((a, b) => Number(b === "schema.tocsin") - Number(a === "schema.tocsin"))
  .map((name) => readFileSync(join(samples, name), "utf8").replace('use "schema.tocsin"', ""))
  .join("\n");
const server = new Server(folder, { rules });
const browser = await openBrowser();
try {
  await server.start();
  execFileSync(process.env.TOCSIN_BINARY, ["generate", "--events", "30000", "--seed", "7", "--fraud", "3", "--quiet", "--out", "events.ndjson"], { cwd: folder });
  const lines = readFileSync(join(folder, "events.ndjson"), "utf8").trimEnd().split("\n");
  for (let begin = 0; begin < lines.length; begin += BATCH) {
    const sent = await server.ask("POST", "/v1/events?wait=alerts&timeout=10s", lines.slice(begin, begin + BATCH).join("\n"), "application/x-ndjson");
    if (sent.status !== 200) throw new Error(sent.text);
  }
  const ann = await server.ask("POST", "/v1/tokens", { name: "ann", role: "operator" });
  const found = await server.alerts("rule=card_testing&limit=100");
  for (const [at, action] of [[1, "confirm"], [2, "assign"], [4, "confirm"]]) {
    if (found[at]) await server.ask("POST", `/v1/alerts/${found[at].alert.id}/triage`, { action });
  }
  const person = await Person.enter(browser, server, { viewport: { width: 1200, height: 640 } });
  const shoot = async (name, place, text) => {
    await person.page.goto(server.url + place);
    await person.sees(text);
    await person.page.waitForTimeout(300); // what is drawn after the text
    await person.shoot(`console-${name}`);
  };
  await person.signIn(ann.json.token, "/console/alerts");
  await shoot("alerts", "/console/alerts?severity=high", "card_testing");
  await shoot("alert", `/console/alerts/${found[0].alert.id}`, "Why it was raised");
  await shoot("rule", "/console/rules/card_testing", "start to");
  await person.page.goto(`${server.url}/console/rules/card_testing/edit`);
  const editor = person.page.locator(".cm-content");
  await editor.getByText("when", { exact: false }).first().click();
  await person.press("End", ...[..." wheer"]);
  await person.page.getByText(/^Not saved\. [1-9]/).waitFor();
  await person.press("Escape");
  await editor.getByText("when", { exact: true }).first().hover();
  await person.page.locator(".cm-tooltip-hover").waitFor();
  await person.shoot("console-editor");
  writeFileSync(join(process.env.TOCSIN_SCREENSHOTS, "fonts.json"), `${JSON.stringify(await fontsOf(person.page), null, 2)}\n`);
} finally {
  await browser.close();
  await server.end();
  rmSync(folder, { recursive: true, force: true });
}
