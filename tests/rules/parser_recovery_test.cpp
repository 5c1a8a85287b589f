// What people write by mistake or by habit: one diagnostic for each, where it is, and the edit
// where there is a sure one.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "tests/rules/parse_support.h"

namespace tocsin::tests {
namespace {
struct Row {
  const char* text;
  const char* mistakes;  // "code column" of each
  const char* edited;    // by all edits; empty where there is none
};
constexpr Row kRows[] = {
    {R"(kind k = p where a == 1)", "E0117 20", R"(kind k = p where a = 1)"},
    {R"(kind k = p where a <> 1 && b || !c)", "E0117 20, E0117 25, E0117 30, E0117 33",
     R"(kind k = p where a != 1 and b or not c)"},
    {R"(kind k = p where a AND b OR NOT c)", "E0117 20, E0117 26, E0117 29",
     R"(kind k = p where a and b or not c)"},
    {R"(kind k = p where a = 1 = 2)", "E0121 24", ""},
    {R"(kind k = p where a is null)", "E0117 20", R"(kind k = p where a is missing)"},
    {R"(kind k = p where a is not null)", "E0117 20", R"(kind k = p where a is known)"},
    {R"(kind k = p where a IS NOT MISSING)", "E0117 20", R"(kind k = p where a is known)"},
    {R"(kind k = p where a like "x%")", "E0117 20", R"(kind k = p where a starts with "x")"},
    {R"(kind k = p where a like "x%y")", "E0117 20", ""},
    {R"(kind k = p where a not matches /x/)", "E0117 20", ""},
    {R"(kind k = p where a in (1, 2, 3))", "E0117 23", R"(kind k = p where a in [1, 2, 3])"},
    {R"(kind k = p where a betwen 1 and 2)", "E0101 20", R"(kind k = p where a between 1 and 2)"},
    {R"(kind k = p where (a = 1 or b = 2)", "E0113 18", ""},
    {R"(kind k = p where a = 1))", "E0114 23", R"(kind k = p where a = 1)"},
    {R"(kind k = p where a = 1 ])", "E0114 24", R"(kind k = p where a = 1 )"},
    {R"(kind k = p where a >)", "E0101 21", ""},
    {R"(kind k = p where and b)", "E0101 18", ""},
    {R"(kind k = p where f(a, b)", "E0113 19", ""},
    {R"(kind k = p where a + if b then 1 else 2 > 3)", "E0101 22", ""},
    {R"(kind k = p where if a then b)", "E0101 29", ""},
    {R"(kind k = p where count(*) over last 1h > 3)", "E0117 24", ""},
    {R"(kind k = p where count(p) over 10m > 3)", "E0101 32", ""},
    {R"(kind k = p where count() > 3)", "E0101 24", ""},
    {R"(kind k = p where sum(alert x of p) > 3)", "E0101 22", ""},
    {R"(kind k = p where a . 5)", "E0101 22", ""},
    {R"(kind k = p where a[1)", "E0113 19", ""},
    {R"(kind k = p where a contains any words of x)", "E0101 33",
     R"(kind k = p where a contains any word of x)"},
    {R"(kind k = p where a = 'x')", "E0117 22", R"(kind k = p where a = "x")"},
    {R"(kind k = p where a = .5 or b = 5.)", "E0106 22, E0106 32",
     R"(kind k = p where a = 0.5 or b = 5.0)"},
    {R"(kind k = p or q)", "E0101 12", R"(kind k = p | q)"},
    {R"(kind = p)", "E0101 6", ""},
    {R"(kind k p)", "E0101 8", ""},
    {R"(knd k = p)", "E0120 1", R"(kind k = p)"},
    {R"(Kind k = p)", "E0117 1", R"(kind k = p)"},
    {R"(import "x")", "E0117 1", R"(use "x")"},
    {R"(const A)", "E0101 8", ""},
    {R"(const A = )", "E0101 10", ""},
    {R"(const A = b c)", "E0120 13", ""},
    {R"(const A: int = 5)", "E0101 8", ""},
    {R"(lst l: string = [])", "E0120 1", R"(list l: string = [])"},
    {R"(list l: strin = [])", "E0101 9", R"(list l: string = [])"},
    {R"(list l: string = ["a" "b"])", "E0125 22", R"(list l: string = ["a", "b"])"},
    {R"(list l: string = ["a",, "b"])", "E0125 23", R"(list l: string = ["a", "b"])"},
    {R"(list l: string = ["a", "b")", "E0113 18", ""},
    {R"(list l: string)", "E0101 15", ""},
    {R"(event e { a int })", "E0101 13", R"(event e { a: int })"},
    {R"(event e { a: integer, b: varchar(20), c: decimal, d: decimal(10, 2), e: strng, f: money })",
     "E0117 14, E0117 26, E0101 42, E0117 62, E0101 73, E0101 83",
     R"(event e { a: int, b: string(20), c: decimal, d: decimal(2), e: string, f: money })"},
    {R"(event e { a: int, b int, c: int d: int })", "E0101 21, E0125 32",
     R"(event e { a: int, b: int, c: int, d: int })"},
    {R"(event e { a: int; b: int })", "E0117 17", R"(event e { a: int, b: int })"},
    {R"(event e a: int })", "E0101 9", ""},
    {R"(event e { a: enum(), b: enum(x y) })", "E0101 14, E0125 31",
     R"(event e { a: enum(), b: enum(x, y) })"},
    {R"(event e { a: int optional })", "E0117 18", ""},
    {R"(event e { a: int uniqe })", "E0101 18", R"(event e { a: int unique })"},
    {R"(event e { a: time up 30s late })", "E0101 22", ""},
    {R"(event 5 { a: int })", "E0101 7", ""},
    {R"(event e { a: int)", "E0113 9", ""},
    {R"(feature f = count(p) over last 1h by card)", "E0101 22",
     R"(feature f = count(p) by card over last 1h)"},
    {R"(feature f = count p by card over last 1h)", "E0101 13", ""},
    {R"(feature f = count(p) by card over lst 1h)", "E0101 35",
     R"(feature f = count(p) by card over last 1h)"},
    {R"(feature f = count(p) by card over last)", "E0101 39", ""},
    {R"(feature f = count(p) by card over last 5 event)", "E0101 40", ""},
    {R"(features of p by card over last 1h { a = count b = avg x })", "E0125 47",
     R"(features of p by card over last 1h { a = count, b = avg x })"},
    {R"(features of p by card over last 1h { a: count })", "E0101 39", ""},
    {R"(table t key a { x: int })", "E0101 25", ""},
    {R"(table t key a { x: int } = { "A" { x: 1 } })", "E0101 34", ""},
    {R"(defaults p { a = 1 })", "E0101 16", R"(defaults p { a : 1 })"},
    {R"(defaults p { a: 1 + 2 })", "E0101 19", ""},
    {R"(within 10m)", "E0120 1", ""},
    {R"(rule r "t" } )", "E0101 12", ""},
    {R"(model m {})", "E0123 1", ""},
    {R"(stream x)", "E0123 1", ""},
    {R"(a b c)", "E0120 1", ""},
    {R"(} kind k = p)", "E0114 1", R"( kind k = p)"},
    {R"(rule r { when p alert "x" })", "E0101 8", ""},
    {R"(rule "t" { when p alert "x" })", "E0101 6", R"(rule t "t" { when p alert "x" })"},
    {R"(rule r "t" when p alert "x" })", "E0101 12", ""},
    {R"(rule r "t" { when p alert "x")", "E0113 12", ""},
    {R"(rule r "t" { wen p alert "x" })", "E0119 14", R"(rule r "t" { when p alert "x" })"},
    {R"(rule r "t" { WHEN p ALERT "x" })", "E0117 14, E0117 21",
     R"(rule r "t" { when p alert "x" })"},
    {R"(rule r "t" { when p when q alert "x" })", "E0118 21", ""},
    {R"(rule r "t" { when p, q alert "x" })", "E0117 20",
     R"(rule r "t" { when p then q alert "x" })"},
    {R"(rule r "t" { when p -> q alert "x" })", "E0117 21",
     R"(rule r "t" { when p then q alert "x" })"},
    {R"(rule r "t" { when p followed by q alert "x" })", "E0117 21",
     R"(rule r "t" { when p then q alert "x" })"},
    {R"(rule r "t" { when p then !q for 5m alert "x" })", "E0117 26",
     R"(rule r "t" { when p then no q for 5m alert "x" })"},
    {R"(rule r "t" { when no p then q alert "x" })", "E0126 19", ""},
    {R"(rule r "t" { when p then then q alert "x" })", "E0101 26",
     R"(rule r "t" { when p then  q alert "x" })"},
    {R"(rule r "t" { when p then alert "x" })", "E0117 21", R"(rule r "t" { when p alert "x" })"},
    {R"(rule r "t" { when alert "x" })", "E0101 19", ""},
    {R"(rule r "t" { when a=p then b=q alert "x" })", "E0117 19, E0117 28",
     R"(rule r "t" { when p as a then q as b alert "x" })"},
    {R"(rule r "t" { when p+ then q alert "x" })", "E0117 20", ""},
    {R"(rule r "t" { when p{3,} then q alert "x" })", "E0117 20", ""},
    {R"(rule r "t" { when p[amount > 3] then q alert "x" })", "E0117 20",
     R"(rule r "t" { when p where amount > 3 then q alert "x" })"},
    {R"(rule r "t" { when first p then q alert "x" })", "E0101 19", ""},
    {R"(rule r "t" { when p then within q alert "x" })", "E0101 33", ""},
    {R"(rule r "t" { when one then two alert "x" })", "E0124 19",
     R"(rule r "t" { when `one` then two alert "x" })"},
    {R"(rule r "t" { when (p then q alert "x" })", "E0113 19", ""},
    {R"(rule r "t" { when one of { p, q alert "x" })", "E0113 26", ""},
    {R"(rule r "t" { when one of { p q } alert "x" })", "E0125 29",
     R"(rule r "t" { when one of { p, q } alert "x" })"},
    {R"(rule r "t" { when p as then q alert "x" })", "E0101 29", ""},
    {R"(rule r "t" { when p were a = 1 alert "x" })", "E0101 21",
     R"(rule r "t" { when p where a = 1 alert "x" })"},
    {R"(rule r "t" { when session of p as s alert "x" })", "E0101 32", ""},
    {R"(rule r "t" { within 10 minutes when p alert "x" })", "E0117 21",
     R"(rule r "t" { within 10m when p alert "x" })"},
    {R"(rule r "t" { within 600 when p alert "x" })", "E0101 21", ""},
    {R"(rule r "t" { maxspan=5m when p alert "x" })", "E0117 14",
     R"(rule r "t" { within 5m when p alert "x" })"},
    {R"(rule r "t" { condition: p alert "x" })", "E0117 14", ""},
    {R"(rule r "t" { group by card when p alert "x" })", "E0117 14",
     R"(rule r "t" { by card when p alert "x" })"},
    {R"(rule r "t" { by card, when p alert "x" })", "E0125 21",
     R"(rule r "t" { by card when p alert "x" })"},
    {R"(rule r "t" { by account = p.account or q.account when p alert "x" })", "E0101 37",
     R"(rule r "t" { by account = p.account | q.account when p alert "x" })"},
    {R"(rule r "t" { early when p alert "x" })", "E0123 14", ""},
    {R"(rule r "t" { severity urgent high when p alert "x" })", "E0101 30", ""},
    {R"(rule r "t" { status prod when p alert "x" })", "E0101 21", ""},
    {R"(rule r "t" { tags a b when p alert "x" })", "E0101 21", ""},
    {R"(rule r "t" { after match skip past last row when p alert "x" })", "E0117 41",
     R"(rule r "t" { after match skip past last  when p alert "x" })"},
    {R"(rule r "t" { after skip when p alert "x" })", "E0101 20", ""},
    {R"(rule r "t" { once 1h when p alert "x" })", "E0101 19",
     R"(rule r "t" { once per 1h when p alert "x" })"},
    {R"(rule r "t" { once per day "Europe/Berlin" when p alert "x" })", "E0101 27",
     R"(rule r "t" { once per day in "Europe/Berlin" when p alert "x" })"},
    {R"(rule r "t" { at most 5 times per 1h when p alert "x" })", "E0101 24", ""},
    {R"(rule r "t" { except where a = 1 when p alert "x" })", "E0101 21", ""},
    {R"(rule r "t" { except "x" where a expires tomorrow when p alert "x" })", "E0101 41", ""},
    {R"(rule r "t" { when p alert x })", "E0101 27", ""},
    {R"(rule r "t" { when p alert "{}" })", "E0122 28", ""},
    {R"(rule r "t" { when p alert "{a" })", "E0122 28", ""},
    {R"(rule r "t" { when p alert "a}" })", "E0122 29", R"(rule r "t" { when p alert "a}}" })"},
    {R"(rule r "t" { when p alert "{a:.2f} {b" })", "E0122 30, E0122 36", ""},
    {R"(rule r "t" { when p alert "{a b} {c +} {d}" })", "E0122 31, E0101 38", ""},
    {R"(rule r "t" { when p alert "x" { a: 1 b: 2 } })", "E0125 37",
     R"(rule r "t" { when p alert "x" { a: 1, b: 2 } })"},
    {R"(rule r "t" { when p alert "x" { a: (1, b: 2 } })", "E0113 36", ""},
    {R"(rule r "t" { when p alert "x" { a 1, b: 2 } })", "E0101 35", ""},
    {R"(rule r "t" { when p, alert "x" })", "E0125 20", R"(rule r "t" { when p alert "x" })"},
    {R"(rule r "t" { -- comment)", "E0113 12, E0117 14", R"(rule r "t" { # comment)"},
    {R"(rule r "t" { when p // comment)", "E0113 12, E0117 21", R"(rule r "t" { when p # comment)"},
    {R"(test r "t" { 0s p { a: 1 } })", "E0101 28", ""},
    {R"(test r "t" { 0 p { a: 1 } expect no alert })", "E0117 14",
     R"(test r "t" { 0s p { a: 1 } expect no alert })"},
    {R"(test r "t" { p { a: 1 } expect no alert })", "E0101 14",
     R"(test r "t" { 0s p { a: 1 } expect no alert })"},
    {R"(test r "t" { 0s p { a 1 } 1s q { b: } expect alert at 60 })",
     "E0101 23, E0101 37, E0101 55", ""},
    {R"(test r "t" { 0s p {} expect no alert 1s p {} })", "E0101 38", ""},
    {R"(test r "t" { expect alert 2 at 5s })", "E0101 29", ""},
    {R"(test r "t" { expect nothing })", "E0117 21", R"(test r "t" { expect no alert })"},
    {R"(test r "t" { 0s p {} expect no alert)", "E0113 12", ""},
    {R"(test r { expect no alert })", "E0101 8", ""},
    {R"(rule r "t" { sequence by user with maxspan=5m [login] alert "x" })",
     "E0117 14, E0117 31, E0101 47", R"(rule r "t" { by user within 5m [login] alert "x" })"},
    {R"(SELECT * FROM payments WHERE amount > 5)", "E0117 1", ""},
    {R"(const A = 5; const B = 6;)", "E0117 12, E0117 25", R"(const A = 5 const B = 6)"},
    {R"(rule r "t" { when p; within 5m; alert "x"; })", "E0117 20, E0117 31, E0117 42",
     R"(rule r "t" { when p within 5m alert "x" })"},
    {R"(kind k = a then b)", "E0101 12", ""},
    // Habits of other languages
    {R"(kind k = p where a greater than 3)", "E0117 20", R"(kind k = p where a > 3)"},
    {R"(kind k = p where a is "x")", "E0117 20", R"(kind k = p where a = "x")"},
    {R"(kind k = p where a is not "x")", "E0117 20", R"(kind k = p where a != "x")"},
    {R"(kind k = p where a =! 1)", "E0117 20", R"(kind k = p where a != 1)"},
    {R"(kind k = p where a not = 1)", "E0117 20", R"(kind k = p where a != 1)"},
    {R"(kind k = p where a between 1 to 2)", "E0117 30", R"(kind k = p where a between 1 and 2)"},
    {R"(kind k = p where a in 1..2)", "E0117 20", R"(kind k = p where a between 1 and 2)"},
    {R"(kind k = p where a in {1, 2})", "E0117 23", R"(kind k = p where a in [1, 2])"},
    {R"(kind k = p where a & b)", "E0117 20", R"(kind k = p where a and b)"},
    {R"(kind k = p where a or where b)", "E0101 23", R"(kind k = p where a or b)"},
    {R"(kind k = p where a where b)", "E0101 20", R"(kind k = p where a and b)"},
    {R"(kind k-l = p)", "E0117 6", R"(kind k_l = p)"},
    {R"(const A = 1 -- two words)", "E0117 13", R"(const A = 1 # two words)"},
    {R"(feature f = count(p) per card over last 1h)", "E0117 22",
     R"(feature f = count(p) by card over last 1h)"},
    {R"(feature f = average(a of p) by card over last 1h)", "E0117 13",
     R"(feature f = avg(a of p) by card over last 1h)"},
    {R"(feature f = count(p) by card in last 1h)", "E0117 30",
     R"(feature f = count(p) by card over last 1h)"},
    {R"(feature f = count(p) by card over the last 1h)", "E0117 35",
     R"(feature f = count(p) by card over last 1h)"},
    {R"(rule "My rule" "t" { when p alert "x" })", "E0101 6",
     R"(rule my_rule "t" { when p alert "x" })"},
    {R"(rule my-rule "t" { when p alert "x" })", "E0117 6",
     R"(rule my_rule "t" { when p alert "x" })"},
    {R"(rule r "t": { when p alert "x" })", "E0117 11", R"(rule r "t" { when p alert "x" })"},
    {R"(rule r "t" { when p where a as b alert "x" })", "E0101 29",
     R"(rule r "t" { when p as b where a alert "x" })"},
    {R"(rule r "t" { when p < q within 5m alert "x" })", "E0117 21",
     R"(rule r "t" { when p then q within 5m alert "x" })"},
    {R"(rule r "t" { when p >> q within 5m alert "x" })", "E0117 21",
     R"(rule r "t" { when p then q within 5m alert "x" })"},
    {R"(rule r "t" { when p FOLLOWED BY q within 5m alert "x" })", "E0117 21",
     R"(rule r "t" { when p then q within 5m alert "x" })"},
    {R"(rule r "t" { when p not followed by q within 5m alert "x" })", "E0117 21",
     R"(rule r "t" { when p then no q within 5m alert "x" })"},
    {R"(rule r "t" { when p then no q in 5m alert "x" })", "E0117 31",
     R"(rule r "t" { when p then no q for 5m alert "x" })"},
    {R"(rule r "t" { when p | q alert "x" })", "E0101 21",
     R"(rule r "t" { when p or q alert "x" })"},
    {R"(rule r "t" { when a p alert "x" })", "E0117 19", R"(rule r "t" { when p alert "x" })"},
    {R"(rule r "t" { when more than 3 p within 5m alert "x" })", "E0117 19",
     R"(rule r "t" { when 4+ p within 5m alert "x" })"},
    {R"(rule r "t" { when 3-5 p within 5m alert "x" })", "E0117 19",
     R"(rule r "t" { when 3..5 p within 5m alert "x" })"},
    {R"(rule r "t" { when 3x p within 5m alert "x" })", "E0105 20",
     R"(rule r "t" { when 3 p within 5m alert "x" })"},
    {R"(rule r "t" { when any of { p, q } alert "x" })", "E0117 19",
     R"(rule r "t" { when one of { p, q } alert "x" })"},
    {R"(rule r "t" { when count(p) > 3 alert "x" })", "E0117 19", ""},
    {R"(rule r "t" { when a > 3 alert "x" })", "E0117 19", ""},
    {R"(rule r "t" { when p: a > 3 alert "x" })", "E0117 20",
     R"(rule r "t" { when p where a > 3 alert "x" })"},
    {R"(rule r "t" { when p if a > 3 alert "x" })", "E0117 21",
     R"(rule r "t" { when p where a > 3 alert "x" })"},
    {R"(rule r "t" { by (a, b) when p alert "x" })", "E0117 17", ""},
    {R"(rule r "t" { by a b when p alert "x" })", "E0125 18",
     R"(rule r "t" { by a, b when p alert "x" })"},
    {R"(rule r "t" { by p.a when p alert "x" })", "E0101 17",
     R"(rule r "t" { by a when p alert "x" })"},
    {R"(rule r "t" { when p within "5m" alert "x" })", "E0117 28",
     R"(rule r "t" { when p within 5m alert "x" })"},
    {R"(rule r "t" { once a day when p alert "x" })", "E0117 19",
     R"(rule r "t" { once per 1d when p alert "x" })"},
    {R"(rule r "t" { cooldown 1h when p alert "x" })", "E0117 14",
     R"(rule r "t" { once per 1h when p alert "x" })"},
    {R"(rule r "t" { tags ["a", "b"] when p alert "x" })", "E0117 19", ""},
    {R"(rule r "t" { when p alert("x") })", "E0117 26", ""},
    {R"(rule r "t" { when p alert f"x" })", "E0117 27", R"(rule r "t" { when p alert "x" })"},
    {R"(rule r "t" { when p alert "x" { a.b } })", "E0101 33",
     R"(rule r "t" { when p alert "x" { b: a.b } })"},
    {R"(event e { "a": int, ts: time })", "E0117 11", R"(event e { a: int, ts: time })"},
    {R"(event e { a?: int, ts: time })", "E0117 12", ""},
    {R"(event e { a: optional int, ts: time })", "E0117 14", ""},
    {R"(event e { a: int not null, ts: time })", "E0117 18", R"(event e { a: int , ts: time })"},
    {R"(event e { a: numeric(10, 2), ts: time })", "E0117 14",
     R"(event e { a: decimal(2), ts: time })"},
    {R"(event e { a-b: int, ts: time })", "E0117 11", R"(event e { `a-b`: int, ts: time })"},
    {R"(list l = ["a"])", "E0101 8", R"(list l : string = ["a"])"},
    {R"(list l: str = ["a"])", "E0117 9", R"(list l: string = ["a"])"},
    {R"(list l: string = {"a"})", "E0117 18", ""},
    {R"(list l: string = "a.txt")", "E0101 16", ""},
    {R"(test r "t" { at 5s p {} expect no alert })", "E0117 14",
     R"(test r "t" { 5s p {} expect no alert })"},
    {R"(test r "t" { +5s p {} expect no alert })", "E0117 14",
     R"(test r "t" { 5s p {} expect no alert })"},
    {R"(test r "t" { 0s p { "a": 1 } expect no alert })", "E0117 21",
     R"(test r "t" { 0s p { a: 1 } expect no alert })"},
    {R"(test r "t" { 0s p(a: 1) expect no alert })", "E0117 18", ""},
    {R"(test r "t" { 0s p {} expect 2 alerts })", "E0117 29",
     R"(test r "t" { 0s p {} expect alert 2 times })"},
    {R"(test "t" { 0s p {} expect no alert })", "E0101 6", ""},
};

std::string mistakes_of(const Parsed& parsed) {
  std::string out;
  for (const auto& diagnostic : parsed.diagnostics) {
    const auto place =
        parsed.sources.place(diagnostic.primary.span.file, diagnostic.primary.span.begin);
    if (!out.empty()) out += ", ";
    out += std::string(rules::code_name(diagnostic.code)) + " " + std::to_string(place.column);
  }
  return out;
}
}  // namespace

