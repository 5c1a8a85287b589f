// Random legal files, in which every name may be a keyword of some other place: none of them is
// taken for a mistake.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "rules/print.h"
#include "tests/rules/parse_support.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
// Writes sentences of the grammar, production by production, in tokens with any blanks between
// them.
class Writer {
 public:
  explicit Writer(Random& random) : random_(random) {}

  std::string file() {
    const std::size_t count = 1 + random_.below(4);
    for (std::size_t i = 0; i < count; ++i) declaration();
    return std::move(out_);
  }

 private:
  void put(std::string_view token) {
    out_ += random_.pick<const char*>({" ", " ", " ", "\n", "\n  ", "\t", " # comment\n", "\r\n"});
    out_ += token;
  }
  bool chance(std::size_t percent) { return random_.chance(percent); }

  // Any word, but for those that the place excludes; those are back-quoted.
  void name(std::initializer_list<std::string_view> excluded = {}) {
    static const std::vector<std::string> kNames = {
        "a",           "b",          "amount",   "card",    "payment",     "x1",       "use",
        "event",       "kind",       "list",     "table",   "const",       "defaults", "feature",
        "features",    "rule",       "test",     "id",      "description", "owner",    "severity",
        "tags",        "references", "status",   "by",      "when",        "within",   "having",
        "considering", "without",    "after",    "prefer",  "except",      "once",     "at",
        "alert",       "where",      "and",      "or",      "not",         "in",       "is",
        "between",     "matches",    "contains", "starts",  "ends",        "with",     "then",
        "else",        "if",         "true",     "false",   "prev",        "next",     "first",
        "each",        "greedy",     "optional", "no",      "one",         "all",      "any",
        "of",          "as",         "until",    "for",     "unless",      "over",     "last",
        "previous",    "ever",       "tumbling", "session", "today",       "gap",      "every",
        "needs",       "events",     "word",     "missing", "known",       "half",     "life",
        "weight",      "per",        "day",      "most",    "match",       "skip",     "past",
        "to",          "consume",    "order",    "latest",  "expires",     "expect",   "starting",
        "times",       "key",        "from",     "pii",     "evidence",    "unique",   "up",
        "late",        "count",      "sum",      "avg",     "min",         "max",      "distinct",
        "early",       "model",      "NOT",      "AND",     "Where",       "WITHIN",   "wher",
        "whn",         "lst",        "null",     "select",  "sequence"};
    std::string word = random_.pick(kNames);
    if (chance(5)) return put("`two words`");
    for (const std::string_view other : excluded) {
      if (word == other) return put("`" + word + "`");
    }
    put(word);
  }
  void step_name(bool counted) {
    if (counted) {
      return name({"no", "optional", "next", "first", "within", "one", "all", "any", "alert",
                   "session", "tumbling", "each", "greedy"});
    }
    name({"no", "optional", "next", "first", "within", "one", "all", "any", "alert", "session",
          "tumbling"});
  }
  void kindref() {
    switch (random_.below(5)) {
      case 0:
        put("alert");
        return name();
      case 1:
        put("any");
        return put("alert");
      default:
        return name({"alert", "any"});
    }
  }
  void kinds() {
    kindref();
    while (chance(25)) {
      put("or");
      kindref();
    }
  }
  // In an aggregate a kind stands where an operand may.
  void kinds_or_variables() {
    many(
        30,
        [this] {
          if (chance(40)) return put(chance(50) ? "any alert" : "alert big");
          name({"alert", "any", "not", "true", "false", "if", "prev"});
        },
        "or");
  }
  void step_kinds(bool counted) {
    if (chance(80)) {
      step_name(counted);
    } else {
      put("alert");
      name();
    }
    if (!chance(20)) return;
    put("or");
    kindref();
  }
  void duration() {
    put(random_.pick<const char*>({"10m", "1h30m", "500ms", "7d", "0s", "1_000s"}));
  }
  void string() {
    put(random_.pick<const char*>({"\"x\"", "\"\"", "\"a \\\"b\\\" \\u00e9\"", "\"# / '\""}));
  }
  void integer() { put(random_.pick<const char*>({"1", "2", "10_000"})); }
  void zone() {
    if (chance(50)) return string();
    name();
    if (!chance(30)) return;
    put(".");
    name();
  }
  void where() {
    if (!chance(40)) return;
    put("where");
    expr();
  }
  void many(int percent, auto item, std::string_view separator) {
    item();
    while (chance(static_cast<std::size_t>(percent))) {
      put(separator);
      item();
    }
  }
  void entries(auto item) {
    if (chance(10)) return;
    many(50, item, ",");
    if (chance(30)) put(",");
  }

