import "./page";
import assert from "node:assert/strict";
import { test } from "node:test";
import { keyOf as filterKeyOf, filterOf } from "../src/alert_filter";
import { keyPlace, keyQuery, keyText, triageOf } from "../src/alerts";
import { resultsOf } from "../src/backtests";
import { sentenceOf } from "../src/automaton";
import { daysOf } from "../src/chart";
import { eventsOf, findingOf } from "../src/checked";
import { diffLines, folded } from "../src/diff";
import { countsOf, facetsOf } from "../src/facets";
import { NO_FILTERS, Order, askedOf, chosenOf, filtersOf, isFiltered, queryOf, switched, switchedFacet } from "../src/filters";
import { linesOf } from "../src/figures";
import { grouped, placeInGroup } from "../src/groups";
import { Digits, JsonObject, jsonText, parseJson, show, sourceOf, typed } from "../src/json";
import { KEYS, actionOf } from "../src/keys";
import { cutAt, eventsSaid } from "../src/key_events";
import { historyColumns, historyLines } from "../src/key_history";
import { valuesOf } from "../src/key_lists";
import { otherSentences } from "../src/key_screen";
import { valueOf as entryOf } from "../src/lists";
import { differing, rangeIn, replaced } from "../src/language";
import { blocksOf } from "../src/markdown";
import { stretchesOf, summaryOf } from "../src/lines";
import { rowsOf } from "../src/list_replace";
import { parseMetrics, quantileOf, valueOf } from "../src/metrics";
import { lineAndColumn, offsetOf, spliced } from "../src/positions";
import { Row } from "../src/alerts";
import { changedRows, inOrder, toldRows } from "../src/queue_state";
import { secondsText } from "../src/server_facts";
import { heldBackBy, isDelivered, stageText, statusIn, withoutStatus } from "../src/stage";
import { searchTarget } from "../src/shell";
import { likeOf } from "../src/silence_dialog";
import { shareText, wilson } from "../src/stats";
import { count, counted, isMask, size, span, visible } from "../src/text";
import { stepsBack } from "../src/undo";
import { marksOf } from "../src/timeline";
import { localViewsOf, viewsOf } from "../src/views";
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
test("facets: what the server has counted, and what is chosen", () => {
  const values = (counts: { [value: string]: number }) => ({ values: Object.entries(counts).map(([value, n]) => ({ value, count: n })), left_out: 0 });
  const facets = { status: values({ open: 2, closed: 1 }), severity: values({}), rule: values({ b: 2, a: 1 }), tag: values({}), assignee: values({ "": 3, ann: 1 }), day: values({ "2026-03-01": 5, "2026-03-02": 1 }) };
  const counts = countsOf({ total: 3, examined: 3, complete: true, facets } as unknown as JsonObject);
  const chosen = { ...NO_FILTERS, rule: ["gone"], assignee: "", from: "2026-03-02T00:00:00Z", to: "2026-03-03T00:00:00Z" };
  const shown = Object.fromEntries(facetsOf(counts, chosen).map(({ name, values: all }) => [name, all.map(({ value, count: n, isOn }) => `${value} ${n}${isOn ? " on" : ""}`)]));
  assert.deepEqual(shown.status, ["open 2", "assigned 0", "confirmed 0", "dismissed 0", "closed 1"]);
  assert.deepEqual(shown.rule, ["gone 0 on", "b 2", "a 1"]);
  assert.deepEqual(shown.assignee, [" 3 on", "ann 1"]);
  assert.deepEqual(shown.day, ["2026-03-02 1 on", "2026-03-01 5"]);
  assert.equal(facetsOf(undefined, NO_FILTERS).find(({ name }) => name === "status")?.values.length, 5); // before they are counted
  assert.equal(switchedFacet(chosen, "assignee", "").assignee, undefined);
  assert.equal(switchedFacet(NO_FILTERS, "assignee", "ann").assignee, "ann");
  assert.deepEqual(switchedFacet(NO_FILTERS, "day", "2026-12-31").to, "2027-01-01T00:00:00Z");
  assert.equal(switchedFacet(chosen, "day", "2026-03-02").from, "");
  for (const query of ["text=a+b&order=severity", "text=a&condition=amount+%3E+100+and+severity+%3D+high", "assignee=", "assignee=ann&order=oldest"]) assert.equal(queryOf(filtersOf(query)), query);
  assert.equal(chosenOf(filtersOf("text=a&order=severity&group=key")), "text=a");
});
test("queue: rows are in the order that the server has", () => {
  const row = (number: number, severity: string) => ({ id: String(number), number, storedAt: "", state: "open", assignee: "", alert: { severity }, key: "" });
  const rows = [row(1, "low"), row(2, "critical"), row(3, "low"), row(4, "info")];
  const numbers = (order: Order) => [...rows].sort(inOrder(order)).map((one) => one.number);
  assert.deepEqual([numbers("newest"), numbers("oldest"), numbers("severity")], [[4, 3, 2, 1], [1, 2, 3, 4], [2, 3, 1, 4]]);
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
  const masked = parseJson('{"key":{"card":"•••5d1f0c9a33b2"}}') as JsonObject;
  assert.equal(keyQuery(masked), "");
  assert.equal(keyText(masked), "card=•••5d1f0c9a33b2");
  assert.deepEqual(["•••5d1f0c9a33b2", "•••", "•••5d1f0c9a33b2 paid", "5d1f0c9a33b2"].map(isMask), [true, false, false, false]);
  assert.deepEqual(triageOf(parseJson('{"state":"open","version":0,"allowed":["close"],"history":[]}') as JsonObject), { state: "open", assignee: "", version: 0, allowed: ["close"], history: [] });
});
test("metrics: samples with labels, and their sum", () => {
  const metrics = parseMetrics('# HELP a b\na_total{rule="x\\"y",b="1"} 2\na_total{rule="z"} 3.5\nready 1\nbad line\nb_bucket{le="+Inf"} 4\n');
  assert.deepEqual(metrics[0], { name: "a_total", labels: { rule: 'x"y', b: "1" }, value: 2 });
  assert.equal(valueOf(metrics, "a_total"), 5.5);
  assert.equal(valueOf(metrics, "none"), undefined);
  assert.equal(metrics.length, 4);
});
test("metrics: quantiles of a histogram, linear within a bucket, over all labels", () => {
  const bucket = (le: string, value: number, more = "") => `t_bucket{${more}le="${le}"} ${value}\n`;
  const metrics = parseMetrics(bucket("0.1", 10) + bucket("0.2", 20) + bucket("0.4", 20) + bucket("+Inf", 25) + bucket("0.1", 10, 'of="b",') + bucket("0.2", 10, 'of="b",') + bucket("0.4", 10, 'of="b",') + bucket("+Inf", 15, 'of="b",') + bucket("+Inf", 0, 'of="c",'));
  const at = (share: number) => quantileOf(metrics, "t", share);
  assert.deepEqual(at(0.25), { value: 0.05, isMore: false }); // the tenth of 20 up to 0.1
  assert.deepEqual(at(0.5), { value: 0.1, isMore: false });
  assert.ok(Math.abs((at(0.625)?.value ?? 0) - 0.15) < 1e-9);
  assert.deepEqual(at(0.99), { value: 0.4, isMore: true });
  assert.equal(quantileOf(metrics, "none", 0.5), undefined);
  assert.equal(quantileOf(parseMetrics('n_bucket{le="1"} 0\nn_bucket{le="+Inf"} 0\n'), "n", 0.5), undefined);
});
test("server facts: seconds as people read them", () => {
  assert.deepEqual([0.0004, 0.0123, 0.5, 1.25, 90].map(secondsText), ["0.4 ms", "12 ms", "500 ms", "1.3 s", span(90_000)]);
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

test("json: what is sent keeps the digits that somebody typed, and leaves out what is undefined", () => {
  assert.equal(jsonText({ value: typed("12345678901234567.80"), until: undefined, text: typed("4000-1"), list: [typed("1e400"), null, true, 'a"b'] }), '{"value":12345678901234567.80,"text":"4000-1","list":[1e400,null,true,"a\\"b"]}');
  for (const text of ["", " 1", "01", "1.", "0x10", "1 2", "NaN"]) assert.equal(typed(text), text);
  assert.equal(jsonText(parseJson('{"amount":900.00,"at":[1]}')), '{"amount":900.00,"at":[1]}');
  assert.equal(jsonText(entryOf("string", "0042")), '"0042"');
  assert.equal(jsonText(entryOf("decimal(2)", "0.10")), "0.10");
  assert.equal(jsonText(entryOf("int", "ten")), '"ten"'); // which the server refuses, and says why
  assert.equal(jsonText(entryOf("bool", "true")), "true");
});

test("diff: both texts can be had from the lines, and equal lines stay", () => {
  const words = ["a", "b", "c", ""];
  let seed = 7;
  const next = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  for (let round = 0; round < 300; round += 1) {
    const text = () => Array.from({ length: next(7) }, () => words[next(words.length)]).map((line) => `${line}\n`).join("");
    const [before, after] = [text(), text()];
    const lines = diffLines(before, after);
    const join = (kind: string) => lines.filter((line) => line.kind === "same" || line.kind === kind).map((line) => `${line.text}\n`).join("");
    assert.equal(join("removed"), before);
    assert.equal(join("added"), after);
    if (before === after) assert.ok(lines.every((line) => line.kind === "same"));
  }
  assert.deepEqual(diffLines("a\nb\nc\n", "a\nx\nc\n").map((line) => `${line.kind} ${line.text}`), ["same a", "removed b", "added x", "same c"]);
  const long = Array.from({ length: 40 }, (_, at) => `${at}\n`).join("");
  const shown = folded(diffLines(long, long.replace("20\n", "twenty\n")));
  assert.deepEqual(shown.map((line) => line.text), ["17 lines", "17", "18", "19", "20", "twenty", "21", "22", "23", "16 lines"]);
});

test("stats: a share comes with what it rests on", () => {
  assert.equal(shareText(0, 0), "no labels");
  assert.equal(wilson(1, 0), undefined);
  const close = (value: number, to: number) => assert.ok(Math.abs(value - to) < 0.0005, `${value} and ${to}`);
  close(wilson(3, 4)!.low, 0.3006); // as statsmodels.proportion_confint(method="wilson") has it
  close(wilson(3, 4)!.high, 0.9544);
  close(wilson(0, 10)!.high, 0.2775);
  assert.equal(shareText(3, 4), "75 % of 4 (30 to 95 %)");
});

test("backtests: rules that only one of both sets has are shown too, and days of either", () => {
  const rule = (name: string, alerts: number) => ({ rule: name, title: name, alerts });
  const report = { backtest: { rules: [rule("a", 2), rule("new", 1)] }, against: { rules: [rule("a", 3), rule("old", 4)] }, comparison: { changes: [{ rule: "a", same: 1, added: 1, gone: 2 }] } } as unknown as JsonObject;
  assert.deepEqual(resultsOf(report).map(({ rule, before, change }) => [rule.rule, rule.alerts, before?.alerts, change?.gone]), [["a", 2, 3, 2], ["new", 1, undefined, undefined], ["old", 0, 4, undefined]]);
  assert.deepEqual(daysOf({ "2026-03-02": 1 }, { "2026-03-01": 2 }), [{ day: "2026-03-01", now: 0, before: 2 }, { day: "2026-03-02", now: 1, before: 0 }]);
  assert.deepEqual(daysOf({ "2026-03-02": 1 }, undefined), [{ day: "2026-03-02", now: 1, before: undefined }]);
});

test("filters of subscriptions and silences: only what was filled in is sent", () => {
  assert.equal(filterOf({ rules: "", tags: "", least_severity: "", key: "", condition: "" }), undefined);
  assert.equal(jsonText(filterOf({ rules: "a, b,", key: "card=c1,x=y,shop=7 1", condition: "amount > 1" })), '{"rules":["a","b"],"key":{"card":"c1","x":"y","shop":"7 1"},"condition":"amount > 1"}');
  assert.deepEqual(filterKeyOf("card=a,b"), { card: "a,b" });
  assert.equal(filterKeyOf("nothing"), undefined);
});

test("search: an id, a key, a rule or words", () => {
  const id = "0123456789ABCDEF0123456789abcdef";
  for (const [text, to] of [["", "/alerts"], [` ${id} `, `/alerts/${id.toLowerCase()}`], ["card=c 1", "/keys/card%3Dc%201"], ['{"card":"c1"}', "/alerts?key=%7B%22card%22%3A%22c1%22%7D"], ["card_testing", "/rules/card_testing"], ["c63229", "/alerts?text=c63229"], ["two words", "/alerts?text=two%20words"], ["=x", "/alerts?text=%3Dx"]])
    assert.equal(searchTarget(text as string, ["card_testing"]), to);
});

test("keys: the screen of an alert's key, and what a rule keeps of it besides matches", () => {
  assert.equal(keyPlace(parseJson('{"key":{"card":"c/1","shop":7}}') as JsonObject), "/keys/card%3Dc%2F1%2Cshop%3D7");
  const rule = parseJson('{"more_matches":2,"suppression":{"quiet":true,"until":null,"held_back":1},"lost_runs":1,"window":{"begin":"B","end":"E","events":{"count":3}}}') as JsonObject;
  assert.deepEqual(otherSentences(rule), ["2 further partial matches.", "A window since B until E with 3 events.", "It keeps quiet, and held back 1 match.", "1 partial match was given up for a budget."]);
  assert.deepEqual(otherSentences({ more_matches: 0 }), []);
});

test("positions: columns count characters, the editor counts UTF-16 units", () => {
  const lines = ["rule r \"😀\" {", "", "é x"];
  const text = lines.join("\n");
  assert.equal(text.slice(offsetOf(lines, 1, 11)), " {\n\né x");
  assert.equal(text.slice(offsetOf(lines, 1, 9)), "😀\" {\n\né x");
  assert.equal(text.slice(offsetOf(lines, 3, 3)), "x");
  for (const [line, column, at] of [[2, 9, 14], [1, 99, 13], [9, 1, text.length], [0, 1, 0], [3, 4, text.length]]) assert.equal(offsetOf(lines, line as number, column as number), at, `${line}:${column}`);
});
test("positions: a rule's text is replaced in its file, wherever its tests are", () => {
  const rule = "rule a \"A\" {\n  x\n}";
  const test_ = 'test a "t" {\n  0s e { }\n}';
  const file = `event e {}\n${rule}\nrule b "B" { }\n${test_}\n`;
  const placed = spliced(file, `${rule}\n\n${test_}\n`, "NEW\nTEXT\n");
  assert.deepEqual(placed, { text: 'event e {}\nNEW\nTEXT\nrule b "B" { }\n\n', line: 1 });
  const before = spliced(`event e {}\n${test_}\n${rule}\n`, `${rule}\n\n${test_}\n`, "NEW");
  assert.deepEqual(before, { text: "event e {}\n\nNEW\n", line: 2 });
  assert.deepEqual(spliced(`${rule}\n`, rule, "NEW"), { text: "NEW\n", line: 0 });
  assert.equal(spliced(file, "rule gone", "NEW"), undefined);
  assert.equal(spliced(file, "", "NEW"), undefined);
});
test("checked: a diagnostic of the edited stretch has its place there, others keep theirs", () => {
  const diagnostic = (file: string, line: number) => parseJson(`{"code":"E1","level":"error","message":"m","file":"${file}","line":${line},"column":3,"end_line":${line},"end_column":5,"label":"","labels":[],"notes":["n"],"helps":["h"],"edit":{"file":"${file}","line":${line},"column":3,"end_line":${line},"end_column":5,"text":"x"}}`) as JsonObject;
  const stretch = { path: "a", line: 10, lines: 3 };
  const here = findingOf(diagnostic("a", 11), stretch);
  assert.deepEqual([here.isHere, here.begin, here.fix?.begin, here.fix?.title, here.message], [true, { line: 1, column: 3 }, { line: 1, column: 3 }, "h", "m; n; h"]);
  for (const [file, line] of [["a", 10], ["a", 14], ["b", 11]] as const) {
    const other = findingOf(diagnostic(file, line), stretch);
    assert.deepEqual([other.isHere, other.begin.line, other.fix], [false, line, undefined]);
  }
});
test("checked: events are lines or an array, with their digits; a wrong line is named", () => {
  assert.equal(jsonText(eventsOf('{"a":1.00}\n\n {"b":2}\n')), '[{"a":1.00},{"b":2}]');
  assert.equal(jsonText(eventsOf(' [{"a":1.00}]')), '[{"a":1.00}]');
  assert.throws(() => eventsOf('{"a":1}\n\n{'), /line 3 is no JSON/);
});

test("groups: alerts of one key stand together where the first of them is, and none is lost", () => {
  const row = (id: string, key: string) => ({ id, number: 0, storedAt: "", state: "open", assignee: "", alert: parseJson(key ? `{"key":{"card":"${key}"}}` : "{}") as JsonObject, key: key ? `card=${key}` : "" });
  const rows = [row("1", "a"), row("2", "b"), row("3", ""), row("4", "a"), row("5", "c"), row("6", ""), row("7", "a")];
  const together = grouped(rows);
  assert.deepEqual(together.map(({ id }) => id), ["1", "4", "7", "2", "3", "5", "6"]);
  assert.deepEqual(together.map((_, at) => placeInGroup(together, at)), [{ place: 1, of: 3 }, { place: 2, of: 3 }, { place: 3, of: 3 }, undefined, undefined, undefined, undefined]);
  assert.equal(placeInGroup([], 0), undefined);
  assert.equal(placeInGroup(together, 7), undefined);
  // A long group is not walked for each of its rows.
  let reads = 0;
  const long = Array.from({ length: 2000 }, (_, n) => {
    const alert = row(String(n), "a").alert;
    return { ...row(String(n), "a"), get alert() { return (reads += 1), alert; } };
  });
  reads = 0;
  for (let at = 0; at < long.length; at += 1) assert.deepEqual(placeInGroup(long, at), { place: at + 1, of: 2000 });
  assert.ok(reads <= 2 * long.length, `${reads} looks at ${long.length} rows`);
});
test("filters: grouping is of the page's URL alone", () => {
  const filters = filtersOf("status=open&group=key");
  assert.equal(filters.grouped, true);
  assert.equal(queryOf(filters), "status=open&group=key");
  assert.equal(askedOf(filters), "status=open");
  assert.equal(isFiltered(filtersOf("group=key")), false);
});
test("silences: alerts like one, with the digits of its key", () => {
  const alert = parseJson('{"rule":"r","key":{"account":12345678901234567890}}') as JsonObject;
  assert.equal(jsonText(likeOf(alert, "key")), '{"key":{"account":12345678901234567890}}');
  assert.equal(jsonText(likeOf(alert, "rule")), '{"rules":["r"]}');
  assert.equal(jsonText(likeOf(alert, "both")), '{"rules":["r"],"key":{"account":12345678901234567890}}');
});

test("automaton: its words, of a rule with an optional step, a loop and an absence", () => {
  const automaton = parseJson(`{"conditions":[{"name":"C1","text":"amount > 1"}],
    "states":[{"name":"start","kind":"start"},{"name":"a","kind":"step","takes":"\`payment\`","conditions":["C1"]},{"name":"l","kind":"step","takes":"\`login\`","conditions":[]},{"name":"match","kind":"match"}],
    "transitions":[{"from":0,"to":1,"to_last":2,"kind":"take","needs":[],"ended_by":[]},{"from":1,"to":1,"kind":"take","passes":"ignores what does not fit","needs":["\`a\` has come less than 5 times"],"ended_by":[]},
      {"from":1,"to":3,"kind":"complete","gives":"complete 5m after the last event","needs":[],"ended_by":["\`login\`"]},{"from":2,"to":1,"kind":"take","needs":[],"ended_by":[]}]}`) as JsonObject;
  const said = (automaton.transitions as JsonObject[]).map((one) => sentenceOf(automaton, one));
  assert.deepEqual(said, ["start to others: takes an event of any step from a to l", "a to a: takes payment where amount > 1; if a has come less than 5 times; ignores what does not fit", "a to match: complete 5m after the last event; ended by login", "l to a: takes payment where amount > 1"]);
});

test("timeline: events stand where their times are, and no label on another", () => {
  const { marks, lanes } = marksOf([{ at: 3_000_000, step: "big" }, { at: 1_000_000, step: "small" }, { at: 1_010_000, step: "small" }, { at: 2_000_000, step: "mid" }]);
  assert.deepEqual(marks.map(({ step, lane }) => [step, lane]), [["small", 0], ["small", 1], ["mid", 0], ["big", 0]]);
  assert.deepEqual([marks[0]!.x, marks[2]!.x, marks[3]!.x, lanes], [40, 320, 600, 2]);
  assert.equal(marksOf([{ at: 5, step: "a" }, { at: 5, step: "b" }]).marks[0]!.x, 320);
});

test("queue: what colleagues did shows at rows, as far down as the page of now reaches", () => {
  const row = (number: number, state = "open", version = 0, changed?: string) => ({ id: `i${number}`, number, storedAt: "", state, assignee: "", version, alert: {} as JsonObject, key: "", ...(changed ? { changed } : {}) });
  const loaded = [row(9), row(8), row(7, "confirmed", 1, "confirmed"), row(6), row(5), row(2)];
  const now = [row(10), row(9), row(6, "assigned", 1), row(5, "open", 2)];
  assert.deepEqual(
    changedRows(loaded, now, 5).map(({ id, state, version, changed }) => [id, state, version, changed]),
    [["i8", "open", 0, "somebody else changed it"], ["i6", "assigned", 1, "by somebody else"], ["i5", "open", 2, "somebody else worked on it"]],
  );
  assert.deepEqual(changedRows(loaded, now, 0).map(({ id }) => id), ["i8", "i6", "i5", "i2"]);
});
test("queue: what the stream tells shows at its row, and what is read later only confirms it", () => {
  const row = (number: number) => ({ id: `i${number}`, number, storedAt: "", state: "open", assignee: "", version: 1, alert: {} as JsonObject, key: "" });
  const what = { alert: "i2", state: "assigned", assignee: "ada", version: 2, who: "ada", action: "assign" };
  const of = (rows: Row[]) => rows.map(({ state, assignee, version, changed }) => [state, assignee, version, changed]);
  const untold = ["open", "", 1, undefined];
  const told = toldRows([row(1), row(2)], [what], "bob");
  assert.deepEqual(of(told), [untold, ["assigned", "ada", 1, "by ada"]]); // acting on it asks first: its version is the old one
  assert.deepEqual(of(toldRows([row(2)], [what], "ada")), [["assigned", "ada", 1, undefined]]);
  assert.deepEqual(of(toldRows([row(2)], [{ ...what, action: "comment" }], "bob")), [["assigned", "ada", 1, "ada commented"]]);
  assert.deepEqual(of(toldRows(told, [{ ...what, version: 1, state: "open" }], "bob")), of(told)); // older
  assert.deepEqual(of(changedRows(told, [row(1), { ...row(2), state: "assigned", assignee: "ada", version: 2 }], 0)), [["assigned", "ada", 2, "by ada"]]);
  assert.deepEqual(of(changedRows(told, [row(1), { ...row(2), state: "closed", version: 3 }], 0)), [["closed", "", 3, "by somebody else"]]);
});
test("queue: a thousand messages of one action go through the rows once, each alert's in their order", () => {
  let looks = 0;
  const rows = Array.from({ length: 5000 }, (_, number) => ({
    get id() {
      looks += 1;
      return `i${number}`;
    },
    number, storedAt: "", state: "open", assignee: "", version: 0, alert: {} as JsonObject, key: "",
  }));
  const heard = Array.from({ length: 1000 }, (_, n) => [
    { alert: `i${n}`, state: "assigned", assignee: "ada", version: 1, who: "ada", action: "assign" },
    { alert: `i${n}`, state: "closed", version: 2, who: "bob", action: "close" },
  ]).flat();
  const told = toldRows(rows, heard, "eve");
  assert.ok(looks <= 3 * rows.length, String(looks));
  assert.deepEqual([told[999], told[1000]].map((row) => [row?.state, row?.assignee, row?.changed]), [["closed", "", "by bob"], ["open", "", undefined]]);
});

test("language: places of files are places of the text that is edited, in UTF-16 and back", () => {
  const text = 'rule r "😀" {\n  by card\n}';
  for (const offset of [0, 8, 10, 11, text.indexOf("card"), text.length]) {
    const { line, column } = lineAndColumn(text, offset);
    assert.equal(offsetOf(text.split("\n"), line, column), offset);
  }
  assert.deepEqual(lineAndColumn(text, text.indexOf('" {')), { line: 1, column: 10 }); // characters, not units
  const sheet = { files: {}, path: "a.tocsin", line: 4, text };
  const spot = { file: "a.tocsin", line: 6, column: 6, endLine: 6, endColumn: 10 };
  const range = rangeIn(sheet, spot);
  assert.equal(range && text.slice(range.from, range.to), "card");
  for (const other of [{ ...spot, file: "b.tocsin" }, { ...spot, line: 4 }, { ...spot, endLine: 8 }]) assert.equal(rangeIn(sheet, other), undefined);
});
test("language: edits of several files are made from the end of each", () => {
  const at = (file: string, line: number, column: number, endColumn: number) => ({ file, line, column, endLine: line, endColumn, text: "longer" });
  assert.deepEqual(replaced({ a: "x x\n😀 x", b: "x", c: "x" }, [at("a", 1, 1, 2), at("b", 1, 1, 2), at("a", 2, 3, 4), at("a", 1, 3, 4)]), { a: "longer longer\n😀 longer", b: "longer" });
  for (const [from, to] of [["", "ab"], ["abc", "abc"], ["aXa", "aa"], ["aa", "aaa"], ["x\ny", "x\n\ny"]] as const) {
    const { range, insert } = differing(from, to);
    assert.equal(from.slice(0, range.from) + insert + from.slice(range.to), to);
  }
});
test("markdown: blocks as the language server writes them", () => {
  const blocks = blocksOf("**field** `a`\n\n```tocsin\na: int\n\nb\n```\n\n- one\n  - deeper\n\n---\nlast\nline");
  assert.deepEqual(blocks, [
    { kind: "paragraph", text: "**field** `a`" },
    { kind: "code", text: "a: int\n\nb" },
    { kind: "list", items: [{ depth: 0, text: "one" }, { depth: 1, text: "deeper" }] },
    { kind: "line" },
    { kind: "paragraph", text: "last line" },
  ]);
});

test("lines: gaps stay gaps, and what a line says is in words", () => {
  assert.deepEqual(stretchesOf([0, 50, 100], [0, 5, 10], 100, 10), ["0.0,10.0 50.0,5.0 100.0,0.0"]);
  assert.deepEqual(stretchesOf([0, 50, 100], [4, undefined, 4], 100, 10), ["0.0,0.0", "100.0,0.0"]);
  assert.deepEqual(stretchesOf([0, 100], [-10, 10], 100, 10), ["0.0,10.0 100.0,0.0"]);
  assert.deepEqual(stretchesOf([], []), []);
  const answer = { times: ["2026-03-02T12:00:00Z", "2026-03-02T12:00:10Z"], series: [
    { name: "m", title: "Memory", unit: "B", values: [null, 1500] }, { name: "c", title: "Commit", unit: "s", values: [0.0105, 90] }, { name: "e", title: "Events", unit: "1/s", values: [null, null] }] };
  const said = linesOf(answer as unknown as JsonObject).map(summaryOf);
  assert.deepEqual(said, ["last 1.5 kB, from 1.5 kB to 1.5 kB", "last 1 min, from 10.5 ms to 1 min", "nothing was measured"]);
});
test("a key's events and values: what is said of pages, and what its lists are asked for", () => {
  const page = (text: string) => parseJson(text) as JsonObject;
  const pages = [page('{"events":[{},{}],"complete":true,"ended_at":null,"next":"4:1"}'), page('{"events":[{}],"complete":true,"ended_at":null}')];
  assert.equal(eventsSaid(pages.slice(0, 1)), "2 events, the newest arrival first; there are older ones.");
  assert.equal(eventsSaid(pages), "3 events, the newest arrival first.");
  assert.equal(cutAt(pages), "");
  assert.equal(cutAt([page('{"events":[],"complete":false,"ended_at":"2026-03-02T12:00:00Z"}')]), "2026-03-02T12:00:00Z");
  assert.deepEqual(valuesOf("card=c,1,shop=a=b,other=c,1"), ["c,1", "a=b"]);
});
test("key history: lines of what is a number, with all digits; a gap where it is missing", () => {
  const at = (second: number, values: string, matches: string) => `{"time":"2026-03-02T12:00:0${second}Z","event":{"type":"payment","id":"p${second}","time":"2026-03-02T12:00:0${second}Z"},"values":${values},"matches":${matches}}`;
  const answer = parseJson(`{"features":["spend","last_id","never"],"rules":["burst","quiet"],"points":[${at(1, '[900.00,"p1",null]', "[0,0]")},${at(2, '[null,"p2",null]', "[2,0]")},${at(3, '[12345678901234567.50,"p3",null]', "[1,0]")}]}`) as JsonObject;
  const lines = historyLines(answer, [{ at: 0, text: "large" }]);
  assert.deepEqual(lines.map(({ title }) => title), ["spend", "partial matches of burst"]);
  assert.deepEqual(lines.map(summaryOf), ["last 12345678901234567.50, from 900.00 to 12345678901234567.50", "last 1, from 0 to 2"]);
  assert.equal(lines[0]?.values[1], undefined);
  assert.deepEqual(historyColumns(answer).map(({ title }) => title), ["Event time", "Event", "spend", "last_id", "never", "partial matches of burst"]);
});
test("lists: rows of a whole table, as lines, as an array, and as they were saved", () => {
  const text = (rows: unknown) => jsonText(rows);
  assert.equal(text(rowsOf('{"a":1.50}\n\n{"a":2}\n')), '[{"row":{"a":1.50}},{"row":{"a":2}}]');
  assert.equal(text(rowsOf('[{"a":1.50}]')), '[{"row":{"a":1.50}}]');
  assert.equal(text(rowsOf('[{"row":{"a":1},"origin":"added","until":"2126-01-01T00:00:00Z"},{"row":{"a":2},"origin":"declared"}]')), '[{"row":{"a":1},"until":"2126-01-01T00:00:00Z"},{"row":{"a":2}}]');
  assert.throws(() => rowsOf('{"a":1}\nno'), /line 2 is no JSON/);
  assert.throws(() => rowsOf("[7]"), /row 1 is no JSON object/);
});

test("views: one's own before shared ones, by name; what a browser has stored may be damaged", () => {
  const one = (id: number, name: string, shared: boolean) => ({ id, version: 2, name, query: "status=open", shared, owner: "ann", changeable: false });
  const views = viewsOf({ views: [one(1, "c", true), one(2, "b", false), one(3, "a", false)] } as unknown as JsonObject);
  assert.deepEqual(views.map(({ id }) => id), [3, 2, 1]);
  assert.deepEqual(views[2], { id: 1, version: 2, name: "c", query: "status=open", isShared: true, owner: "ann", mayChange: false });
  for (const stored of [null, "", "{", "7", '{"name":"a"}', '[7,null,{"name":" ","query":""},{"name":"a"}]']) assert.deepEqual(localViewsOf(stored), []);
  assert.deepEqual(localViewsOf('[{"name":"a ","query":"x","more":1}]'), [{ name: "a", query: "x" }]);
});

test("a rule is as far out as its stage and its text allow, and its text can be told so", () => {
  for (const [stage, status, held, isOut, text] of [
    ["live", "live", "", true, "live"],
    ["live 10%", "live", "", true, "live 10%"],
    ["live", "shadow", "shadow", false, "shadow by its text"],
    ["shadow", "shadow", "", false, "shadow"],
    ["draft", "draft", "", false, "draft"],
  ] as const)
    assert.deepEqual([heldBackBy({ stage, status }), isDelivered({ stage, status }), stageText({ stage, status })], [held, isOut, text]);
  const source = 'rule r "x" {\n  status shadow\n  by card\n}\n';
  assert.equal(statusIn(source), "shadow");
  assert.equal(withoutStatus(source), 'rule r "x" {\n  by card\n}\n');
  assert.equal(withoutStatus('rule r "status shadow" {\n}\n'), 'rule r "status shadow" {\n}\n');
});