TEST_CASE("parser: a mistake gives one diagnostic, and the edit of a sure one mends it") {
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const Parsed parsed = parse_text(row.text);
    INFO(rendered(parsed));
    CHECK(mistakes_of(parsed) == row.mistakes);
    check_spans(parsed);
    const bool all_sure = std::ranges::all_of(
        parsed.diagnostics, [](const auto& diagnostic) { return diagnostic.edit.has_value(); });
    const std::string edited = with_edits(parsed);
    CHECK((edited == row.text ? "" : edited) == row.edited);
    if (all_sure) CHECK(rendered(parse_text(edited)) == "");
  }
}

TEST_CASE("parser: what follows a mistake is read") {
  struct Follow {
    const char* text;
    std::size_t items;
  };
  // Each ends with a declaration that must be in the tree.
  constexpr Follow kFollows[] = {
      {"const A =\nconst B = 1", 2},
      {"kind k = p where (a\nconst B = 1", 2},
      {"event e { a: in t, b int\nconst B = 1", 2},
      {"rule r \"t\" {\n  when p\nconst B = 1", 2},
      {"rule r \"t\" {\n  alert \"x\" { a: 1\n}\nconst B = 1", 2},
      {"rule r \"t\" {\n  when (p then q\n  within 5m\n}\nconst B = 1", 2},
      {"rule r \"t\" {\n  when p where a = 1 2 3 } }\nconst B = 1", 2},
      {"test r \"t\" {\n  0s p { a 1\n  1s q {}\n  expect no alert\n}\nconst B = 1", 2},
      {"nonsense { a b c }\nconst B = 1", 1},
      {"const B = \"x\nconst B = 1", 2},
  };
  for (const Follow& row : kFollows) {
    CAPTURE(row.text);
    const Parsed parsed = parse_text(row.text);
    INFO(rendered(parsed));
    CHECK(!parsed.diagnostics.empty());
    REQUIRE(parsed.file.items.size() == row.items);
    const auto* constant = std::get_if<rules::tree::Const>(&parsed.file.items.back());
    REQUIRE(constant != nullptr);
    CHECK(constant->name.text == "B");
    CHECK_FALSE(constant->broken);
  }
}