  // ---- expressions
  void expr() {
    if (++depth_ > 6) {
      --depth_;
      return operand_name();
    }
    if (chance(8)) {
      choice();
    } else {
      many(
          20, [this] { conj(); }, "or");
    }
    --depth_;
  }
  void choice() {
    put("if");
    expr();
    put("then");
    expr();
    put("else");
    expr();
  }
  void conj() {
    many(
        20, [this] { neg(); }, "and");
  }
  void neg() {
    if (chance(10)) put("not");
    comparison();
  }
  void comparison() {
    sum();
    switch (random_.below(14)) {
      case 0:
        put("between");
        sum();
        put("and");
        return sum();
      case 1:
        if (chance(50)) put("not");
        put("in");
        return sum();
      case 2:
        put("matches");
        if (!chance(50)) return put(random_.pick<const char*>({"/a/", "/[/]\\/\"/i", "/= 'x/"}));
        put("any");
        put("of");
        return sum();
      case 3:
        put("contains");
        if (chance(50)) {
          put("any");
          if (chance(50)) put("word");
          put("of");
        } else if (chance(50)) {
          put("word");
        } else {
          return string();
        }
        return sum();
      case 4:
        put(chance(50) ? "starts" : "ends");
        put("with");
        return sum();
      case 5:
        put("is");
        return put(chance(50) ? "missing" : "known");
      case 6:
      case 7:
      case 8:
        put(random_.pick<const char*>({"=", "!=", "<", "<=", ">", ">="}));
        return sum();
      default:
        return;
    }
  }
  void sum() {
    many(
        10, [this] { product(); }, chance(50) ? "+" : "-");
  }
  void product() {
    many(
        10, [this] { unary(); }, random_.pick<const char*>({"*", "/", "%"}));
  }
  void unary() {
    if (chance(5)) put("-");
    primary();
    while (chance(15)) {
      if (chance(60)) {
        put(".");
        name();
      } else {
        put("[");
        many(
            30, [this] { expr(); }, ",");
        put("]");
      }
    }
  }
  void operand_name() { name({"not", "true", "false", "if", "prev"}); }
  void primary() {
    if (depth_ > 5) return operand_name();
    switch (random_.below(10)) {
      case 0:
        return put(random_.pick<const char*>({"12", "1_0", "2.50", "1e-3"}));
      case 1:
        return put(random_.pick<const char*>(
            {"10m", "2027-01-01", "2026-11-20T10:00:00Z", "true", "false", "prev"}));
      case 2:
        return string();
      case 3:
        put("(");
        expr();
        return put(")");
      case 4:
        put("[");
        entries([this] { expr(); });
        return put("]");
      case 5:
        put("coalesce");
        put("(");
        if (chance(80))
          many(
              40, [this] { expr(); }, ",");
        return put(")");
      case 6:
        aggregate();
        if (chance(40)) {
          put("over");
          window();
        }
        return;
      default:
        return operand_name();
    }
  }
  void aggregate() {
    put(random_.pick<const char*>({"count", "sum", "avg", "min", "max", "stddev", "stddev_pop",
                                   "distinct", "first", "last", "ewma", "percentile"}));
    put("(");
    if (chance(30)) {
      kinds_or_variables();
    } else {
      // A term does not begin with `alert` or `any`.
      put("amount");
      if (chance(30)) {
        put("+");
        primary();
      }
      if (chance(60)) {
        put("of");
        kinds();
      }
    }
    where();
    unless();
    while (chance(20)) {
      put(",");
      if (chance(30)) {
        put("half");
        put("life");
        duration();
      } else if (chance(30)) {
        put("weight");
        put("0.3");
      } else {
        expr();
      }
    }
    put(")");
  }
  void unless() {
    if (!chance(15)) return;
    put("unless");
    put("alerted");
    put("by");
    name();
  }
  void window() {
    switch (random_.below(8)) {
      case 0:
        put("last");
        duration();
        if (chance(30)) {
          put("excluding");
          put("last");
          duration();
        }
        break;
      case 1:
        put("last");
        integer();
        put("events");
        break;
      case 2:
        put("previous");
        duration();
        break;
      case 3:
        put("previous");
        integer();
        put("events");
        // Without it a clause `within` behind the window would be read as the window's.
        put("within");
        duration();
        break;
      case 4:
        put("tumbling");
        duration();
        break;
      case 5:
        put("today");
        put("in");
        zone();
        break;
      case 6:
        put("session");
        put("gap");
        duration();
        break;
      default:
        if (chance(50)) put("previous");
        put("ever");
        break;
    }
    if (chance(20)) {
      put("every");
      duration();
    }
    if (chance(20)) {
      put("needs");
      integer();
      put("events");
    }
  }

