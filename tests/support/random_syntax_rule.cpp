// Random sentences of the grammar: rules with their clauses, and tests.
#include <utility>
#include <vector>

#include "tests/support/syntax_writer.h"

namespace tocsin::tests {
void SyntaxWriter::rule() {
  put("rule");
  name();
  string();
  put("{");
  std::vector<int> clauses = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10,
                              11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
  for (std::size_t i = clauses.size(); i > 1; --i)
    std::swap(clauses[i - 1], clauses[random_.below(i)]);
  clauses.resize(random_.below(clauses.size() + 1));
  for (const int clause : clauses) this->clause(clause);
  put("}");
}
void SyntaxWriter::each() {
  if (!chance(30)) return;
  put("for");
  put("each");
  many(
      30, [this] { expr(); }, ",");
}
void SyntaxWriter::after() {
  if (chance(20)) {
    put("no");
    return put("skip");
  }
  if (chance(20)) return put("consume");
  put("skip");
  if (chance(30)) {
    put("past");
    return put("last");
  }
  put("to");
  if (chance(30)) return put("next");
  put(chance(50) ? "first" : "last");
  name();
}
void SyntaxWriter::by() {
  put("by");
  many(
      40,
      [this] {
        name();
        if (!chance(30)) return;
        put("=");
        key_members();
      },
      ",");
}
void SyntaxWriter::when() {
  put("when");
  if (!chance(20)) return pattern();
  if (chance(50)) {
    put("session");
    put("of");
    kinds();
    put("gap");
    duration();
  } else {
    put("tumbling");
    if (chance(50)) {
      duration();
    } else {
      put(chance(50) ? "month" : "day");
      put("in");
      string();
    }
    put("of");
    kinds();
  }
  put("as");
  name();
  where();
}
void SyntaxWriter::without() {
  put("without");
  kinds();
  where();
  if (!chance(30)) return;
  put("for");
  duration();
}
void SyntaxWriter::after_match() {
  put("after");
  put("match");
  after();
  if (!chance(30)) return;
  put("in");
  put("order");
}
void SyntaxWriter::except() {
  put("except");
  string();
  put("where");
  expr();
  if (!chance(30)) return;
  put("expires");
  put("2027-01-01");
}
void SyntaxWriter::once() {
  put("once");
  if (chance(30)) {
    put("while");
    expr();
  } else {
    put("per");
    if (chance(50)) {
      duration();
    } else if (chance(30)) {
      put(chance(50) ? "day" : "year");
      put("in");
      zone();
    } else {
      name();
    }
  }
  each();
}
void SyntaxWriter::alert() {
  put("alert");
  put(random_.pick<const char*>({"\"{amount} {{x}}\"", "\"\"",
                                 "\"{ count( a )+1 }\\u00e9 {b[ 1,\\\"x\\\" ]}\"",
                                 "\"# {a and (b or c)}\""}));
  if (!chance(50)) return;
  put("{");
  entries([this] {
    name();
    put(":");
    expr();
  });
  put("}");
}
void SyntaxWriter::clause(int which) {
  switch (which) {
    case 0:
      put("id");
      return word();
    case 1:
      put("description");
      return string();
    case 2:
      put("severity");
      return expr();
    case 3:
      put("tags");
      return many(
          40, [this] { word(); }, ",");
    case 4:
      put("references");
      return many(
          40, [this] { string(); }, ",");
    case 5:
      put("status");
      return put(random_.pick<const char*>({"draft", "internal", "shadow", "live"}));
    case 6:
      return by();
    case 7:
      return when();
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
      return without();
    case 12:
      return after_match();
    case 13:
      return except();
    case 14:
      return once();
    case 15:
      put("owner");
      return string();
    case 16:
      put("falsepositives");
      return many(
          40, [this] { string(); }, ",");
    case 17:
      put("prefer");
      return put("latest");
    case 18:
      put("allow");
      name();
      return string();
    case 19:
      put("at");
      put("most");
      integer();
      put("per");
      duration();
      return each();
    default:
      return alert();
  }
}
void SyntaxWriter::test() {
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
    return put("}");
  }
  many(
      30,
      [this] {
        put("alert");
        if (chance(20)) {
          integer();
          put("times");
        }
        if (chance(40)) {
          put("at");
          duration();
        }
        if (chance(50)) record();
      },
      "expect");
  put("}");
}
}  // namespace tocsin::tests
