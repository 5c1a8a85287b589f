// Random sentences of the grammar: expressions.
#include <string>

#include "cep/plan/aggregate.h"
#include "tests/support/syntax_writer.h"

namespace tocsin::tests {
void SyntaxExpressions::kinds_or_variables() {
  out_.many(
      30,
      [this] {
        if (random_.chance(40)) return out_.put(random_.chance(50) ? "any alert" : "alert big");
        words_.name({"alert", "any", "not", "true", "false", "if", "prev"});
      },
      "or");
}
void SyntaxExpressions::where() {
  if (!random_.chance(40)) return;
  out_.put("where");
  expr();
}
void SyntaxExpressions::expr() {
  nesting_.enter();
  if (nesting_.depth() > depth_max_) {
    nesting_.leave();
    return operand_name();
  }
  if (random_.chance(8)) {
    choice();
  } else {
    out_.many(
        20, [this] { conj(); }, "or");
  }
  nesting_.leave();
}
void SyntaxExpressions::choice() {
  out_.put("if");
  expr();
  out_.put("then");
  expr();
  out_.put("else");
  expr();
}
void SyntaxExpressions::conj() {
  out_.many(
      20, [this] { neg(); }, "and");
}
void SyntaxExpressions::neg() {
  if (random_.chance(10)) out_.put("not");
  comparison();
}
void SyntaxExpressions::comparison() {
  sum();
  switch (random_.below(14)) {
    case 0:
      out_.put("between");
      sum();
      out_.put("and");
      return sum();
    case 1:
      if (random_.chance(50)) out_.put("not");
      out_.put("in");
      return sum();
    case 2:
      out_.put("matches");
      if (!random_.chance(50))
        return out_.put(random_.pick<const char*>({"/a/", "/[/]\\/\"/i", "/= 'x/"}));
      out_.put("any");
      out_.put("of");
      return sum();
    case 3:
      out_.put("contains");
      if (random_.chance(50)) {
        out_.put("any");
        if (random_.chance(50)) out_.put("word");
        out_.put("of");
      } else if (random_.chance(50)) {
        out_.put("word");
      } else {
        return words_.string();
      }
      return sum();
    case 4:
      out_.put(random_.chance(50) ? "starts" : "ends");
      out_.put("with");
      return sum();
    case 5:
      out_.put("is");
      return out_.put(random_.chance(50) ? "missing" : "known");
    case 6:
    case 7:
    case 8:
      out_.put(random_.pick<const char*>({"=", "!=", "<", "<=", ">", ">="}));
      return sum();
    default:
      return;
  }
}
void SyntaxExpressions::sum() {
  out_.many(
      10, [this] { product(); }, random_.chance(50) ? "+" : "-");
}
void SyntaxExpressions::product() {
  out_.many(
      10, [this] { unary(); }, random_.pick<const char*>({"*", "/", "%"}));
}
void SyntaxExpressions::unary() {
  if (random_.chance(5)) out_.put("-");
  primary();
  while (random_.chance(15)) {
    if (random_.chance(60)) {
      out_.put(".");
      words_.name();
    } else {
      out_.put("[");
      out_.many(
          30, [this] { expr(); }, ",");
      out_.put("]");
    }
  }
}
void SyntaxExpressions::operand_name() { words_.name({"not", "true", "false", "if", "prev"}); }
void SyntaxExpressions::primary() {
  if (nesting_.depth() >= depth_max_) return operand_name();
  switch (random_.below(10)) {
    case 0:
      return out_.put(random_.pick<const char*>({"12", "1_0", "2.50", "1e-3"}));
    case 1:
      return out_.put(random_.pick<const char*>(
          {"10m", "2027-01-01", "2026-11-20T10:00:00Z", "true", "false", "prev"}));
    case 2:
      return words_.string();
    case 3:
      if (nesting_.depth() + 1 < depth_max_ && random_.chance(30)) {
        out_.put("(");
        out_.put("(");
        expr();
        out_.put(")");
      } else {
        out_.put("(");
        expr();
      }
      return out_.put(")");
    case 4:
      out_.put("[");
      out_.entries([this] { expr(); });
      return out_.put("]");
    case 5:
      out_.put("coalesce");
      out_.put("(");
      if (random_.chance(80))
        out_.many(
            40, [this] { expr(); }, ",");
      return out_.put(")");
    case 6:
      aggregate();
      if (random_.chance(40)) {
        out_.put("over");
        if (random_.chance(20)) out_.put("all");
        window();
      }
      return;
    default:
      return operand_name();
  }
}
void SyntaxExpressions::aggregate() {
  out_.put(cep::kAggregateTraits[random_.below(cep::kAggregateTraits.size())].name);
  out_.put("(");
  if (random_.chance(30)) {
    kinds_or_variables();
  } else {
    // A term does not begin with `alert` or `any`.
    out_.put("amount");
    if (random_.chance(30)) {
      out_.put("+");
      primary();
    }
    if (random_.chance(60)) {
      out_.put("of");
      words_.kinds();
    }
  }
  where();
  unless();
  while (random_.chance(20)) {
    out_.put(",");
    parameter();
  }
  out_.put(")");
}
void SyntaxExpressions::parameter() {
  if (random_.chance(30)) {
    out_.put("half");
    out_.put("life");
    words_.duration();
  } else if (random_.chance(30)) {
    out_.put("weight");
    out_.put("0.3");
  } else {
    expr();
  }
}
void SyntaxExpressions::unless() {
  if (!random_.chance(15)) return;
  out_.put("unless");
  out_.put("alerted");
  out_.put("by");
  words_.name();
}
void SyntaxExpressions::window_where() {
  // Without it a `where (` behind the window would be read as the window's.
  out_.put("where");
  out_.put("(");
  expr();
  out_.put(")");
}
void SyntaxExpressions::window() {
  switch (random_.below(8)) {
    case 0:
      out_.put("last");
      words_.duration();
      if (random_.chance(30)) {
        out_.put("excluding");
        out_.put("last");
        words_.duration();
      }
      break;
    case 1:
      out_.put("last");
      words_.integer();
      out_.put("events");
      window_where();
      break;
    case 2:
      out_.put("previous");
      words_.duration();
      break;
    case 3:
      out_.put("previous");
      words_.integer();
      out_.put("events");
      // Without it a clause `within` behind the window would be read as the window's.
      out_.put("within");
      words_.duration();
      window_where();
      break;
    case 4:
      out_.put("tumbling");
      words_.duration();
      break;
    case 5:
      if (random_.chance(50)) {
        out_.put("today");
      } else {
        out_.put("this");
        out_.put(random_.chance(50) ? "month" : "week");
      }
      out_.put("in");
      words_.zone();
      break;
    case 6:
      out_.put("session");
      out_.put("gap");
      words_.duration();
      break;
    default:
      if (random_.chance(50)) out_.put("previous");
      out_.put("ever");
      break;
  }
  if (random_.chance(20)) {
    out_.put("every");
    words_.duration();
  }
  if (random_.chance(20)) {
    out_.put("needs");
    words_.integer();
    out_.put("events");
  }
}
}  // namespace tocsin::tests