  // ---- patterns
  void pattern() {
    ++depth_;
    step();
    while (chance(40)) {
      put("then");
      if (chance(25)) {
        absence();
        continue;
      }
      if (chance(30)) put(chance(50) ? "next" : "first");
      if (chance(20)) {
        put("within");
        duration();
      }
      step();
    }
    --depth_;
  }
  void absence() {
    put("no");
    if (chance(30)) {
      put("next");
      name({"alert", "any", "next"});
    } else {
      name({"alert", "any", "next"});
    }
    where();
    if (!chance(40)) return;
    put("for");
    duration();
  }
  void step() {
    if (chance(10)) put("optional");
    const bool counted = chance(30);
    if (counted) {
      integer();
      if (chance(50)) {
        put("+");
      } else if (chance(30)) {
        put("..");
        integer();
      }
      if (chance(30)) put(chance(50) ? "next" : "each");
      if (chance(20)) put("greedy");
    }
    if (depth_ < 4 && chance(20)) {
      switch (random_.below(3)) {
        case 0:
          put("(");
          pattern();
          return put(")");
        case 1:
          put("one");
          put("of");
          put("{");
          many(
              40, [this] { pattern(); }, ",");
          put("}");
          if (!chance(50)) return;
          put("as");
          return name();
        default:
          put("all");
          put("of");
          put("{");
          many(
              40,
              [this] {
                ++depth_;
                step();
                --depth_;
              },
              ",");
          return put("}");
      }
    }
    step_kinds(counted);
    if (chance(40)) {
      put("as");
      name();
    }
    where();
    if (!chance(10)) return;
    put("until");
    kinds();
    where();
  }

