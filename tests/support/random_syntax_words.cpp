// Random sentences of the grammar: tokens, words and values.
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/support/syntax_writer.h"

namespace tocsin::tests {
void SyntaxTokens::put(std::string_view token) {
  if (!with_comments_) {
    text_ += random_.pick<const char*>({" ", " ", " ", "\n", "\n  ", "\t", " # comment\n", "\r\n"});
  } else {
    const std::size_t percent = random_.pick<std::size_t>({0, 0, 3, 20});
    bool any = false;
    while (random_.chance(percent)) {
      comment();
      any = true;
    }
    if (!any)
      text_ += random_.pick<const char*>({" ", " ", " ", " ", "\n", "\n  ", "\n\n", "\r\n\r\n\t"});
  }
  text_ += token;
}

// A comment and the end of its line; each has a number of its own.
void SyntaxTokens::comment() {
  text_ += fmt::format("{}#{} {}{}{}", random_.pick<const char*>({" ", "  ", "\n", "\n\n  ", ""}),
                       random_.pick<const char*>({"", " c", " \"}", " // {", "## \xC3\xA9"}),
                       ++comments_, random_.pick<const char*>({"", "", "  ", "\t"}),
                       random_.pick<const char*>({"\n", "\n", "\r\n", "\n\n", "\r", "\n \n\n\n"}));
}

std::string SyntaxTokens::end() {
  if (with_comments_ && random_.chance(30)) comment();
  if (random_.chance(50)) text_ += "\n";
  return std::move(text_);
}

// ---- words
void SyntaxWords::name(std::initializer_list<std::string_view> excluded) {
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
  if (random_.chance(5)) return out_.put("`two words`");
  for (const std::string_view other : excluded) {
    if (word == other) return out_.put("`" + word + "`");
  }
  out_.put(word);
}
void SyntaxWords::kindref() {
  switch (random_.below(5)) {
    case 0:
      out_.put("alert");
      return name();
    case 1:
      out_.put("any");
      return out_.put("alert");
    default:
      return name({"alert", "any"});
  }
}
void SyntaxWords::kinds() {
  kindref();
  while (random_.chance(25)) {
    out_.put("or");
    kindref();
  }
}
void SyntaxWords::key_members() {
  out_.many(
      30,
      [this] {
        kindref();
        out_.put(".");
        name();
        if (random_.chance(30)) {
          out_.put("as");
          name();
        }
      },
      "|");
}
void SyntaxWords::duration() {
  out_.put(random_.pick<const char*>({"10m", "1h30m", "500ms", "7d", "0s", "1_000s"}));
}
void SyntaxWords::string() {
  out_.put(random_.pick<const char*>(
      {"\"x\"", "\"\"", "\"a \\\"b\\\" \\u00e9\"", "\"# / '\"",
       "\"a text that is long enough to have no room on a line with anything else\""}));
}
void SyntaxWords::integer() { out_.put(random_.pick<const char*>({"1", "2", "10_000"})); }
void SyntaxWords::zone() {
  if (random_.chance(50)) return string();
  name();
  if (!random_.chance(30)) return;
  out_.put(".");
  name();
}
void SyntaxWords::word() { random_.chance(20) ? string() : name(); }
// ---- values
void SyntaxWords::literal() {
  switch (random_.below(6)) {
    case 0:
      return name({"true", "false"});
    case 1:
      out_.put("-");
      return out_.put("1.50");
    case 2:
      out_.put("[");
      out_.entries([this] { out_.put("1"); });
      return out_.put("]");
    case 3:
      return string();
    default:
      return out_.put(random_.pick<const char*>({"5", "1e3", "true", "10m", "2027-01-01", "/x/i"}));
  }
}
void SyntaxWords::record() {
  out_.put("{");
  out_.entries([this] {
    name();
    out_.put(":");
    literal();
  });
  out_.put("}");
}
}  // namespace tocsin::tests
