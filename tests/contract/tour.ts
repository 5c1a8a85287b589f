// The tour of docs/api.md by a client of openapi-fetch, with the types that openapi-typescript makes of the document: a request or
// an answer that the document has otherwise does not compile. tour.js URL TOKEN, with events.ndjson here.
import createClient, { type Client } from "openapi-fetch";
import { deepEqual, equal, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
const [url, token] = process.argv.slice(2) as [string, string];
const clientOf = (bearer: string): Client<paths> => createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${bearer}` } });
const client = clientOf(token);

/** The body of an answer with that status. */
function good<T>(answer: { data?: T; error?: unknown; response: Response }, status = 200): NonNullable<T> {
  equal(answer.response.status, status, JSON.stringify(answer.error));
  ok(answer.data !== undefined && answer.data !== null);
  return answer.data;
}
const tagOf = (answer: { response: Response }): string => answer.response.headers.get("ETag") ?? "";

const me: Schemas["Me"] = good(await client.GET("/v1/me"));
equal(me.role, "admin");
ok(good(await client.GET("/v1/version"))["tocsin"]);
const made = good(await client.POST("/v1/tokens", { body: { name: "till-7", role: "producer" } }), 201);
ok(made.token?.startsWith("tocsin_"));
deepEqual(good(await client.GET("/v1/tokens")).tokens.map((one) => one.name), ["admin", "till-7"]);

const lines = { headers: { "Content-Type": "application/x-ndjson" }, bodySerializer: (text: unknown) => text as string };
const sent = good(await clientOf(made.token ?? "").POST("/v1/events", { body: readFileSync("events.ndjson", "utf8") as never, ...lines }));
deepEqual(sent.verdicts?.map((one) => one.status), ["accepted", "accepted", "duplicate", "accepted", "invalid"]);
equal(good(await client.GET("/v1/dead")).items.length, 1);
const large = '{"type": "payment", "ts": "2026-03-02T12:00:30Z", "id": "p5", "card": "c1", "amount": 900.00}\n';
ok(good(await client.POST("/v1/events", { params: { query: { wait: "alerts", timeout: "5s" } }, body: large as never, ...lines })).alerts?.length);

const page: Schemas["AlertPage"] = good(await client.GET("/v1/alerts", { params: { query: { limit: 10 } } }));
deepEqual(page.alerts.map((one) => one.alert.rule), ["large_after_probes"]);
const alert = { path: { id: page.alerts[0]?.alert.id ?? "" } };
equal(good(await client.GET("/v1/alerts/{id}", { params: alert })).alert.id, alert.path.id);
good(await client.POST("/v1/alerts/{id}/triage", { params: alert, body: { action: "assign" } }));
equal(good(await client.GET("/v1/alerts/{id}/triage", { params: alert })).state, "assigned");
const everyone = { alerts: [{ id: alert.path.id, version: 1 }], action: "close" as const };
equal(good(await client.POST("/v1/alerts/triage", { body: everyone })).alerts[0]?.state, "closed");

deepEqual(good(await client.GET("/v1/rules")).rules.map((rule) => rule.id).sort(), ["large_after_probes", "of_blocked"]);
const wrong = { "r.tocsin": 'rule r "x" { when paiment as p alert "x" }' };
const checked = good(await client.POST("/v1/rules/validate", { body: { files: wrong } }));
equal(checked.valid, false);
equal(checked.diagnostics[0]?.code, "E0202");
const pack = await client.GET("/v1/pack");
const more = { files: { "huge.tocsin": 'rule huge "Huge" { by card when payment where amount >= 10_000 alert "on {card}" }' } };
const patch = { params: { header: { "If-Match": tagOf(pack) } }, body: more };
const changed = good(await client.PATCH("/v1/pack", patch));
equal("version" in changed && changed.version, 2);
const stale = await client.PATCH("/v1/pack", patch);
equal(stale.response.status, 412);
equal(stale.error?.type, "urn:tocsin:problem:stale");
good(await client.POST("/v1/versions/{version}/rollback", { params: { path: { version: 1 }, header: { "If-Match": "*" } } }));
deepEqual(good(await client.GET("/v1/versions")).versions.map((one) => one.version), [3, 2, 1]);

const entries = { entries: ["c9", { value: "c10", until: "2036-01-01T00:00:00Z" }] };
const blocked = { path: { list: "blocked" } };
const added = good(await client.POST("/v1/lists/{list}/entries", { params: blocked, body: entries }));
equal("changed" in added && added.changed, 2);
deepEqual(good(await client.GET("/v1/lists/{list}", { params: blocked })).entries.map((one) => one.value).sort(), ["c10", "c9"]);

const hook: Schemas["SubscriptionSettings"] = { url: "https://hooks.example.com/alerts", filter: { rules: ["large_after_probes"] }, per_second: 5 };
const subscribed = await client.POST("/v1/subscriptions", { body: hook });
const subscription = good(subscribed, 201);
ok("secret" in subscription && subscription.secret?.startsWith("whsec_"));
const gone = await client.DELETE("/v1/subscriptions/{id}", {
  params: { path: { id: subscription.id }, header: { "If-Match": tagOf(subscribed) } },
});
equal(gone.response.status, 204);
const silence = { filter: { rules: ["of_blocked"] }, until: "2036-01-01T00:00:00Z", reason: "tour" };
const silenced = good(await client.POST("/v1/silences", { body: silence }), 201);
equal("state" in silenced && silenced.state, "active");

ok(good(await client.POST("/v1/checkpoints"), 201).checkpoint >= 1);
equal(good(await client.POST("/v1/savepoints", { body: { name: "tour" } }), 201).name, "tour");
deepEqual(good(await client.GET("/v1/backtests")).backtests, []);
const audited = new Set(good(await client.GET("/v1/audit", { params: { query: { limit: 100 } } })).entries.map((one) => one.action));
for (const action of ["makeToken", "patchPack", "rollBackRules", "createSubscription", "makeSavepoint"]) ok(audited.has(action), action);