  // ---- declarations
  void literal() {
    switch (random_.below(6)) {
      case 0:
        return name({"true", "false"});
      case 1:
        put("-");
        return put("1.50");
      case 2:
        put("[");
        entries([this] { put("1"); });
        return put("]");
      case 3:
        return string();
      default:
        return put(random_.pick<const char*>({"5", "1e3", "true", "10m", "2027-01-01", "/x/i"}));
    }
  }
  void record() {
    put("{");
    entries([this] {
      name();
      put(":");
      literal();
    });
    put("}");
  }
  void type() {
    switch (random_.below(5)) {
      case 0:
        put("decimal");
        put("(");
        put("2");
        put(")");
        break;
      case 1:
        put("enum");
        put("(");
        many(
            50, [this] { name(); }, ",");
        put(")");
        break;
      default:
        put(random_.pick<const char*>(
            {"bool", "int", "float", "string", "time", "date", "duration"}));
        break;
    }
    if (chance(30)) put("?");
  }
  void field() {
    name();
    put(":");
    type();
    while (chance(30)) {
      switch (random_.below(4)) {
        case 0:
          put("up");
          put("to");
          duration();
          put("late");
          break;
        case 1:
          put("unique");
          if (!chance(50)) break;
          put("within");
          duration();
          break;
        case 2:
          put("from");
          string();
          break;
        default:
          put(random_.pick<const char*>({"id", "key", "pii", "evidence"}));
          break;
      }
    }
    if (!chance(20)) return;
    put("=");
    expr();
  }
  void declaration() {
    switch (random_.below(12)) {
      case 0:
        put("use");
        return string();
      case 1:
        put("event");
        name();
        if (chance(30)) {
          put("from");
          string();
        }
        put("{");
        entries([this] { field(); });
        return put("}");
      case 2:
        put("kind");
        name();
        put("=");
        return many(
            40,
            [this] {
              kindref();
              where();
            },
            "|");
      case 3:
        put("list");
        name();
        put(":");
        put(random_.pick<const char*>({"string", "int", "text", "regex"}));
        put("=");
        put("[");
        entries([this] { literal(); });
        return put("]");
      case 4:
        put("table");
        name();
        put("key");
        many(
            30, [this] { name(); }, ",");
        put("{");
        entries([this] {
          name();
          put(":");
          type();
        });
        put("}");
        put("from");
        return string();
      case 5:
        put("const");
        name();
        put("=");
        return literal();
      case 6:
        put("defaults");
        name();
        return record();
      case 7:
        put("feature");
        name();
        put("=");
        aggregate();
        put("by");
        many(
            30, [this] { name(); }, ",");
        put("over");
        return window();
      case 8:
        put("features");
        put("of");
        kinds();
        put("by");
        many(
            30, [this] { name(); }, ",");
        put("over");
        window();
        put("{");
        entries([this] {
          name();
          put("=");
          if (chance(30)) {
            put("count");
          } else {
            put("avg");
            expr();
          }
          where();
          unless();
        });
        return put("}");
      case 9:
        return test();
      default:
        return rule();
    }
  }
  void rule() {
    put("rule");
    name();
    string();
    put("{");
    std::vector<int> clauses = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    for (std::size_t i = clauses.size(); i > 1; --i)
      std::swap(clauses[i - 1], clauses[random_.below(i)]);
    clauses.resize(random_.below(clauses.size() + 1));
    for (const int clause : clauses) this->clause(clause);
    put("}");
  }
  void each() {
    if (!chance(30)) return;
    put("for");
    put("each");
    many(
        30, [this] { expr(); }, ",");
  }
  void clause(int which) {
    switch (which) {
      case 0:
        put("id");
        return name();
      case 1:
        put("description");
        return string();
      case 2:
        put("severity");
        return expr();
      case 3:
        put("tags");
        return many(
            40, [this] { name(); }, ",");
      case 4:
        put("references");
        return many(
            40, [this] { string(); }, ",");
      case 5:
        put("status");
        return put("shadow");
      case 6:
        put("by");
        return many(
            40,
            [this] {
              name();
              if (!chance(30)) return;
              put("=");
              many(
                  30,
                  [this] {
                    kindref();
                    put(".");
                    name();
                    if (chance(30)) {
                      put("as");
                      name();
                    }
                  },
                  "|");
            },
            ",");
      case 7:
        put("when");
        if (!chance(20)) return pattern();
        put("session");
        put("of");
        kinds();
        put("gap");
        duration();
        put("as");
        name();
        return where();
      case 8:
        put("within");
        return duration();
      case 9:
        put("having");
        return expr();
      case 10:
        put("considering");
        return kinds();
      case 11:
        put("without");
        kinds();
        where();
        if (!chance(30)) return;
        put("for");
        return duration();
      case 12:
        put("after");
        put("match");
        put("skip");
        put("to");
        put("first");
        name();
        if (!chance(30)) return;
        put("in");
        return put("order");
      case 13:
        put("except");
        string();
        put("where");
        expr();
        if (!chance(30)) return;
        put("expires");
        return put("2027-01-01");
      case 14:
        put("once");
        if (chance(30)) {
          put("while");
          expr();
        } else {
          put("per");
          if (chance(50)) {
            duration();
          } else {
            name();
          }
        }
        return each();
      default:
        put("alert");
        put("\"{amount} {{x}}\"");
        if (!chance(50)) return;
        put("{");
        entries([this] {
          name();
          put(":");
          expr();
        });
        return put("}");
    }
  }
  void test() {
    put("test");
    name();
    string();
    put("{");
    if (chance(30)) {
      put("starting");
      put("2026-03-02T12:00:00Z");
    }
    while (chance(60)) {
      if (chance(20)) {
        put("until");
        duration();
      } else {
        duration();
        name();
        record();
      }
    }
    put("expect");
    if (chance(40)) {
      put("no");
      put("alert");
    } else {
      put("alert");
      if (chance(40)) {
        put("at");
        duration();
      }
      if (chance(50)) record();
    }
    put("}");
  }

  Random& random_;
  std::string out_;
  int depth_ = 0;
};
}  // namespace

TEST_CASE(
    "parser: legal files are read without a word, whatever their names, and print back the same") {
  for_all_seeds("RULES", 2000, [](Random& random) {
    const std::string text = Writer(random).file();
    INFO(text);
    const Parsed parsed = parse_text(text);
    INFO(rendered(parsed));
    REQUIRE(parsed.diagnostics.empty());
    check_spans(parsed);
    const std::string printed = rules::print(parsed.file);
    INFO(printed);
    const Parsed again = parse_text(printed);
    INFO(rendered(again));
    REQUIRE(again.diagnostics.empty());
    REQUIRE(rules::print(again.file) == printed);
  });
}
}  // namespace tocsin::tests
