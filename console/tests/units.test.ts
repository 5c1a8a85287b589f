import assert from "node:assert/strict";
import { test } from "node:test";
import { keyQuery, keyText, triageOf } from "../src/alerts";
import { facetsOf } from "../src/facets";
import { NO_FILTERS, filtersOf, queryOf, switched } from "../src/filters";
import { Digits, JsonObject, parseJson, show, sourceOf } from "../src/json";
import { KEYS, actionOf } from "../src/keys";
import { parseMetrics, valueOf } from "../src/metrics";
import { count, counted, size, span, visible } from "../src/text";
import { stepsBack } from "../src/undo";
import { rowsInView, scrolledTo } from "../src/window";

test("json: numbers keep their digits", () => {
  for (const text of ["900.00", "12345678901234567.89", "12345678901234567890", "-0", "1e400", "0.10", "1E5"]) {
    const value = parseJson(`{"amount":${text}}`) as JsonObject;
    assert.ok(value.amount instanceof Digits, text);
    assert.equal(show(value.amount), text);
  }
  for (const text of ["0", "7", "-1.5", "50.51", "1772439953350482"]) {
    assert.equal(typeof parseJson(text), "number");
    assert.equal(show(parseJson(text)), text);
  }
});
test("json: what JSON.parse takes, and nothing else", () => {
  const good = ['{"a":[1,{"b":null}],"c":"\\u0041\\n\\ud83d\\ude00","d":true,"e":false}', ' [ ] ', '"x"', '{"":1}', '[[],{}]', '"\\"\\\\"'];
  for (const text of good) assert.equal(JSON.stringify(parseJson(text)), JSON.stringify(JSON.parse(text)), text);
  const bad = ["", "{", "[1,]", '{"a":1,}', "01", "1.", ".5", "+1", "nul", "'a'", '"\n"', '"\\x"', "[1]x", "{a:1}", "\u00a01", '"', '"\\', "-", "1e", "[".repeat(300)];
  for (const text of bad) assert.throws(() => parseJson(text), SyntaxError, text);
});
test("json: agrees with JSON.parse on texts cut and changed anywhere", () => {
  const text = '{"id":"a1","n":[1,2.5,-3e2,0],"t":{"x":"\\u00e9\\t","y":null,"z":[true,false]}}';
  const verdict = (read: () => unknown) => {
    try {
      return JSON.stringify(read());
    } catch {
      return "bad";
    }
  };
  let taken = 0;
  for (let at = 0; at < text.length; at += 1) {
    for (const letter of ['"', "\\", ",", "{", "]", "0", ".", " ", "e", ""]) {
      const changed = text.slice(0, at) + letter + text.slice(at + 1);
      // Without a reviver that tells numbers apart: as texts.
      const ours = verdict(() => JSON.parse(JSON.stringify(parseJson(changed), (_, value: unknown) => (value instanceof Digits ? Number(value.text) : value))));
      assert.equal(ours, verdict(() => JSON.parse(changed)), changed);
      if (ours !== "bad") taken += 1;
    }
  }
  assert.ok(taken > 50);
});
test("json: an object's source is had byte by byte, and a name cannot reach a prototype", () => {
  const value = parseJson(' {"alert": {"amount": 900.00, "x":1 } }') as JsonObject;
  assert.equal(sourceOf(value.alert as object), '{"amount": 900.00, "x":1 }');
  const hostile = parseJson('{"__proto__":{"polluted":1}}') as JsonObject;
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  assert.equal(show(hostile.__proto__), '{"polluted":1}');
});

test("filters: a URL says all of them, and comes back as it was", () => {
  const filters = { ...NO_FILTERS, status: ["open", "assigned"], rule: ["card testing", "ü&="], key: '{"card":"c 1"}', leastSeverity: "high", from: "2026-03-02T00:00:00Z", shadow: true };
  assert.deepEqual(filtersOf(queryOf(filters)), filters);
  assert.equal(queryOf(NO_FILTERS), "");
  assert.deepEqual(filtersOf("status=open,open,,&other=1"), { ...NO_FILTERS, status: ["open"] });
  assert.equal(queryOf(switched(switched(NO_FILTERS, "status", "open"), "tag", "a")), "status=open&tag=a");
  assert.equal(queryOf(switched(filtersOf("status=open"), "status", "open")), "");
});
test("facets: what the loaded rows have, and what is chosen", () => {
  const row = (rule: string, state: string) => ({ id: rule, number: 1, storedAt: "", state, assignee: "", alert: { rule, severity: "high", tags: ["t"] } });
  const facets = facetsOf([row("a", "open"), row("b", "open"), row("b", "closed")], { status: [], severity: [], rule: ["gone"], tag: [] });
  assert.deepEqual(facets.map((facet) => facet.name), ["status", "severity", "rule", "tag"]);
  assert.deepEqual(facets[0]?.values.map(({ value, count: n }) => `${value} ${n}`), ["open 2", "assigned 0", "confirmed 0", "dismissed 0", "closed 1"]);
  assert.deepEqual(facets[2]?.values.map(({ value, count: n, isOn }) => `${value} ${n} ${isOn}`), ["gone 0 true", "b 2 false", "a 1 false"]);
});

