// A server with alerts, and a browser that looks at it, for the cases of browser.mjs.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const LIMIT_MS = Number(process.env.TOCSIN_LIMIT_MS ?? 20_000);
export const START_US = 1_772_452_800_000_000; // 2026-03-02T12:00:00Z
export const HOSTILE = "<img src=x onerror=window.hit=1> javascript:alert(1) \u202eevil\u202c";
export const RULES = `\
event payment { ts: time, id: string id, card: string, amount: decimal(2), note: string? }

rule large "A large payment <img src=x onerror=window.hit=1> javascript:alert(1)" {
  severity high
  tags "money"
  by card
  when payment as p where amount > 100
  alert "{p.amount} on card {card}: {p.note}" { amount: p.amount, note: p.note }
}

rule small "A small payment" {
  severity low
  by card
  when payment as p where amount <= 100
  alert "{p.amount} is small" { amount: p.amount }
}
`;

/** With lists, a table, a feature and a rule of two steps. */
export const MORE_RULES = `\
${RULES}
list blocked : string = ["c13"]
list limits : decimal(2) = [10.00]
table merchants key merchant { limit: decimal(2), country: string } = {
  "m1": { limit: 200.00, country: "SE" },
}
feature spend = sum(amount of payment) by card over last 1h

rule burst "Small ones, then a large one" {
  severity medium
  by card
  when 2+ payment as small where amount < 5 then payment as big where amount > 500
  within 10m
  alert "{count(small)} small, then {big.amount}"
}
test burst "two and a large one" {
  0s payment { card: "c", amount: 1.00 }
  10s payment { card: "c", amount: 1.00 }
  20s payment { card: "c", amount: 900.00 }
  expect alert at 20s
}
rule known "A card of the list" {
  by card
  when payment as p where card in blocked and spend > 1 and amount not in limits and merchants[note].limit > 1
  alert "{p.amount} on {card}"
}
`;

