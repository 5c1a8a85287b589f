// Expressions over data: rows of tables, text, functions.
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "cep/base/assert.h"
#include "cep/data/functions.h"
#include "cep/data/text_scratch.h"
#include "cep/eval/eval.h"
#include "cep/eval/row_memo.h"
#include "cep/eval/steps.h"
#include "cep/plan/zone.h"
#include "cep/value/similarity.h"

namespace tocsin::cep {
namespace {
// The values of some operands; few are kept in place.
class Operands {
 public:
  Operands(std::span<const ExprPtr> exprs, const EventView& current, const EvalScope& scope)
      : size_(exprs.size()) {
    if (size_ > few_.size()) many_.resize(size_);
    Value* values = data();
    for (std::size_t i = 0; i < size_; ++i) {
      values[i] = evaluate(*exprs[i], current, scope);
      all_known_ = all_known_ && !values[i].is_missing();
    }
  }
  std::span<const Value> all() const {
    return {size_ > few_.size() ? many_.data() : few_.data(), size_};
  }
  bool all_known() const { return all_known_; }

 private:
  Value* data() { return size_ > few_.size() ? many_.data() : few_.data(); }

  std::size_t size_;
  bool all_known_ = true;
  std::array<Value, 4> few_;
  std::vector<Value> many_;
};

// Takes steps for bytes that are looked at, where a condition is asked of a partial match. False
// where they do not suffice: then the value is void. One look takes a small part of all, so that no
// text is so long that not even one partial match is asked.
bool takes_bytes(const EvalScope& scope, std::uint64_t bytes) {
  constexpr std::uint64_t kBytesOfStep = 64;
  constexpr std::uint64_t kLooks = 32;
  if (scope.memo == nullptr || scope.steps == nullptr || bytes < kBytesOfStep) return true;
  return scope.steps->take(std::min(bytes / kBytesOfStep, scope.steps->limit() / kLooks));
}
std::uint64_t bytes_of_call(Function function, std::span<const Value> args) {
  std::uint64_t bytes = 0;
  for (const Value& arg : args) bytes += arg.text.size();
  switch (function) {
    case Function::kSimilarity:
      return bytes + similarity_work(args[0].text, args[1].text);
    case Function::kLower:
    case Function::kUpper:
    case Function::kNormalize:
      return 2 * bytes;
    default:
      return bytes;
  }
}

Value count_undefined(const EvalScope& scope, const Value& result) {
  if (result.is_missing() && scope.values_missing != nullptr) ++*scope.values_missing;
  return result;
}

Value call(const Expr& expr, const EventView& current, const EvalScope& scope) {
  const Operands args(expr.args, current, scope);
  if (!args.all_known()) return Value::missing();
  // That a text has no such part is no value that could not be made.
  const Function function = expr.as_validated<FunctionCall>().function;
  if (!takes_bytes(scope, bytes_of_call(function, args.all()))) return Value::missing();
  if (function == Function::kCapture) return scope.program.texts.capture(expr, args.all());
  if (function == Function::kSplit) {
    return call_function(function, expr.type, args.all(), scope.program.plan->zones,
                         text_scratch());
  }
  return count_undefined(scope, call_function(function, expr.type, args.all(),
                                              scope.program.plan->zones, text_scratch()));
}

Value table_cell(const Expr& expr, const EventView& current, const EvalScope& scope) {
  const Operands key(expr.args, current, scope);
  if (!key.all_known()) return Value::missing();
  const auto& read = expr.as_validated<ColumnRead>();
  const TableRow* row =
      scope.program.data->tables[read.table.value].find(key.all(), current_time(current, scope));
  return row == nullptr ? Value::missing() : row->values[read.column].view();
}

Value in_table(const Expr& expr, const EventView& current, const EvalScope& scope) {
  const Value wanted = evaluate(*expr.args[0], current, scope);
  const Operands key(std::span(expr.args).subspan(1), current, scope);
  if (wanted.is_missing() || !key.all_known()) return Value::missing();
  const auto& read = expr.as_validated<ColumnRead>();
  const TableRow* row =
      scope.program.data->tables[read.table.value].find(key.all(), current_time(current, scope));
  if (row == nullptr) return Value::missing();
  for (const std::string& text : row->lists[read.column]) {
    if (text == wanted.text) return Value::boolean(true);
  }
  return Value::boolean(false);
}

Value search(const Expr& expr, const EventView& current, const EvalScope& scope) {
  const Value value = evaluate(*expr.args[0], current, scope);
  if (value.is_missing()) return value;
  const std::string_view text = value.text;
  if (!takes_bytes(scope, text.size())) return Value::missing();
  const TextSearch& texts = scope.program.texts;
  const auto list = [&] { return expr.as_validated<ListLookup>().list; };
  switch (expr.op) {
    case Op::kMatches:
      return Value::boolean(texts.matches(expr, text));
    case Op::kMatchesAnyOf:
    case Op::kContainsAnyOf:
      return Value::boolean(texts.has_any(list(), text, false));
    case Op::kContainsAnyWordOf:
      return Value::boolean(texts.has_any(list(), text, true));
    case Op::kMatched:
      return texts.first_match(list(), text);
    default:
      break;
  }
  const Value other = evaluate(*expr.args[1], current, scope);
  if (other.is_missing()) return other;
  switch (expr.op) {
    case Op::kContains:
      return Value::boolean(contains_text(text, other.text));
    case Op::kContainsWord:
      return Value::boolean(contains_word(text, other.text));
    case Op::kStartsWith:
      return Value::boolean(text.starts_with(other.text));
    default:
      return Value::boolean(text.ends_with(other.text));
  }
}

Value in_kinds(const Expr& expr, const EventView& current, const EvalScope& scope) {
  const EventTypeIndex type = current.type();
  Value result = Value::boolean(false);
  const std::vector<EventTypeIndex>& types = expr.as_validated<KindTest>().types;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i] != type) continue;
    const ExprPtr condition = i < expr.args.size() ? expr.args[i] : nullptr;
    if (!condition) return Value::boolean(true);
    result = logical_or(result, evaluate(*condition, current, scope));
    if (result.is_true()) break;
  }
  return result;
}
Value data_value(const Expr& expr, const EventView& current, const EvalScope& scope) {
  switch (expr.op) {
    case Op::kTable:
      return table_cell(expr, current, scope);
    case Op::kInTable:
      return in_table(expr, current, scope);
    case Op::kCall:
      return call(expr, current, scope);
    case Op::kInKinds:
      return in_kinds(expr, current, scope);
    default:
      break;
  }
  TOCSIN_ASSERT(expr.op >= Op::kMatches && expr.op <= Op::kMatched, "all other kinds are known");
  return search(expr, current, scope);
}
}  // namespace

Value evaluate_data(const Expr& expr, const EventView& current, const EvalScope& scope) {
  const bool is_in_aggregate = scope.offered != nullptr;  // where the current event is an element
  if (scope.memo == nullptr || is_in_aggregate || !scope.memo->keeps(expr)) {
    return data_value(expr, current, scope);
  }
  return scope.memo->value(expr, [&] {
    EvalScope once = scope;
    once.memo = nullptr;
    return data_value(expr, current, once);
  });
}
}  // namespace tocsin::cep
