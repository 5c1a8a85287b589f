// Random sentences of the grammar: patterns.
#include "tests/support/syntax_writer.h"

namespace tocsin::tests {
void SyntaxPatterns::pattern() {
  nesting_.enter();
  step();
  while (random_.chance(40)) {
    out_.put("then");
    if (random_.chance(25)) {
      absence();
      continue;
    }
    if (random_.chance(30)) out_.put(random_.chance(50) ? "next" : "first");
    if (random_.chance(20)) {
      out_.put("within");
      words_.duration();
    }
    step();
  }
  nesting_.leave();
}
void SyntaxPatterns::absence() {
  out_.put("no");
  if (random_.chance(30)) {
    out_.put("next");
    words_.name({"alert", "any", "next"});
  } else {
    words_.name({"alert", "any", "next"});
  }
  expressions_.where();
  if (!random_.chance(40)) return;
  out_.put("for");
  words_.duration();
}
void SyntaxPatterns::step() {
  if (random_.chance(10)) out_.put("optional");
  const bool counted = random_.chance(30);
  if (counted) {
    words_.integer();
    if (random_.chance(50)) {
      out_.put("+");
    } else if (random_.chance(30)) {
      out_.put("..");
      words_.integer();
    }
    if (random_.chance(30)) out_.put(random_.chance(50) ? "next" : "each");
    if (random_.chance(20)) out_.put("greedy");
  }
  if (nesting_.depth() < 4 && random_.chance(20)) {
    switch (random_.below(3)) {
      case 0:
        out_.put("(");
        pattern();
        return out_.put(")");
      case 1:
        out_.put("one");
        out_.put("of");
        out_.put("{");
        out_.many(
            40, [this] { pattern(); }, ",");
        if (random_.chance(20)) out_.put(",");
        out_.put("}");
        if (!random_.chance(50)) return;
        out_.put("as");
        return words_.name();
      default:
        out_.put("all");
        out_.put("of");
        out_.put("{");
        out_.many(
            40,
            [this] {
              nesting_.enter();
              step();
              nesting_.leave();
            },
            ",");
        if (random_.chance(20)) out_.put(",");
        return out_.put("}");
    }
  }
  step_kinds(counted);
  if (random_.chance(40)) {
    out_.put("as");
    words_.name();
  }
  expressions_.where();
  if (!random_.chance(10)) return;
  out_.put("until");
  words_.kinds();
  expressions_.where();
}
void SyntaxPatterns::step_name(bool counted) {
  if (counted) {
    return words_.name({"no", "optional", "next", "first", "within", "one", "all", "any", "alert",
                        "session", "tumbling", "each", "greedy"});
  }
  words_.name({"no", "optional", "next", "first", "within", "one", "all", "any", "alert", "session",
               "tumbling"});
}
void SyntaxPatterns::step_kinds(bool counted) {
  if (random_.chance(80)) {
    step_name(counted);
  } else {
    out_.put("alert");
    words_.name();
  }
  if (!random_.chance(20)) return;
  out_.put("or");
  words_.kindref();
}
}  // namespace tocsin::tests
