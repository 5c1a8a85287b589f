// Words, expressions and patterns.
#include <string>
#include <vector>

#include "cep/plan/aggregate.h"
#include "tests/support/syntax_writer.h"

namespace tocsin::tests {
void SyntaxWriter::name(std::initializer_list<std::string_view> excluded) {
  static const std::vector<std::string> kNames = {
      "a",        "b",           "amount",     "card",     "payment", "x1",          "use",
      "allow",    "event",       "kind",       "list",     "table",   "const",       "defaults",
      "feature",  "features",    "rule",       "test",     "id",      "description", "owner",
      "severity", "tags",        "references", "status",   "by",      "when",        "within",
      "having",   "considering", "without",    "after",    "prefer",  "except",      "once",
      "at",       "alert",       "where",      "and",      "or",      "not",         "in",
      "is",       "between",     "matches",    "contains", "starts",  "ends",        "with",
      "then",     "else",        "if",         "true",     "false",   "prev",        "next",
      "first",    "each",        "greedy",     "optional", "no",      "one",         "all",
      "any",      "of",          "as",         "until",    "for",     "unless",      "over",
      "last",     "previous",    "ever",       "tumbling", "session", "today",       "this",
      "gap",      "every",       "needs",      "events",   "word",    "missing",     "known",
      "half",     "life",        "weight",     "per",      "day",     "most",        "match",
      "skip",     "past",        "to",         "consume",  "order",   "latest",      "expires",
      "expect",   "starting",    "times",      "key",      "from",    "pii",         "evidence",
      "unique",   "up",          "late",       "count",    "sum",     "avg",         "min",
      "max",      "distinct",    "early",      "model",    "NOT",     "AND",         "Where",
      "WITHIN",   "wher",        "whn",        "lst",      "null",    "select",      "sequence"};
  std::string word = random_.pick(kNames);
  if (chance(5)) return put("`two words`");
  for (const std::string_view other : excluded) {
    if (word == other) return put("`" + word + "`");
  }
  put(word);
}
void SyntaxWriter::step_name(bool counted) {
  if (counted) {
    return name({"no", "optional", "next", "first", "within", "one", "all", "any", "alert",
                 "session", "tumbling", "each", "greedy"});
  }
  name({"no", "optional", "next", "first", "within", "one", "all", "any", "alert", "session",
        "tumbling"});
}
void SyntaxWriter::kindref() {
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
void SyntaxWriter::kinds() {
  kindref();
  while (chance(25)) {
    put("or");
    kindref();
  }
}
void SyntaxWriter::kinds_or_variables() {
  many(
      30,
      [this] {
        if (chance(40)) return put(chance(50) ? "any alert" : "alert big");
        name({"alert", "any", "not", "true", "false", "if", "prev"});
      },
      "or");
}
void SyntaxWriter::step_kinds(bool counted) {
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
void SyntaxWriter::duration() {
  put(random_.pick<const char*>({"10m", "1h30m", "500ms", "7d", "0s", "1_000s"}));
}
void SyntaxWriter::string() {
  put(random_.pick<const char*>(
      {"\"x\"", "\"\"", "\"a \\\"b\\\" \\u00e9\"", "\"# / '\"",
       "\"a text that is long enough to have no room on a line with anything else\""}));
}
void SyntaxWriter::integer() { put(random_.pick<const char*>({"1", "2", "10_000"})); }
void SyntaxWriter::zone() {
  if (chance(50)) return string();
  name();
  if (!chance(30)) return;
  put(".");
  name();
}
void SyntaxWriter::where() {
  if (!chance(40)) return;
  put("where");
  expr();
}
// ---- expressions
void SyntaxWriter::expr() {
  if (++depth_ > options_.depth_max) {
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
void SyntaxWriter::choice() {
  put("if");
  expr();
  put("then");
  expr();
  put("else");
  expr();
}
void SyntaxWriter::conj() {
  many(
      20, [this] { neg(); }, "and");
}
void SyntaxWriter::neg() {
  if (chance(10)) put("not");
  comparison();
}
void SyntaxWriter::comparison() {
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
void SyntaxWriter::sum() {
  many(
      10, [this] { product(); }, chance(50) ? "+" : "-");
}
void SyntaxWriter::product() {
  many(
      10, [this] { unary(); }, random_.pick<const char*>({"*", "/", "%"}));
}
void SyntaxWriter::unary() {
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
void SyntaxWriter::operand_name() { name({"not", "true", "false", "if", "prev"}); }
void SyntaxWriter::primary() {
  if (depth_ >= options_.depth_max) return operand_name();
  switch (random_.below(10)) {
    case 0:
      return put(random_.pick<const char*>({"12", "1_0", "2.50", "1e-3"}));
    case 1:
      return put(random_.pick<const char*>(
          {"10m", "2027-01-01", "2026-11-20T10:00:00Z", "true", "false", "prev"}));
    case 2:
      return string();
    case 3:
      if (depth_ + 1 < options_.depth_max && chance(30)) {
        put("(");
        put("(");
        expr();
        put(")");
      } else {
        put("(");
        expr();
      }
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
        if (chance(20)) put("all");
        window();
      }
      return;
    default:
      return operand_name();
  }
}
void SyntaxWriter::aggregate() {
  put(cep::kAggregateTraits[random_.below(cep::kAggregateTraits.size())].name);
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
    parameter();
  }
  put(")");
}
void SyntaxWriter::parameter() {
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
void SyntaxWriter::unless() {
  if (!chance(15)) return;
  put("unless");
  put("alerted");
  put("by");
  name();
}
void SyntaxWriter::window_where() {
  // Without it a `where (` behind the window would be read as the window's.
  put("where");
  put("(");
  expr();
  put(")");
}
void SyntaxWriter::window() {
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
      window_where();
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
      window_where();
      break;
    case 4:
      put("tumbling");
      duration();
      break;
    case 5:
      if (chance(50)) {
        put("today");
      } else {
        put("this");
        put(chance(50) ? "month" : "week");
      }
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
void SyntaxWriter::pattern() {
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
void SyntaxWriter::absence() {
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
void SyntaxWriter::step() {
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
        if (chance(20)) put(",");
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
        if (chance(20)) put(",");
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
}  // namespace tocsin::tests
