#include "tests/support/oracle_text.h"

#include <string_view>

#include "cep/base/assert.h"
#include "cep/text_database.h"

namespace tocsin::oracle {
using cep::Value;

Value local_time(const cep::Plan& plan, const Value& zone, cep::EventTime time) {
  if (zone.is_missing()) return Value::missing();
  for (const cep::Zone& known : plan.zones) {
    if (known.name != zone.text) continue;
    std::int64_t offset_s = known.changes.empty() ? 0 : known.changes.front().offset_seconds;
    for (const cep::Zone::Change& change : known.changes) {
      if (change.from <= time) offset_s = change.offset_seconds;
    }
    return Value::time(time + cep::Duration{1'000'000 * offset_s});
  }
  return Value::missing();
}

Value search_text(const World&, const cep::Expr& expr, const std::vector<Value>& args) {
  for (const Value& arg : args) {
    if (arg.is_missing()) return Value::missing();
  }
  const std::string_view text = args.front().text;
  switch (expr.op) {
    case cep::Op::kContains:
      return Value::boolean(cep::contains_text(text, args[1].text));
    case cep::Op::kContainsWord:
      return Value::boolean(cep::contains_word(text, args[1].text));
    case cep::Op::kStartsWith:
      return Value::boolean(text.starts_with(args[1].text));
    case cep::Op::kEndsWith:
      return Value::boolean(text.ends_with(args[1].text));
    case cep::Op::kMatches: {
      cep::TextPattern pattern;
      pattern.kind = cep::PatternKind::kRegex;
      pattern.text = expr.literal.view().text;
      pattern.ignore_case = expr.ignore_case;
      const auto database = cep::TextDatabase::compile({pattern}, std::size_t{1} << 28, nullptr);
      TOCSIN_ASSERT(database.has_value(), "the plan's regular expressions are checked");
      bool found = false;
      database->scan(text, [&](const cep::TextMatch&) { found = true; });
      return Value::boolean(found);
    }
    default:
      break;
  }
  TOCSIN_ASSERT(false, "search in lists comes later");
}

Value call(const World&, cep::Function, const std::vector<Value>&) {
  TOCSIN_ASSERT(false, "functions come later");
}
}  // namespace tocsin::oracle
