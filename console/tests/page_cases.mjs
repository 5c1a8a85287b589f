// What pages show beside the flows: rules by day, partial matches, timelines, previews, what waits and what costs time.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { check } from "./cases.mjs";
import { MORE_RULES, until } from "./world.mjs";

check("rules: alerts by day as a line, tests and the last change of each rule, by one question for all", async ({ server, person }) => {
  const { page } = person;
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await server.ask("PUT", "/v1/rules/known/stage?comment=x", { stage: "shadow" }, "application/json", { "If-Match": "*" });
  const [{ alert }] = await server.alerts("rule=large");
  await server.ask("POST", `/v1/alerts/${alert.id}/triage`, { action: "confirm" });
  await person.signIn(server.token, "/console/rules");
  const row = (rule) => page.getByRole("row").filter({ has: page.getByRole("link", { name: rule, exact: true }) });
  await row("large").getByRole("img", { name: "4 alerts in 30 days, 4 on one day at most, 4 today" }).waitFor();
  await row("large").getByText("100 % of 1", { exact: true }).waitFor();
  await row("burst").getByText("none", { exact: true }).waitFor();
  await row("known").getByText("admin", { exact: true }).waitFor();
  assert.equal(await row("burst").getByRole("cell").nth(6).innerText(), "1", "its test");
  assert.deepEqual(asked.filter((path) => /series|precision/.test(path)), []);
  // Once, and perhaps again because of what happened before the page was there.
  const questions = asked.filter((path) => path === "/v1/alerts/by-rule").length;
  assert.ok(questions === 1 || questions === 2, `${questions} questions`);
  await page.getByRole("button", { name: "Last change" }).press("Enter");
  await page.getByRole("button", { name: "Last change" }).press("Enter");
  await page.getByRole("row").nth(1).getByText("known", { exact: true }).waitFor();
  await person.inspect("rules");
}, { rules: MORE_RULES });

check("automaton: partial matches at each step, and a state that is chosen marks its transitions", async ({ server, person }) => {
  const { page } = person;
  await server.send([[11, "c7", "1.00"], [12, "c7", "2.00"], [13, "c8", "3.00"]]);
  await person.signIn(server.token, "/console/rules/burst");
  const small = page.getByRole("button", { name: /^small/ });
  await small.focus();
  await person.press("Enter");
  const marked = page.locator("li[aria-current=true]");
  await until(async () => (await marked.count()) === 3, "the three transitions of the first step");
  await page.getByRole("button", { name: "big", exact: true }).click();
  await until(async () => /small to big/.test(await marked.first().innerText()), "the transitions of the second");
  await page.getByRole("button", { name: "Count the partial matches at each step" }).press("Enter");
  const { json } = await server.ask("GET", "/v1/rules/burst/partial-matches");
  const waiting = json.by_step[0];
  assert.ok(waiting >= 3, JSON.stringify(json));
  await page.getByRole("button", { name: new RegExp(`^small ?${waiting}$`) }).waitFor();
  await person.sees(`${waiting} partial matches of ${json.keys} keys.`);
  await person.inspect("rule-counted");
}, { rules: MORE_RULES });

check("timeline: how much of the rule's time a match took; closer and along by keys and buttons", async ({ server, person }) => {
  const { page } = person;
  await server.send([[11, "c7", "1.00"], [12, "c7", "2.00"], [161, "c7", "600.00"]]);
  const [{ alert }] = await server.alerts("rule=burst");
  await person.signIn(server.token, `/console/alerts/${alert.id}`);
  await person.sees("3 events within 2 min; the match took 2 min of 10 min that the rule gives it (25 %)");
  const timeline = page.getByRole("group", { name: /^Timeline/ });
  const circles = () => timeline.locator("circle").count();
  await timeline.focus();
  await person.press("+");
  await until(async () => (await circles()) === 0, "the middle, which has no event");
  await person.press("ArrowLeft", "ArrowLeft", "ArrowLeft");
  await until(async () => (await circles()) === 2, "the first two");
  await person.sees(/^2 of 3 events, /);
  await page.getByRole("button", { name: "All" }).press("Enter");
  await until(async () => (await circles()) === 3, "all, and the time that is left");
  await person.inspect("alert-timeline-all");
  assert.match(page.url(), new RegExp(alert.id));
}, { rules: MORE_RULES });

