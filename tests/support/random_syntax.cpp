// Random sentences of the grammar: files with their declarations, and tests.
#include "tests/support/random_syntax.h"

#include <vector>

#include "cep/plan/aggregate.h"
#include "tests/support/syntax_writer.h"

namespace tocsin::tests {
namespace {
// Names of those with an argument.
std::vector<const char*> aggregates_with(bool has_parameter) {
  std::vector<const char*> names;
  for (const cep::AggregateTraits& traits : cep::kAggregateTraits) {
    const bool has_one = traits.parameter != cep::AggregateParameter::kNone;
    if (traits.takes != cep::AggregateInput::kNothing && has_one == has_parameter) {
      names.push_back(traits.name);
    }
  }
  return names;
}
}  // namespace

std::string random_rule_file(Random& random, const SyntaxOptions& options) {
  return SyntaxWriter(random, options).file();
}

std::string SyntaxWriter::file() {
  const std::size_t count = 1 + random_.below(4);
  for (std::size_t i = 0; i < count; ++i) declaration();
  return out_.end();
}

// ---- declarations
void SyntaxWriter::type() {
  switch (random_.below(5)) {
    case 0:
      out_.put("decimal");
      out_.put("(");
      out_.put("2");
      out_.put(")");
      break;
    case 1:
      out_.put("enum");
      out_.put("(");
      out_.many(
          50, [this] { words_.word(); }, ",");
      if (random_.chance(20)) out_.put(",");
      out_.put(")");
      break;
    default:
      out_.put(random_.pick<const char*>(
          {"bool", "int", "float", "string", "time", "date", "duration"}));
      break;
  }
  if (random_.chance(30)) out_.put("?");
}
void SyntaxWriter::field() {
  words_.name();
  out_.put(":");
  type();
  while (random_.chance(30)) {
    switch (random_.below(6)) {
      case 4:
        out_.put("in");
        out_.put(random_.pick<const char*>({"s", "ms", "us", "ns"}));
        break;
      case 5:
        out_.put("from");
        out_.put("1970");
        break;
      case 0:
        out_.put("up");
        out_.put("to");
        words_.duration();
        out_.put("late");
        break;
      case 1:
        out_.put("unique");
        if (!random_.chance(50)) break;
        out_.put("within");
        words_.duration();
        break;
      case 2:
        out_.put("from");
        words_.string();
        break;
      default:
        out_.put(random_.pick<const char*>({"id", "key", "pii", "evidence"}));
        break;
    }
  }
  if (!random_.chance(20)) return;
  out_.put("=");
  expressions_.expr();
}
void SyntaxWriter::table() {
  out_.put("table");
  words_.name();
  out_.put("key");
  out_.many(
      30, [this] { words_.name(); }, ",");
  out_.put("{");
  out_.entries([this] {
    words_.name();
    out_.put(":");
    if (random_.chance(20)) return out_.put("network");
    if (!random_.chance(20)) return type();
    out_.put("list");
    out_.put("of");
    out_.put("string");
  });
  out_.put("}");
  if (random_.chance(40)) {
    out_.put("from");
    return words_.string();
  }
  out_.put("=");
  out_.put("{");
  out_.entries([this] {
    if (random_.chance(60)) {
      words_.literal();
    } else {
      out_.put("(");
      out_.many(
          60, [this] { words_.literal(); }, ",");
      if (random_.chance(20)) out_.put(",");
      out_.put(")");
    }
    out_.put(":");
    words_.record();
  });
  out_.put("}");
}
void SyntaxWriter::event() {
  out_.put("event");
  words_.name();
  if (random_.chance(30)) {
    out_.put("from");
    words_.string();
  }
  out_.put("{");
  out_.entries([this] { field(); });
  out_.put("}");
}
void SyntaxWriter::kind() {
  out_.put("kind");
  words_.name();
  out_.put("=");
  out_.many(
      40,
      [this] {
        words_.kindref();
        expressions_.where();
      },
      "|");
}
void SyntaxWriter::list() {
  out_.put("list");
  words_.name();
  out_.put(":");
  if (random_.chance(20)) {
    out_.put("decimal");
    out_.put("(");
    words_.integer();
    out_.put(")");
  } else {
    const auto* const form =
        random_.pick<const char*>({"string", "int", "date", "text", "regex", "network"});
    out_.put(form);
    if (std::string_view(form) == "text" && random_.chance(40)) {
      out_.put("ignoring");
      out_.put("case");
    }
  }
  if (random_.chance(20)) {
    out_.put("from");
    return words_.string();
  }
  out_.put("=");
  out_.put("[");
  out_.entries([this] { words_.literal(); });
  out_.put("]");
}
void SyntaxWriter::features() {
  out_.put("features");
  out_.put("of");
  words_.kinds();
  keyed_window();
  out_.put("{");
  out_.entries([this] {
    words_.name();
    out_.put("=");
    if (random_.chance(30)) {
      out_.put("count");
    } else if (random_.chance(30)) {
      out_.put(random_.pick(aggregates_with(true)));
      out_.put("(");
      expressions_.expr();
      out_.put(",");
      expressions_.parameter();
      out_.put(")");
    } else {
      out_.put(random_.pick(aggregates_with(false)));
      expressions_.expr();
    }
    expressions_.where();
    expressions_.unless();
  });
  out_.put("}");
}
void SyntaxWriter::declaration() {
  switch (random_.below(14)) {
    case 0:
      out_.put("use");
      return words_.string();
    case 13:
      out_.put("key");
      words_.name();
      out_.put("=");
      return words_.key_members();
    case 12:
      out_.put("allow");
      words_.name();
      return words_.string();
    case 1:
      return event();
    case 2:
      return kind();
    case 3:
      return list();
    case 4:
      return table();
    case 5:
      out_.put("const");
      words_.name();
      out_.put("=");
      return words_.literal();
    case 6:
      out_.put("defaults");
      words_.name();
      return words_.record();
    case 7:
      out_.put("feature");
      words_.name();
      out_.put("=");
      expressions_.aggregate();
      return keyed_window();
    case 8:
      return features();
    case 9:
      return test();
    default:
      return rules_.rule();
  }
}
// `by a, b over last 1h`, `over all last 1h`.
void SyntaxWriter::keyed_window() {
  if (random_.chance(20)) {
    out_.put("over");
    out_.put("all");
    return expressions_.window();
  }
  out_.put("by");
  out_.many(
      30, [this] { words_.name(); }, ",");
  out_.put("over");
  expressions_.window();
}
void SyntaxWriter::test() {
  out_.put("test");
  words_.name();
  words_.string();
  out_.put("{");
  if (random_.chance(30)) {
    out_.put("starting");
    out_.put("2026-03-02T12:00:00Z");
  }
  while (random_.chance(60)) {
    if (random_.chance(20)) {
      out_.put("until");
      words_.duration();
    } else {
      words_.duration();
      words_.name();
      words_.record();
    }
  }
  out_.put("expect");
  if (random_.chance(40)) {
    out_.put("no");
    out_.put("alert");
    return out_.put("}");
  }
  out_.many(
      30,
      [this] {
        out_.put("alert");
        if (random_.chance(20)) {
          words_.integer();
          out_.put("times");
        }
        if (random_.chance(40)) {
          out_.put("at");
          words_.duration();
        }
        if (random_.chance(50)) words_.record();
      },
      "expect");
  out_.put("}");
}
}  // namespace tocsin::tests
