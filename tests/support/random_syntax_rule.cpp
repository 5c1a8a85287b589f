// Random sentences of the grammar: rules with their clauses.
#include <utility>
#include <vector>

#include "tests/support/syntax_writer.h"

namespace tocsin::tests {
void SyntaxRules::rule() {
  out_.put("rule");
  words_.name();
  words_.string();
  out_.put("{");
  std::vector<int> clauses = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10,
                              11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
  for (std::size_t i = clauses.size(); i > 1; --i)
    std::swap(clauses[i - 1], clauses[random_.below(i)]);
  clauses.resize(random_.below(clauses.size() + 1));
  for (const int clause : clauses) this->clause(clause);
  out_.put("}");
}
void SyntaxRules::each() {
  if (!random_.chance(30)) return;
  out_.put("for");
  out_.put("each");
  out_.many(
      30, [this] { expressions_.expr(); }, ",");
}
void SyntaxRules::after() {
  if (random_.chance(20)) {
    out_.put("no");
    return out_.put("skip");
  }
  if (random_.chance(20)) return out_.put("consume");
  out_.put("skip");
  if (random_.chance(30)) {
    out_.put("past");
    return out_.put("last");
  }
  out_.put("to");
  if (random_.chance(30)) return out_.put("next");
  out_.put(random_.chance(50) ? "first" : "last");
  words_.name();
}
void SyntaxRules::by() {
  out_.put("by");
  out_.many(
      40,
      [this] {
        words_.name();
        if (!random_.chance(30)) return;
        out_.put("=");
        words_.key_members();
      },
      ",");
}
void SyntaxRules::when() {
  out_.put("when");
  if (!random_.chance(20)) return patterns_.pattern();
  if (random_.chance(50)) {
    out_.put("session");
    out_.put("of");
    words_.kinds();
    out_.put("gap");
    words_.duration();
  } else {
    out_.put("tumbling");
    if (random_.chance(50)) {
      words_.duration();
    } else {
      out_.put(random_.chance(50) ? "month" : "day");
      out_.put("in");
      words_.string();
    }
    out_.put("of");
    words_.kinds();
  }
  out_.put("as");
  words_.name();
  expressions_.where();
}
void SyntaxRules::without() {
  out_.put("without");
  words_.kinds();
  expressions_.where();
  if (!random_.chance(30)) return;
  out_.put("for");
  words_.duration();
}
void SyntaxRules::after_match() {
  out_.put("after");
  out_.put("match");
  after();
  if (!random_.chance(30)) return;
  out_.put("in");
  out_.put("order");
}
void SyntaxRules::except() {
  out_.put("except");
  words_.string();
  out_.put("where");
  expressions_.expr();
  if (!random_.chance(30)) return;
  out_.put("expires");
  out_.put("2027-01-01");
}
void SyntaxRules::once() {
  out_.put("once");
  if (random_.chance(30)) {
    out_.put("while");
    expressions_.expr();
  } else {
    out_.put("per");
    if (random_.chance(50)) {
      words_.duration();
    } else if (random_.chance(30)) {
      out_.put(random_.chance(50) ? "day" : "year");
      out_.put("in");
      words_.zone();
    } else {
      words_.name();
    }
  }
  each();
}
void SyntaxRules::alert() {
  out_.put("alert");
  out_.put(random_.pick<const char*>({"\"{amount} {{x}}\"", "\"\"",
                                      "\"{ count( a )+1 }\\u00e9 {b[ 1,\\\"x\\\" ]}\"",
                                      "\"# {a and (b or c)}\""}));
  if (!random_.chance(50)) return;
  out_.put("{");
  out_.entries([this] {
    words_.name();
    out_.put(":");
    expressions_.expr();
  });
  out_.put("}");
}
void SyntaxRules::clause(int which) {
  switch (which) {
    case 0:
      out_.put("id");
      return words_.word();
    case 1:
      out_.put("description");
      return words_.string();
    case 2:
      out_.put("severity");
      return expressions_.expr();
    case 3:
      out_.put("tags");
      return out_.many(
          40, [this] { words_.word(); }, ",");
    case 4:
      out_.put("references");
      return out_.many(
          40, [this] { words_.string(); }, ",");
    case 5:
      out_.put("status");
      return out_.put(random_.pick<const char*>({"draft", "internal", "shadow", "live"}));
    case 6:
      return by();
    case 7:
      return when();
    case 8:
      out_.put("within");
      return words_.duration();
    case 9:
      out_.put("having");
      return expressions_.expr();
    case 10:
      out_.put("considering");
      return words_.kinds();
    case 11:
      return without();
    case 12:
      return after_match();
    case 13:
      return except();
    case 14:
      return once();
    case 15:
      out_.put("owner");
      return words_.string();
    case 16:
      out_.put("falsepositives");
      return out_.many(
          40, [this] { words_.string(); }, ",");
    case 17:
      out_.put("prefer");
      return out_.put("latest");
    case 18:
      out_.put("allow");
      words_.name();
      return words_.string();
    case 19:
      out_.put("at");
      out_.put("most");
      words_.integer();
      out_.put("per");
      words_.duration();
      return each();
    default:
      return alert();
  }
}
}  // namespace tocsin::tests