check("a step with a time of its own: its bar on the alert's timeline, and how much of a match's time is over on the page of a key", async ({ server, person }) => {
  const { page } = person;
  await server.send([[11, "c7", "1.00"], [12, "c7", "2.00"], [72, "c7", "600.00"], [73, "c8", "3.00"], [74, "c8", "4.00"], [134, "c9", "5.00"]]);
  const [{ alert }] = await server.alerts("rule=burst");
  await person.signIn(server.token, `/console/alerts/${alert.id}`);
  await person.sees("(10 %); big came 1 min after the event before, of 4 min that its step has");
  const timeline = page.getByRole("group", { name: /^Timeline/ });
  const [whole, own] = await timeline.locator("rect.before").all();
  assert.ok(Number(await own.getAttribute("y")) > Number(await whole.getAttribute("y")), "one below the other");
  await person.inspect("alert-step-time");
  await page.goto(`${server.url}/console/keys/card%3Dc8`);
  const row = page.getByRole("row", { name: /2 small/ });
  await row.getByText("in 3 min of event time").waitFor();
  const bars = await row.getByRole("progressbar", { name: "Of its time" }).all();
  const times = await Promise.all(bars.map(async (bar) => [Number(await bar.getAttribute("value")), Number(await bar.getAttribute("max"))]));
  assert.deepEqual(times, [[60_000, 240_000], [61_000, 600_000]], "of the step since the event before, of the match since its first");
  await person.inspect("key-time-left");
}, { rules: MORE_RULES.replace("then payment as big", "then within 4m payment as big") });

check("a step without a name, and a group, with a time of its own: their bars on the alert's timeline", async ({ server, person }) => {
  await server.send([[11, "c7", "1.00"], [12, "c7", "2.00"], [72, "c7", "600.00"], [74, "c7", "700.00"], [75, "c7", "800.00"]]);
  const [{ alert }] = await server.alerts("rule=burst");
  assert.deepEqual(alert.events.map((event) => event.as), ["small", "small", "payment", "payment", "end"]);
  await person.signIn(server.token, `/console/alerts/${alert.id}`);
  await person.sees("; payment came 1 min after the event before, of 4 min that its step has; end came 1 s after the event before, of 3 min that its step has");
  await person.inspect("alert-step-without-name");
}, {
  rules: MORE_RULES.replace(
    "then payment as big where amount > 500",
    "then within 4m all of { payment where amount = 600, payment where amount = 700 } then within 3m payment as end where amount = 800",
  ).replace(", then {big.amount}", "").replace(/test burst[^]*?\n}\n/, ""),
});

check("deliveries: the oldest alert that waits, a silence that begins later; entries are previewed before they are sent", async ({ server, person }) => {
  const { page } = person;
  const { json: made } = await server.ask("POST", "/v1/subscriptions", { url: "http://127.0.0.1:1/", name: "away" });
  await server.ask("POST", `/v1/subscriptions/${made.id}/pause`);
  await server.send([[11, "c7", "700.00"]]);
  const { json: paused } = await server.ask("GET", `/v1/subscriptions/${made.id}`);
  const [newest] = await server.alerts("rule=large");
  assert.equal(paused.oldest_waiting, newest.stored_at);
  await person.signIn(server.token, "/console/subscriptions");
  await page.locator(`time[datetime="${newest.stored_at}"]`).waitFor();
  await page.getByText("New silence").press("Enter");
  await page.getByLabel("Of rules").last().fill("large");
  await page.getByLabel("Begins").fill("2126-01-01T10:00");
  await page.getByLabel("Reason").fill("a planned test");
  await page.getByRole("button", { name: "Silence them" }).press("Enter");
  await person.sees("Nobody is told of them from 2126-01-01T10:00:00.000Z until 2126-01-01T11:00:00.000Z.");
  await page.getByRole("row", { name: /pending/ }).waitFor();
  await person.inspect("subscriptions-oldest");
  await page.goto(`${server.url}/console/lists/limits`);
  await page.getByText("Add entries").press("Enter");
  await page.getByLabel("Values, one in each line", { exact: true }).fill("10\n20.5\n20.50\n1.234\n\nmany");
  const sent = [];
  page.on("request", (request) => request.method() !== "GET" && sent.push(request.url()));
  await page.getByRole("button", { name: "What would change" }).press("Enter");
  await person.sees("1 value is new, 1 there already, 1 line says what an earlier one does.");
  await person.sees("line 4: 1.234: more than 2 places");
  await person.sees("line 6: many: no number");
  assert.deepEqual(sent, []);
  await person.inspect("list-preview");
}, { rules: MORE_RULES, more: ["--webhooks-allow", "127.0.0.1"] });

