// What pages compute of answers: rules by day, automata with their partial matches, timelines, and previews of imports.
import "./page";
import assert from "node:assert/strict";
import { test } from "node:test";
import { countsOf, touches } from "../src/automaton";
import { daysIn } from "../src/backtests";
import { automatonOf, gapsOf, livesOf } from "../src/conditions";
import { DELAY_LINES } from "../src/differences";
import { faultOf, importOf, sameValue } from "../src/import_preview";
import { JsonObject, parseJson } from "../src/json";
import { matchesText } from "../src/rule_screen";
import { daysOfRule } from "../src/rules";
import { digitGroups } from "../src/text";
import { Range, marksOf, stepTimesOf, zoomed } from "../src/timeline";

const json = (text: string) => parseJson(text) as JsonObject;

test("rules: alerts by day are live ones and those in shadow; a rule without any has none on each day", () => {
  assert.deepEqual(daysOfRule(json('{"alerts":[1,0,2],"shadow":[0,3,1]}'), 3), [1, 3, 3]);
  assert.deepEqual(daysOfRule(json('{"shadow":[0,3,1]}'), 3), [0, 3, 1]);
  assert.deepEqual(daysOfRule(undefined, 2), [0, 0]);
});

test("automaton: partial matches stand at their steps, complete ones at the match", () => {
  const states = ["start", "step", "step", "step", "match"].map((kind) => ({ kind }));
  assert.deepEqual(countsOf(states, json('{"by_step":[4,1],"complete":2}')), [undefined, 4, 1, 0, 2]);
  assert.ok(touches(json('{"from":0,"to":1}'), 1) && touches(json('{"from":1,"to":1}'), 1) && touches(json('{"from":0,"to":1,"to_last":3}'), 2));
  assert.ok(!touches(json('{"from":0,"to":1}'), 2) && !touches(json('{"from":0,"to":1,"to_last":3}'), 4));
  assert.equal(matchesText(json('{"by_step":[4,1],"complete":2,"uncounted":0,"keys":3,"examined":3,"all":true}')), "7 partial matches of 3 keys.");
  assert.equal(
    matchesText(json('{"by_step":[1],"complete":0,"uncounted":9,"keys":1,"examined":1,"all":false,"limited_by":"keys"}')),
    "1 partial match of 1 key; 9 more of busy keys, of which the step is not sought. Only 1 keys were looked at: the limit is history.keys_max.",
  );
});

test("timeline: how long the rule gives a match, and none without such an end", () => {
  assert.equal(livesOf(json('{"automaton":{"ended_by":["10m after its first event"]},"state":{"lives_us":600000000}}')), 600_000_000);
  assert.equal(livesOf(json('{"automaton":{"ended_by":[]},"state":{"lives_us":600000000}}')), 0);
  assert.equal(livesOf(json('{"automaton":{"ended_by":["10m after its first event"]},"state":{"lives_us":null}}')), 0);
  assert.equal(livesOf({}), 0);
});

test("timeline: which way each event came says how long it had, also of steps without a name and of groups", () => {
  const automaton = (states: string[][], ways: number[][]) =>
    automatonOf({
      automaton: {
        states: [{}, ...states.map((called) => ({ called })), {}],
        transitions: ways.map(([from = 0, to = 0, within_us = 0, to_last = to]) => ({ from, to, ...(within_us ? { within_us } : {}), ...(to_last === to ? {} : { to_last }) })),
      },
    });
  // 2+ payment as a then within 60 payment then within 90 login or payment
  const steps = automaton([["a"], ["payment"], ["login", "payment"]], [[0, 1], [1, 1], [1, 2, 60], [2, 3, 90], [3, 4]]);
  assert.deepEqual(gapsOf(steps, ["a", "a", "payment", "payment"]), [0, 0, 60, 90]);
  assert.deepEqual(gapsOf(steps, ["a", "payment", "login"]), [0, 60, 90]);
  assert.deepEqual(gapsOf(steps, ["a", "login"]), [0, 0], "it does not lead to the match");
  // p then within 10 all of { login, q } then within 3 one of { z, payment }: only the first of the group has its time
  const group = automaton([["p"], ["login"], ["q"], ["z"], ["payment"]], [[0, 1], [1, 2, 10], [1, 3, 10], [2, 3], [3, 2], [2, 4, 3, 5], [3, 4, 3, 5], [4, 6], [5, 6]]);
  assert.deepEqual(gapsOf(group, ["p", "q", "login", "payment"]), [0, 10, 0, 3]);
  assert.deepEqual(gapsOf(group, ["p", "login", "q", "z"]), [0, 10, 0, 3]);
  // payment then within 60 one of { payment, payment then within 5 payment } then payment: three may have come by either way
  const either = automaton([["payment"], ["payment"], ["payment"], ["payment"]], [[0, 1], [1, 2, 60], [1, 3, 60], [3, 2, 5], [2, 4], [4, 5]]);
  assert.deepEqual(gapsOf(either, ["payment", "payment", "payment"]), [0, 60, 0]);
  assert.deepEqual(gapsOf(automaton([["payment"], ["payment"], ["payment"]], [[0, 1], [1, 2, 60], [0, 2], [2, 3], [1, 3, 5], [3, 4]]), ["payment", "payment"]), [0, 0], "one way gives it 5, the other none");
  const taken = [{ at: 0, step: "a" }, { at: 10, step: "a" }, { at: 25, step: "payment" }, { at: 40, step: "login" }];
  assert.deepEqual(stepTimesOf(taken, steps), [{ step: "payment", from: 10, at: 25, end: 70 }, { step: "login", from: 25, at: 40, end: 115 }]);
  assert.deepEqual(stepTimesOf(taken, automatonOf({})), []);
});