TEST_CASE(
    "parser: an unclosed brace is reported where it was opened, and the clauses around it are "
    "kept") {
  const Parsed parsed = parse_text(
      "rule r \"t\" {\n"
      "  when p\n"
      "  alert \"x\" {\n"
      "    a: 1,\n"
      "  severity high\n"
      "}\n"
      "rule s \"t\" {\n"
      "  when p\n"
      "  alert \"x\" {\n"
      "    a: 1,\n"
      "}\n"
      "rule u \"t\" {\n"
      "  when p\n"
      "  alert \"x\"\n"
      "\n"
      "rule v \"t\" {\n"
      "  when p\n"
      "  alert \"x\"\n"
      "}\n");
  CHECK(summary(parsed) ==
        "E0113 3:13 this `{` is never closed\n"
        "E0113 9:13 this `{` is never closed\n"
        "E0113 12:12 this `{` is never closed\n");
  REQUIRE(parsed.file.items.size() == 4);
  CHECK(std::get<rules::tree::Rule>(parsed.file.items[0]).severity.has_value());
  CHECK_FALSE(std::get<rules::tree::Rule>(parsed.file.items[3]).broken);
}

TEST_CASE("parser: twenty different mistakes in one file are twenty diagnostics") {
  const Parsed parsed = parse_text(
      "cosnt LIMIT = 12.5\n"  // 1
      "event payment {\n"
      "  ts: time\n"  // 2
      "  card: string,\n"
      "  amount decimal(2),\n"        // 3
      "  channel: enum(pos ecom),\n"  // 4
      "}\n"
      "list cards: string = [\"a\", 'b']\n"            // 5
      "kind small = payment where amount == 5\n"       // 6
      "feature f = count(payment) by card over 10m\n"  // 7
      "rule one \"one\" {\n"
      "  by card,\n"                                              // 8
      "  when payment as p wher amount > 200 && card != \"x\"\n"  // 9, 10
      "  within 10min\n"                                          // 11
      "  sevrity high\n"                                          // 12
      "  severity low\n"                                          // 13
      "  alert \"{amount\"\n"                                     // 14
      "}\n"
      "rule two \"two\" {\n"
      "  when (payment then login\n"  // 15
      "  having count(p) >=\n"        // 16
      "  once per 1h\n"
      "  alert \"a \\q b\"\n"  // 17
      "}\n"
      "rule three \"three\" {\n"
      "  when no payment then login\n"    // 18
      "  alert \"x\" { a: 1 < 2 < 3 }\n"  // 19
      "\n"                                // 20: the brace of the rule
      "test one \"t\" { 0s payment {} expect no alert }\n");
  CHECK(summary(parsed) ==
        "E0120 1:1 `cosnt` begins no declaration\n"
        "E0125 3:11 a comma is missing\n"
        "E0101 5:10 expected `:`, found `decimal`\n"
        "E0125 6:20 a comma is missing\n"
        "E0117 8:28 a string is written in double quotes\n"
        "E0117 9:35 the language has no `==`\n"
        "E0101 10:41 a window has a length\n"
        "E0125 12:10 a comma too many\n"
        "E0101 13:21 expected `where`, found `wher`\n"
        "E0117 13:39 the language has no `&&`\n"
        "E0105 14:12 `min` is not a unit of time\n"
        "E0119 15:3 `sevrity` begins no clause\n"
        "E0118 16:3 a second `severity` in one rule\n"
        "E0122 17:10 a `{` that is never closed in the message\n"
        "E0113 20:8 this `(` is never closed\n"
        "E0101 22:3 expected an expression, found `once`\n"
        "E0110 23:12 strings have no escape `\\q`\n"
        "E0113 25:20 this `{` is never closed\n"
        "E0126 26:8 a pattern begins with an absence\n"
        "E0121 27:24 comparisons do not chain\n");
}
}  // namespace tocsin::tests