check("health: since when something is wrong, and which rules take the time", async ({ server, person }) => {
  const { page } = person;
  const gone = createServer((_, response) => response.writeHead(410).end());
  await new Promise((resolve) => gone.listen(0, "127.0.0.1", resolve));
  const { json: made } = await server.ask("POST", "/v1/subscriptions", { url: `http://127.0.0.1:${gone.address().port}/`, name: "away" });
  await server.send([[11, "c7", "700.00"]]);
  const causes = async () => (await server.ask("GET", "/v1/health")).json.causes;
  await until(async () => (await causes()).some((cause) => cause.subject === made.id), "a cause");
  gone.close();
  const cause = (await causes()).find((one) => one.subject === made.id);
  await person.signIn(server.token, "/console/health");
  await page.getByRole("region", { name: "What is wrong" }).locator(`time[datetime="${cause.since}"]`).waitFor();
  await page.getByRole("button", { name: "Measure for 10 s" }).press("Enter");
  for (let n = 0; n < 8; n += 1) await server.send(Array.from({ length: 50 }, (_, i) => [100 + n * 50 + i, `k${i}`, "3.00"]));
  await page.getByRole("group", { name: "Rules by their time" }).getByRole("link", { name: "burst" }).waitFor();
  await person.sees(/^\d+ events in 1\d\.\d s\./);
  await person.inspect("health-profile");
}, { rules: MORE_RULES, more: ["--webhooks-allow", "127.0.0.1"] });

check("health over time: each figure as a line, read by mouse and by keys", async ({ server, person }) => {
  const { page } = person;
  await person.signIn(server.token, "/console/health");
  const line = page.getByRole("slider", { name: "What the rules keep" });
  await line.waitFor();
  await until(async () => /^last [\d.]+ k?B, from /.test(await line.getAttribute("aria-valuetext")), "a value");
  await server.send(Array.from({ length: 40 }, (_, n) => [50 + n, `k${n}`, "3.00"]));
  await until(async () => {
    const { series } = (await server.ask("GET", "/v1/series?name=events")).json;
    return series[0].values.some((value) => value > 0);
  }, "events in a second");
  await page.reload();
  const events = page.getByRole("slider", { name: "Events in a second", exact: true });
  await until(async () => /to [1-9.]/.test(await events.getAttribute("aria-valuetext")), "events");
  const ofSource = await page.getByRole("slider", { name: /^http: / }).evaluateAll((lines) => lines.map((line) => line.getAttribute("aria-label")));
  assert.deepEqual(ofSource, ["http: Behind the source that is furthest", "http: Events in a second"]);
  assert.match(await page.getByRole("slider", { name: "http: Events in a second" }).getAttribute("aria-valuetext"), /to [1-9.]/);
  assert.ok((await page.locator(".line polyline").count()) > 3);
  await events.focus();
  await page.keyboard.press("Home");
  assert.match(await events.getAttribute("aria-valuetext"), /^\d\d\/\d\d\/\d{4}, \d\d:\d\d:\d\d: /);
  assert.equal(await events.getAttribute("aria-valuenow"), "0");
  await page.keyboard.press("ArrowRight");
  assert.equal(await events.getAttribute("aria-valuenow"), "1");
  await events.hover();
  await person.inspect("health-series");
  await page.getByLabel("The last").selectOption("24");
  await page.getByRole("slider", { name: "Memory of the process" }).waitFor();
}, { more: ["--series-step", "1s"] });