test("timeline: closer, further, earlier and later stay within the whole, and only what is looked at has marks", () => {
  const whole = { from: 0, to: 1_000_000 };
  const after = (range: Range, ...keys: string[]) => keys.reduce((now, key) => zoomed(now, whole, key) as Range, range);
  assert.deepEqual(after(whole, "+"), { from: 250_000, to: 750_000 });
  assert.deepEqual(after(whole, "+", "ArrowRight", "ArrowRight", "ArrowRight"), { from: 500_000, to: 1_000_000 });
  assert.deepEqual(after(whole, "+", "ArrowLeft", "ArrowLeft", "ArrowLeft", "+"), { from: 125_000, to: 375_000 });
  assert.deepEqual(after(whole, "+", "+", "-", "-", "-"), whole);
  assert.deepEqual(after({ from: 5, to: 6 }, "0"), whole);
  const least = after(whole, ...Array.from({ length: 30 }, () => "+"));
  assert.equal(least.to - least.from, 1000, "not closer than a millisecond");
  assert.equal(zoomed(whole, whole, "j"), undefined);
  const events = [{ at: 0, step: "a" }, { at: 400_000, step: "b" }, { at: 1_000_000, step: "c" }];
  assert.deepEqual(marksOf(events, { from: 250_000, to: 750_000 }).marks.map(({ step, x }) => [step, Math.round(x)]), [["b", 208]]);
  assert.deepEqual(marksOf([{ at: 7, step: "a" }, { at: 7, step: "b" }]).marks.map(({ x }) => x), [320, 320]);
});

test("import: what is new, there already, said twice or wrong, with its line", () => {
  const lines = "c1\n\n c2 \nc1\nc13\n";
  assert.deepEqual(importOf("string", lines, new Set(["c13"])), { fresh: 2, there: 1, twice: 1, bad: [] });
  assert.deepEqual(importOf("decimal(2)", "10.5\n10.500\nx\n1.234\n-0.0\n0\n10", new Set(["10"])), {
    fresh: 2,
    there: 1,
    twice: 2,
    bad: [
      { line: 3, why: "x: no number" },
      { line: 4, why: "1.234: more than 2 places" },
    ],
  });
  assert.deepEqual(["007", "7.0", "-07.10", "+1", ".5", "0.50", "0", "-0"].map((text) => sameValue("float", text)), ["7", "7", "-7.1", "1", "0.5", "0.5", "0", "0"]);
  assert.equal(sameValue("string", "007"), "007");
  assert.deepEqual([["int", "1.5"], ["int", "-3"], ["bool", "yes"], ["bool", "true"], ["float", "1e9"], ["time", "x"]].map(([type = "", text = ""]) => faultOf(type, text)), ["no whole number", "", "neither true nor false", "", "", ""]);
});

test("backtests: sums keep their digits, in groups of three", () => {
  for (const [digits, text] of [["0", "0"], ["900.00", "900.00"], ["-1234.50", "-1,234.50"], ["12345678901234567890.123456789", "12,345,678,901,234,567,890.123456789"]])
    assert.equal(digitGroups(digits as string), text);
});

test("backtests: days that events lie in, and how long after a fraud began it was found", () => {
  assert.equal(daysIn(json('{"first_event":"2026-03-02T23:59:59Z","last_event":"2026-03-04T00:00:00Z"}')), 3);
  assert.equal(daysIn({}), 1);
  const labels = json('{"delay":{"frauds":3,"half_us":90000000,"most_us":7200000000}}');
  assert.deepEqual(DELAY_LINES.map((line) => line.of(labels)), ["1 min at most, of 3", "2 h at most, of 3"]);
  assert.deepEqual(DELAY_LINES.map((line) => line.of({})), ["not known", "not known"]);
});