export async function until(condition, what) {
  const ends = Date.now() + LIMIT_MS;
  for (;;) {
    if (await condition()) return;
    if (Date.now() > ends) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** By Tab alone to the element, from where the focus is. */
export async function tabTo(page, target, what = String(target)) {
  for (let steps = 0; steps < 200; ++steps) {
    if (await target.evaluate((one) => one === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not lead to ${what}`);
}
/** By Tab alone to a button, a link or a heading of details, and Enter. */
export async function enterAt(page, target) {
  await target.waitFor();
  await tabTo(page, target);
  await page.keyboard.press("Enter");
}
/** By Tab alone to a field, whose text is replaced, or to a list, of which is chosen. */
export async function writeAt(page, target, text) {
  await target.waitFor();
  await tabTo(page, target);
  await page.keyboard.press("Control+A");
  if (text === "") await page.keyboard.press("Delete");
  else await page.keyboard.type(text);
}

/** What is edited. */
export const content = (page) => page.locator(".cm-content");
/** Selects the first such text, and returns when the editor has read the selection: it does so on an event that the browser sends a
 * moment later, and not at all once the focus is elsewhere. */
export async function select(page, text) {
  await content(page).evaluate(async (element, wanted) => {
    element.focus();
    const line = [...element.querySelectorAll(".cm-line")].find((one) => one.textContent.includes(wanted));
    if (!line) throw new Error(`no ${wanted}`);
    const placeOf = (offset) => {
      const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
      let left = offset;
      for (let node = walker.nextNode(); ; node = walker.nextNode()) {
        if (left <= node.data.length) return [node, left];
        left -= node.data.length;
      }
    };
    const begin = line.textContent.indexOf(wanted);
    await new Promise((done) => {
      // Without an event, the selection was there before.
      setTimeout(done, 1000);
      document.addEventListener("selectionchange", () => setTimeout(done), { once: true });
      document.getSelection().setBaseAndExtent(...placeOf(begin), ...placeOf(begin + wanted.length));
    });
  }, text);
}
export async function overwrite(page, text, other) {
  await select(page, text);
  await page.keyboard.type(other);
}

export class Server {
  constructor(folder, { rules = RULES, more = [] } = {}) {
    this.folder = folder;
    this.more = more;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "rules.tocsin"), rules);
  }
  /** On any free port, and after a first start on the same one again. */
  async start() {
    const portFile = join(this.folder, "port");
    rmSync(portFile, { force: true });
    const address = `127.0.0.1:${this.port ?? 0}`;
    const timeless = ["--time-ahead-max", "0", "--time-heartbeat", "0"];
    this.process = spawn(process.env.TOCSIN_BINARY, ["serve", "rules.tocsin", ...timeless, "--data", "data", "--listen", address, "--http-port-file", "port", ...this.more], {
      cwd: this.folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.said = "";
    this.process.stderr.on("data", (text) => (this.said += text));
    await until(() => existsSync(portFile) && readFileSync(portFile, "utf8").trim() !== "", `the port: ${this.said}`);
    this.port = Number(readFileSync(portFile, "utf8"));
    this.url = `http://127.0.0.1:${this.port}`;
    this.token = readFileSync(join(this.folder, "data/admin-token"), "utf8").trim();
    await until(async () => (await fetch(`${this.url}/readyz`)).ok, "readiness");
    return this;
  }
  async end(signal = "SIGTERM") {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill(signal);
    await ended;
  }
  async ask(method, path, body, type = "application/json", more = {}) {
    const headers = { Authorization: `Bearer ${this.token}`, ...more };
    if (body !== undefined) headers["Content-Type"] = type;
    const text = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
    const answer = await fetch(this.url + path, { method, headers, body: text });
    const said = await answer.text();
    return { status: answer.status, headers: answer.headers, text: said, json: said.startsWith("{") ? JSON.parse(said) : null };
  }
  /** Payments as lines, so that amounts keep their digits: [second, card, amount, note]. */
  async send(payments) {
    const lines = payments.map(
      ([second, card, amount, note = "-"]) =>
        `{"type":"payment","ts":${START_US + second * 1_000_000},"id":"p${second}","card":${JSON.stringify(card)},"amount":${amount},"note":${JSON.stringify(note)}}`,
    );
    const answer = await this.ask("POST", "/v1/events?wait=alerts&timeout=10s", lines.join("\n"), "application/x-ndjson");
    if (answer.json?.accepted !== payments.length) throw new Error(answer.text);
  }
  async alerts(query = "") {
    return (await this.ask("GET", `/v1/alerts?${query}`)).json.alerts;
  }
}

/** A person: a context of its own, in which nothing may be wrong: no message of the console, no violation of the policy. */
// What may be otherwise in a page of another width: what is there, what it is called, and where it lies.
const LAYOUT_RULES = ["button-name", "link-name", "label", "select-name", "aria-hidden-focus", "aria-valid-attr-value", "bypass", "duplicate-id-aria", "heading-order", "landmark-one-main", "nested-interactive", "page-has-heading-one", "region", "scrollable-region-focusable", "target-size"];
export class Person {
  static async enter(browser, server, options = {}) {
    const person = new Person();
    person.context = await browser.newContext({ viewport: { width: 1400, height: 860 }, locale: "en-GB", timezoneId: "UTC", ...options });
    person.context.setDefaultTimeout(LIMIT_MS);
    person.server = server;
    person.page = await person.context.newPage();
    person.faults = [];
    person.expected = [/status of 401/]; // nobody is signed in at first
    person.page.on("console", (message) => person.fault(`console: ${message.text()}`));
    person.page.on("pageerror", (error) => person.fault(`error: ${error.stack}`));
    person.page.on("dialog", (dialog) => {
      person.fault(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await person.page.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
    });
    return person;
  }
  fault(text) {
    if (!this.expected.some((pattern) => pattern.test(text))) this.faults.push(text);
  }
  async signIn(token = this.server.token, place = "/") {
    const url = this.server.url + place;
    // Who has just signed out is still on the way to the page of signing in.
    await this.page.goto(url).catch((error) => {
      if (!error.message.includes("interrupted by another navigation")) throw error;
      return this.page.goto(url);
    });
    await this.page.getByLabel("Token").fill(token);
    await this.page.keyboard.press("Enter");
    await this.page.getByRole("navigation", { name: "Screens" }).waitFor();
  }
  /** Pages that are opened from here on do not read by themselves what colleagues did, as they do now and then while they are seen. */
  async looksAway() {
    await this.page.addInitScript(() => Object.defineProperty(document, "visibilityState", { value: "hidden" }));
  }
  async press(...keys) {
    for (const key of keys) await this.page.keyboard.press(key);
  }
  async sees(text) {
    await this.page.getByText(text).first().waitFor();
  }
  /** Nothing that axe finds, in light and dark, and no line that runs out of the page, at 200 % and on a telephone. */
  async inspect(name) {
    const findings = [];
    const judge = async (what, only) => {
      const found = await this.page.evaluate(
        async (rules) =>
          (await globalThis.axe.run(document, { resultTypes: ["violations"], ...rules })).violations.map(
            (one) => `${one.id}: ${one.nodes.map((node) => `${node.target} ${node.failureSummary}`).join("; ")}`,
          ),
        only.length > 0 ? { runOnly: { type: "rule", values: only } } : {},
      );
      findings.push(...found.map((text) => `${name}, ${what}: ${text}`));
    };
    await this.page.evaluate(axeSource);
    for (const scheme of ["light", "dark"]) {
      await this.page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      // Of the dark one only the colours differ.
      await judge(scheme, scheme === "dark" ? ["color-contrast"] : []);
      await this.shoot(`${name}-${scheme}`);
    }
    const size = this.page.viewportSize();
    for (const [what, width, height] of [
      ["zoom", 700, 430],
      ["telephone", 360, 740],
    ]) {
      await this.page.setViewportSize({ width, height });
      const over = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (over > 0) findings.push(`${name}, ${what}: ${over} pixels wider than the page`);
      await judge(what, LAYOUT_RULES);
      await this.shoot(`${name}-${what}`);
    }
    await this.page.setViewportSize(size);
    await this.page.emulateMedia({ colorScheme: "light" });
    if (findings.length > 0) throw new Error(findings.join("\n"));
  }
  async shoot(name) {
    const folder = process.env.TOCSIN_SCREENSHOTS;
    if (folder) await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }
  async leave() {
    await this.context.close();
    if (this.faults.length > 0) throw new Error(this.faults.join("\n"));
  }
}

export async function openBrowser() {
  return chromium.launch({ executablePath: process.env.TOCSIN_CHROMIUM, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
}