test("keys: each does one thing, none with a modifier or while somebody types", () => {
  const all = KEYS.flatMap((row) => row.keys);
  assert.equal(new Set(all).size, all.length);
  const pressed = (key: string, more = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });
  for (const row of KEYS) for (const key of row.keys) assert.equal(actionOf(pressed(key), false), row.action, key);
  assert.equal(actionOf(pressed("J", { shiftKey: true }), false), "extendDown");
  assert.equal(actionOf(pressed("ArrowDown", { shiftKey: true }), false), "extendDown");
  for (const modifier of ["ctrlKey", "metaKey", "altKey"]) assert.equal(actionOf(pressed("c", { [modifier]: true }), false), undefined);
  assert.equal(actionOf(pressed("c"), true), undefined);
  assert.equal(actionOf(pressed("Escape"), true), "back");
  assert.equal(actionOf(pressed("q"), false), undefined);
});

test("undo: from each state back to each that the API lets", () => {
  // Who may go where (docs/api-alerts.md), as a machine.
  const machine: { [state: string]: { [action: string]: string } } = {
    open: { assign: "assigned", confirm: "confirmed", dismiss: "dismissed", close: "closed" },
    assigned: { assign: "assigned", release: "open", confirm: "confirmed", dismiss: "dismissed", close: "closed" },
    confirmed: { close: "closed", reopen: "open" },
    dismissed: { close: "closed", reopen: "open" },
    closed: { reopen: "open" },
  };
  for (const from of Object.keys(machine)) {
    for (const [action, to] of Object.entries(machine[from] ?? {})) {
      if (action === "reopen" && from === "closed") continue; // nothing but an undo does so
      const before = { state: from, assignee: from === "assigned" ? "bob" : "" };
      const after = { state: to, assignee: to === "assigned" ? "ann" : "" };
      let state = to;
      for (const step of stepsBack(before, after) ?? []) {
        const next = machine[state]?.[step.action];
        assert.ok(next, `${from} to ${to}: ${step.action} in ${state}`);
        state = next;
        if (step.action === "assign") assert.equal(step.assignee, "bob");
      }
      assert.equal(state, from, `${action} from ${from}`);
    }
  }
  assert.equal(stepsBack({ state: "closed", assignee: "" }, { state: "open", assignee: "" }), undefined);
});

test("texts: what cannot be seen is shown, and nothing else is changed", () => {
  assert.equal(visible("a\u202eb\u200bc\n"), "a‹U+202E›b‹U+200B›c‹U+000A›");
  assert.equal(visible("<img src=x onerror=alert(1)> 😀 é"), "<img src=x onerror=alert(1)> 😀 é");
  assert.equal(span(59_000), "59 s");
  assert.equal(span(-5), "0 s");
  assert.equal(span(3_600_000), "1 h");
  assert.equal(span(200_000_000), "2 d");
  assert.equal(size(999), "999 B");
  assert.equal(size(11_397_760), "11.4 MB");
  assert.equal(count(1234567), "1,234,567");
  assert.equal(counted(1, "alert"), "1 alert");
  assert.equal(counted(0, "match", "matches"), "0 matches");
});
test("alerts: a key is shown for people, and asked for with every digit", () => {
  const alert = (parseJson('{"alert":{"key":{"card":"c1","limit":900.00}}}') as JsonObject).alert as JsonObject;
  assert.equal(keyText(alert), "card=c1, limit=900.00");
  assert.equal(keyQuery(alert), '{"card":"c1","limit":900.00}');
  assert.equal(keyQuery({ key: parseJson("{}") }), "");
  assert.deepEqual(triageOf(parseJson('{"state":"open","version":0,"allowed":["close"],"history":[]}') as JsonObject), { state: "open", assignee: "", version: 0, allowed: ["close"], history: [] });
});
test("metrics: samples with labels, and their sum", () => {
  const metrics = parseMetrics('# HELP a b\na_total{rule="x\\"y",b="1"} 2\na_total{rule="z"} 3.5\nready 1\nbad line\nb_bucket{le="+Inf"} 4\n');
  assert.deepEqual(metrics[0], { name: "a_total", labels: { rule: 'x"y', b: "1" }, value: 2 });
  assert.equal(valueOf(metrics, "a_total"), 5.5);
  assert.equal(valueOf(metrics, "none"), undefined);
  assert.equal(metrics.length, 4);
});
test("window: the rows in view, and some beside them, whatever the length", () => {
  assert.deepEqual(rowsInView(0, 400, 40, 100_000, 5), { first: 0, end: 15 });
  assert.deepEqual(rowsInView(40_000, 400, 40, 100_000, 5), { first: 995, end: 1015 });
  assert.deepEqual(rowsInView(99_999 * 40, 400, 40, 100_000, 5), { first: 99_994, end: 100_000 });
  assert.deepEqual(rowsInView(0, 400, 40, 0), { first: 0, end: 0 });
  assert.equal(scrolledTo(0, 100, 400, 40), 0);
  assert.equal(scrolledTo(20, 0, 400, 40), 440);
  assert.equal(scrolledTo(5, 0, 400, 40), 0);
});
