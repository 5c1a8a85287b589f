// Every production of the grammar: what is legal is read without a word, keeps its shape, and
// prints back.
#include <doctest/doctest.h>

#include <string>

#include "rules/format/print.h"
#include "tests/rules/parse_support.h"

namespace tocsin::tests {
namespace {
using namespace rules;
using tree::ExprKind;

// The tree in prefix form, so that a table shows how tightly operators bind.
std::string shape(const tree::Expr& expr) {
  constexpr const char* kNames[] = {"error",
                                    "literal",
                                    "regex",
                                    "name",
                                    "prev",
                                    ".",
                                    "[]",
                                    "call",
                                    "list",
                                    "aggregate",
                                    "not",
                                    "neg",
                                    "and",
                                    "or",
                                    "+",
                                    "-",
                                    "*",
                                    "/",
                                    "%",
                                    "=",
                                    "!=",
                                    "<",
                                    "<=",
                                    ">",
                                    ">=",
                                    "between",
                                    "in",
                                    "not-in",
                                    "matches",
                                    "matches-any",
                                    "contains",
                                    "word",
                                    "contains-any",
                                    "contains-any-word",
                                    "starts",
                                    "ends",
                                    "missing",
                                    "known",
                                    "if"};
  std::string out;
  switch (expr.kind) {
    case ExprKind::kName:
      return expr.name.text;
    case ExprKind::kPrev:
      return "prev";
    case ExprKind::kLiteral:
      return expr.text.empty() ? cep::to_text(expr.literal.view()) : expr.text;
    case ExprKind::kRegex:
      return "/" + expr.text + (expr.ignore_case ? "/i" : "/");
    case ExprKind::kAggregate:
      return rules::print(expr);
    case ExprKind::kMember:
      return shape(*expr.args[0]) + "." + expr.name.text;
    case ExprKind::kCall:
      out = "(" + expr.name.text;
      break;
    default:
      out = std::string("(") + kNames[static_cast<std::size_t>(expr.kind)];
      break;
  }
  for (const auto& arg : expr.args) out += " " + shape(*arg);
  return out + ")";
}

void check_legal(const std::string& text) {
  CAPTURE(text);
  const Parsed parsed = parse_text(text);
  CHECK(rendered(parsed) == "");
  CHECK_FALSE(parsed.file.broken);
  check_spans(parsed);
  const std::string printed = rules::print(parsed.file);
  const Parsed again = parse_text(printed);
  CHECK(rendered(again) == "");
  CHECK(rules::print(again.file) == printed);
}
}  // namespace

TEST_CASE("parser: expressions have the shape that their operators give them") {
  struct Row {
    const char* text;
    const char* shape;
  };
  constexpr Row kRows[] = {
      {"a or b and not c = d", "(or a (and b (not (= c d))))"},
      {"a or b or c", "(or a b c)"},
      {"not not a", "(not (not a))"},
      {"a + b - c * d / e % f", "(- (+ a b) (% (/ (* c d) e) f))"},
      {"a - b - c", "(- (- a b) c)"},
      {"a - (b - c)", "(- a (- b c))"},
      {"-a * b", "(* (neg a) b)"},
      {"- -5", "(neg (neg 5))"},
      {"a - -5", "(- a (neg 5))"},
      {"a = b", "(= a b)"},
      {"(a = b) = c", "(= (= a b) c)"},
      {"a != 1_000", "(!= a 1_000)"},
      {"a < 2.50 and a <= 1e3 and a > 10m and a >= 2027-01-01",
       "(and (< a 2.50) (<= a 1e3) (> a 10m) (>= a 2027-01-01))"},
      {"ts > 2026-11-20T10:00:00+01:00", "(> ts 2026-11-20T10:00:00+01:00)"},
      {"a between 1 and 2 and b", "(and (between a 1 2) b)"},
      {"a between b + 1 and c", "(between a (+ b 1) c)"},
      {"a in xs", "(in a xs)"},
      {"a not in xs or b", "(or (not-in a xs) b)"},
      {"a in [1, -2, \"x\",]", "(in a (list 1 (neg 2) x))"},
      {"a in []", "(in a (list))"},
      {"a matches /x[/]/i", "(matches a /x[/]/i)"},
      {"a matches any of xs", "(matches-any a xs)"},
      {"a contains \"x\"", "(contains a x)"},
      {"a contains word \"x\"", "(word a x)"},
      {"a contains any of xs", "(contains-any a xs)"},
      {"a contains any word of xs", "(contains-any-word a xs)"},
      {"a starts with \"x\" and b ends with \"y\"", "(and (starts a x) (ends b y))"},
      {"a is missing or b.c is known", "(or (missing a) (known b.c))"},
      {"not a is missing", "(not (missing a))"},
      {"if a then b else c", "(if a b c)"},
      {"if a then b else if c then d else e", "(if a b (if c d e))"},
      {"(if a then 1 else 2) + 3 > 4", "(> (+ (if a 1 2) 3) 4)"},
      {"probes.first.merchant = a", "(= probes.first.merchant a)"},
      {"accounts[account].owner = t[a, b + 1].c",
       "(= ([] accounts account).owner ([] t a (+ b 1)).c)"},
      {"coalesce(a, b) = f()", "(= (coalesce a b) (f))"},
      {"prev.amount < amount", "(< prev.amount amount)"},
      {"true = not_ok and false", "(and (= true not_ok) false)"},
      {"min(a, b) > max(a, b, 3)", "(> min(a, b) max(a, b, 3))"},
      {"`true` = `not`", "(= true not)"},
      // Words are keywords only at their place.
      {"status = id and from = order", "(and (= status id) (= from order))"},
      {"when = within and by = alert", "(and (= when within) (= by alert))"},
      {"count = 3 and last = first", "(and (= count 3) (= last first))"},
      {"in in xs", "(in in xs)"},
      {"and and or", "(and and or)"},
      {"is is missing", "(missing is)"},
      {"contains contains word word", "(word contains word)"},
      {"between between and and or", "(between between and or)"},
      {"rule = test", "(= rule test)"},
      {"half + weight > 3", "(> (+ half weight) 3)"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const Parsed parsed = parse_text(std::string("kind k = p where ") + row.text);
    REQUIRE(rendered(parsed) == "");
    CHECK(shape(condition_of(parsed)) == row.shape);
    check_legal(std::string("kind k = p where ") + row.text);
  }
}

TEST_CASE("parser: aggregates keep what they are of, over and with") {
  struct Row {
    const char* text;
    std::size_t subjects;  // names that may be kinds
    bool of;
    std::size_t params;
    bool over;
  };
  constexpr Row kRows[] = {
      {"count(probes)", 1, false, 0, false},
      {"count(payment or login)", 2, false, 0, false},
      {"count(alert big or any alert or payment)", 3, false, 0, false},
      {"count(w.login where ok)", 0, false, 0, false},
      {"sum(probes.amount)", 0, false, 0, false},
      {"sum(amount + fee of payment or refund where ok unless alerted by big)", 0, true, 0, false},
      {"sum(if a then 1 else 0 of any alert)", 0, true, 0, false},
      {"distinct(a or b)", 2, false, 0, false},
      {"ewma(amount of payment, half life 7d)", 0, true, 1, false},
      {"ewma(amount of payment, weight 0.3)", 0, true, 1, false},
      {"percentile(amount of payment, 95)", 0, true, 1, false},
      {"max(a, b, c)", 1, false, 2, false},
      {"avg(weight of parcel, half)", 0, true, 1, false},
      {"count(payment) over last 10m", 1, false, 0, true},
      {"stddev_pop(a of p) over last 31d excluding last 1h", 0, true, 0, true},
      {"stddev(a of p) over last 20 events", 0, true, 0, true},
      {"first(a of p) over previous 1d", 0, true, 0, true},
      {"last(a of p) over previous 5 events within 1h", 0, true, 0, true},
      {"min(a of p) over previous ever", 0, true, 0, true},
      {"avg(a of p) over tumbling 1h", 0, true, 0, true},
      {"count(p) over today in \"Europe/Stockholm\"", 1, false, 0, true},
      {"count(p) over today in airport.tz", 1, false, 0, true},
      {"count(p) over this week in \"Europe/Stockholm\"", 1, false, 0, true},
      {"count(p) over this month in airport.tz", 1, false, 0, true},
      {"count(p) over this year in \"UTC\"", 1, false, 0, true},
      {"count(p) over session gap 30m", 1, false, 0, true},
      {"count(p) over ever every 1h needs 20 events", 1, false, 0, true},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const std::string text = std::string("kind k = p where ") + row.text + " >= 3";
    const Parsed parsed = parse_text(text);
    REQUIRE(rendered(parsed) == "");
    const tree::Expr& comparison = condition_of(parsed);
    REQUIRE(comparison.args[0]->kind == ExprKind::kAggregate);
    const tree::AggregateCall& call = *comparison.args[0]->aggregate;
    CHECK(call.subjects.size() == row.subjects);
    CHECK(call.of.has_value() == row.of);
    CHECK(call.params.size() == row.params);
    CHECK(call.over.has_value() == row.over);
    CHECK(rules::print(*comparison.args[0]) == row.text);
    check_legal(text);
  }
}

TEST_CASE("parser: declarations of every form") {
  for (const char* text : {
           "use \"../schema.tocsin\"",
           "event e {}",
           "event e from \"E\" { a: bool, b: int?, c: float, d: decimal(2)?, e: string, f: time, "
           "g: date, h: duration }",
           "event e { ts: time up to 30s late key, id: string id unique, x: int unique within 1d "
           "from \"a.b\" pii evidence }",
           "event e { c: enum(pos, \"a b\", `x y`)? = if a then pos else other, d: string = "
           "t[a].b, }",
           "event event { event: string, from: string from \"from\", id: int id, status: bool key "
           "}",
           "kind k = a | b where x | alert r | any alert where y or z",
           "kind any_alert = any alert",
           "kind `any` = `alert`",
           "list l: string = []",
           "list l: int = [1, -2, 3,]",
           "list l: decimal(2) = [1.00, -2.5]",
           "list l: text from \"phrases.txt\"",
           "list l: regex = [/a/, /b/i]",
           "table t key a { x: int } from \"t.csv\"",
           "table t key a, b { x: decimal(2)?, y: list of string, z: enum(p, q) } = { (\"A\", 1): "
           "{ x: 1.5, y: "
           "[\"a\", \"b\"], z: p }, (\"B\", -2): {}, }",
           "table airports key code { tz: string } = { \"NYC\": { tz: \"America/New_York\" } }",
           "const A = -1",
           "const A = \"x\"",
           "const A = 10m",
           "const A = 2027-01-01",
           "const A = 2026-11-20T10:00:00Z",
           "const A = true",
           "const A = word",
           "const A = /x/i",
           "const A = [[1, 2], [a]]",
           "const const = 1e-3",
           "defaults payment { currency: \"EUR\", channel: ecom, amount: -1.00, tags: [\"a\"], }",
           "defaults payment {}",
           "feature f = count(payment) by card over last 10m",
           "feature f = distinct(card of payment) by device, ip over previous 1d every 5m needs 3 "
           "events",
           "features of payment or alert big by card over ever { n = count, a = avg amount where x "
           "unless alerted by r, "
           "s = sum(amount), p = percentile(amount, 95), e = ewma(amount, weight 0.3), f = first x "
           "+ 1, l = last x }",
       }) {
    check_legal(text);
  }
}

TEST_CASE("parser: clauses of every form") {
  for (const char* clause : {
           "id a_1",
           "id \"a 1\"",
           "description \"x\"",
           "owner \"x\"",
           "severity high",
           "severity if count(a) > 3 then high else low",
           "tags a, \"b c\"",
           "references \"a\", \"b\"",
           "falsepositives \"a\"",
           "status draft",
           "status internal",
           "status shadow",
           "status live",
           "by card",
           "by card, device",
           "by id, status, when",
           "by account = payment.account | transfer.from_account",
           ("by account = transfer.to_account as got | transfer.from_account as sent | alert "
            "r.account, card"),
           "by a = any alert.key",
           "when a",
           "when session of a or b gap 30m as s",
           "when session of a gap 30m as s where count(s.a) >= 10 considering b",
           "when tumbling day in \"UTC\" of payment or login as d",
           "when tumbling month in \"Europe/Berlin\" of payment as m where count(m) > 3",
           "when tumbling 1h of payment as h where count(h where declined) > 0.3 * count(h)",
           "within 10m",
           "having count(a) > 3",
           "considering a or alert b",
           "without a",
           "without a or b where x for 1d",
           "after match no skip",
           "after match skip past last",
           "after match skip to next",
           "after match skip to first a",
           "after match skip to last a in order",
           "after match consume in order",
           "prefer latest",
           "except \"x\" where a expires 2027-01-01",
           "except \"x\" where a except \"y\" where b",
           "once per 1h",
           "once per 1h for each ip, hit.user",
           "once per hit",
           "once per day",
           "once per day in \"Europe/Stockholm\"",
           "once per day in home.tz for each a",
           "once per week in \"UTC\"",
           "once per month in home.tz",
           "once per year in \"UTC\" for each a, b",
           "once per month for each a",
           "once while a > 3",
           "at most 5 per 1d",
           "at most 5 per 1d for each a",
           "alert \"x\"",
           "alert \"x\" {}",
           "alert \"{a} {{b}} {c.d + 1} {coalesce(a, \\\"x\\\")}\" { score: 60 + 5 * count(a), at: "
           "b, }",
           "alert \"\"",
       }) {
    check_legal(std::string("rule r \"t\" { ") + clause + " }");
  }
}

TEST_CASE("parser: clauses in any order, and each where it stands in the tree") {
  const Parsed parsed = parse_text(
      "rule r \"t\" { alert \"{a}\" once per 1h when a within 2m by k severity low tags x prefer "
      "latest }");
  REQUIRE(rendered(parsed) == "");
  const auto& rule = std::get<tree::Rule>(parsed.file.items[0]);
  CHECK(rule.name.text == "r");
  CHECK(rule.title.text == "t");
  CHECK(rule.alert.has_value());
  CHECK(rule.once.has_value());
  CHECK(rule.when.has_value());
  CHECK(rule.within->duration.value == cep::Duration{120'000'000});
  CHECK(rule.by->parts.size() == 1);
  CHECK(rule.prefer_latest.has_value());
  CHECK(rule.order.size() == 8);
  CHECK(rule.order.front() == tree::ClauseKind::kAlert);
}

TEST_CASE("parser: patterns of every form") {
  for (const char* pattern : {
           "a then b",
           "a then first b",
           "a then next b",
           "a then within 2m b",
           "a then first within 2m b as c",
           "a then next within 2m (b then c)",
           "a then no b then c",
           "a then no b for 5m",
           "a then no next b",
           "a then no b or alert c where x for 1h30m",
           "3 a",
           "3+ a as b where c",
           "0..4 a",
           "2..4 next a",
           "3+ each a",
           "3+ greedy a",
           "2+ next greedy a",
           "optional a then b",
           "optional 3 a then b",
           "a as x where y until b or c where z",
           "1+ a until b then c",
           "(a then b)",
           "3+ (a then b)",
           "optional (a) then b",
           "one of { a, b then c } as x then d",
           "2 one of { a, }",
           "one of { a }",
           "all of { a, 2 b as c, one of { d, e } }",
           "3 next all of { a, b }",
           "alert x as y then any alert",
           "`next` then `one`",
           "a as then then then",
       }) {
    check_legal(std::string("rule r \"t\" { when ") + pattern + " }");
  }
}

TEST_CASE("parser: a pattern's parts stand where they belong") {
  const Parsed parsed = parse_text(
      "rule r \"t\" { when 2..4 each probe or login as p where x until logout where y "
      "then next within 5m one of { a, b } as c then no d for 1m }");
  REQUIRE(rendered(parsed) == "");
  const auto& rule = std::get<tree::Rule>(parsed.file.items[0]);
  const auto& elements = std::get<tree::Pattern>(rule.when->what).elements;
  REQUIRE(elements.size() == 3);
  const auto& loop = std::get<tree::Step>(elements[0].body);
  CHECK(loop.count->min.value == 2);
  CHECK(loop.count->max->value == 4);
  CHECK(loop.count->mode == tree::LoopWord::kEach);
  CHECK_FALSE(loop.count->or_more);
  CHECK(loop.kinds.refs.size() == 2);
  CHECK(loop.as->text == "p");
  CHECK(loop.where != nullptr);
  CHECK(loop.until->kinds.refs[0].name.text == "logout");
  CHECK(elements[1].link == tree::Link::kThenNext);
  CHECK(elements[1].within->value == cep::Duration{300'000'000});
  const auto& choice = std::get<tree::Step>(elements[1].body);
  CHECK(choice.form == tree::StepForm::kOneOf);
  CHECK(choice.patterns.size() == 2);
  CHECK(choice.as->text == "c");
  const auto& absence = std::get<tree::Absence>(elements[2].body);
  CHECK_FALSE(absence.next);
  CHECK(absence.absent_for->value == cep::Duration{60'000'000});
}

TEST_CASE("parser: tests of every form") {
  for (const char* body : {
           "expect no alert",
           "expect alert",
           "expect alert at 60s",
           "expect alert 2 times",
           "expect alert {}",
           "expect alert 2 times at 1m { card: \"c1\", total: -3.49 } expect alert at 2m",
           ("starting 2026-03-02T12:00:00+01:00 0s p { a: 1 } 10s p {} until 1h 0s q { b: [x] } "
            "until 2h expect no alert"),
           "until 5m expect no alert",
       }) {
    check_legal(std::string("test r \"t\" { ") + body + " }");
  }
}

TEST_CASE("parser: spans are those of the words") {
  const std::string text =
      "rule r \"t\" { when a where amount > limit.max alert \"{amount} \\u00e9{ b+1 }\" }";
  const Parsed parsed = parse_text(text);
  REQUIRE(rendered(parsed) == "");
  const auto& rule = std::get<tree::Rule>(parsed.file.items[0]);
  const auto words = [&](const SourceSpan& span) {
    return text.substr(span.begin, span.end - span.begin);
  };
  CHECK(words(rule.span) == text);
  CHECK(words(rule.name.span) == "r");
  CHECK(words(rule.when->keyword_span) == "when");
  CHECK(words(rule.when->span) == "when a where amount > limit.max");
  const auto& step =
      std::get<tree::Step>(std::get<tree::Pattern>(rule.when->what).elements[0].body);
  CHECK(words(step.where_span) == "where");
  CHECK(words(step.where->span) == "amount > limit.max");
  CHECK(words(step.where->op_span) == ">");
  CHECK(words(step.where->args[1]->span) == "limit.max");
  CHECK(words(step.where->args[1]->name.span) == "max");
  // Expressions in a message point into the file, also behind an escape.
  REQUIRE(rule.alert->parts.size() == 3);
  CHECK(words(rule.alert->parts[0].span) == "amount");
  CHECK(rule.alert->parts[1].text == " \xC3\xA9");
  CHECK(words(rule.alert->parts[2].span) == "b+1");
  CHECK(words(rule.alert->parts[2].expr->op_span) == "+");
}

}  // namespace tocsin::tests
