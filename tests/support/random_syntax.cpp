#include "tests/support/random_syntax.h"

#include <fmt/format.h>

#include <utility>
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
  if (options_.comments && chance(30)) comment();
  if (chance(50)) out_ += "\n";
  return std::move(out_);
}

// A comment and the end of its line; each has a number of its own.
void SyntaxWriter::comment() {
  out_ += fmt::format("{}#{} {}{}{}", random_.pick<const char*>({" ", "  ", "\n", "\n\n  ", ""}),
                      random_.pick<const char*>({"", " c", " \"}", " // {", "## \xC3\xA9"}),
                      ++comments_, random_.pick<const char*>({"", "", "  ", "\t"}),
                      random_.pick<const char*>({"\n", "\n", "\r\n", "\n\n", "\r", "\n \n\n\n"}));
}

void SyntaxWriter::put(std::string_view token) {
  if (!options_.comments) {
    out_ += random_.pick<const char*>({" ", " ", " ", "\n", "\n  ", "\t", " # comment\n", "\r\n"});
  } else {
    const std::size_t percent = random_.pick<std::size_t>({0, 0, 3, 20});
    bool any = false;
    while (chance(percent)) {
      comment();
      any = true;
    }
    if (!any)
      out_ += random_.pick<const char*>({" ", " ", " ", " ", "\n", "\n  ", "\n\n", "\r\n\r\n\t"});
  }
  out_ += token;
}

// ---- declarations
void SyntaxWriter::literal() {
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
void SyntaxWriter::record() {
  put("{");
  entries([this] {
    name();
    put(":");
    literal();
  });
  put("}");
}
void SyntaxWriter::word() { chance(20) ? string() : name(); }
void SyntaxWriter::type() {
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
          50, [this] { word(); }, ",");
      if (chance(20)) put(",");
      put(")");
      break;
    default:
      put(random_.pick<const char*>(
          {"bool", "int", "float", "string", "time", "date", "duration"}));
      break;
  }
  if (chance(30)) put("?");
}
void SyntaxWriter::field() {
  name();
  put(":");
  type();
  while (chance(30)) {
    switch (random_.below(6)) {
      case 4:
        put("in");
        put(random_.pick<const char*>({"s", "ms", "us", "ns"}));
        break;
      case 5:
        put("from");
        put("1970");
        break;
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
void SyntaxWriter::table() {
  put("table");
  name();
  put("key");
  many(
      30, [this] { name(); }, ",");
  put("{");
  entries([this] {
    name();
    put(":");
    if (chance(20)) return put("network");
    if (!chance(20)) return type();
    put("list");
    put("of");
    put("string");
  });
  put("}");
  if (chance(40)) {
    put("from");
    return string();
  }
  put("=");
  put("{");
  entries([this] {
    if (chance(60)) {
      literal();
    } else {
      put("(");
      many(
          60, [this] { literal(); }, ",");
      if (chance(20)) put(",");
      put(")");
    }
    put(":");
    record();
  });
  put("}");
}
void SyntaxWriter::event() {
  put("event");
  name();
  if (chance(30)) {
    put("from");
    string();
  }
  put("{");
  entries([this] { field(); });
  put("}");
}
void SyntaxWriter::kind() {
  put("kind");
  name();
  put("=");
  many(
      40,
      [this] {
        kindref();
        where();
      },
      "|");
}
void SyntaxWriter::list() {
  put("list");
  name();
  put(":");
  if (chance(20)) {
    put("decimal");
    put("(");
    integer();
    put(")");
  } else {
    const auto* const form =
        random_.pick<const char*>({"string", "int", "date", "text", "regex", "network"});
    put(form);
    if (std::string_view(form) == "text" && chance(40)) {
      put("ignoring");
      put("case");
    }
  }
  if (chance(20)) {
    put("from");
    return string();
  }
  put("=");
  put("[");
  entries([this] { literal(); });
  put("]");
}
void SyntaxWriter::features() {
  put("features");
  put("of");
  kinds();
  keyed_window();
  put("{");
  entries([this] {
    name();
    put("=");
    if (chance(30)) {
      put("count");
    } else if (chance(30)) {
      put(random_.pick(aggregates_with(true)));
      put("(");
      expr();
      put(",");
      parameter();
      put(")");
    } else {
      put(random_.pick(aggregates_with(false)));
      expr();
    }
    where();
    unless();
  });
  put("}");
}
void SyntaxWriter::declaration() {
  switch (random_.below(14)) {
    case 0:
      put("use");
      return string();
    case 13:
      put("key");
      name();
      put("=");
      return key_members();
    case 12:
      put("allow");
      name();
      return string();
    case 1:
      return event();
    case 2:
      return kind();
    case 3:
      return list();
    case 4:
      return table();
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
      return keyed_window();
    case 8:
      return features();
    case 9:
      return test();
    default:
      return rule();
  }
}
void SyntaxWriter::key_members() {
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
}
// `by a, b over last 1h`, `over all last 1h`.
void SyntaxWriter::keyed_window() {
  if (chance(20)) {
    put("over");
    put("all");
    return window();
  }
  put("by");
  many(
      30, [this] { name(); }, ",");
  put("over");
  window();
}
}  // namespace tocsin::tests
