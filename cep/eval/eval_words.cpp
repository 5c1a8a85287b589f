// The fast tests of cep/compile/word_test.h at an event on offer.
#include "cep/eval/eval.h"

namespace tocsin::cep {
namespace {
// A term's word or text; false where the event or the value is missing.
struct Found {
  std::int64_t word = 0;
  std::string_view text;
};
bool find(const WordTerm& term, bool is_text, const EventView& current, const EvalScope& scope,
          Found& out) {
  EventView event = current;
  if (term.source != WordTerm::Source::kCurrent &&
      !bound_event(scope, current, term.step, term.source == WordTerm::Source::kLast, event)) {
    return false;
  }
  if (event.row != nullptr) {
    const Row& row = *event.row;
    const std::uint32_t field = term.field_of_type[row.type.value];
    if (field == WordTerm::kNoField) return false;
    const Column& column = scope.batch->types[row.type.value].fields[field];
    if (row.index >= column.known.size() || column.known[row.index] == 0) return false;
    if (is_text) {
      out.text = column.texts[row.index];
    } else {
      out.word = column.words[row.index];
    }
    return true;
  }
  const std::uint32_t field = term.field_of_type[event.kept->type];
  if (field == WordTerm::kNoField) return false;
  const CaptureLayout& layout = scope.table->layouts[event.kept->type];
  return is_text ? event.kept->text(layout, FieldIndex(std::size_t{field}), out.text)
                 : event.kept->word(layout, FieldIndex(std::size_t{field}), out.word);
}

bool holds(Op op, int order) {
  switch (op) {
    case Op::kEqual:
      return order == 0;
    case Op::kNotEqual:
      return order != 0;
    case Op::kLess:
      return order < 0;
    case Op::kLessEqual:
      return order <= 0;
    case Op::kGreater:
      return order > 0;
    default:
      return order >= 0;
  }
}

Tried try_word_test(const WordTest& test, const EventView& current, const EvalScope& scope) {
  if (test.is_text) {
    Found left;
    Found right;
    if (!find(test.left, true, current, scope, left)) return Tried::kFalse;
    if (!find(test.right, true, current, scope, right)) return Tried::kFalse;
    return holds(test.op, left.text.compare(right.text)) ? Tried::kTrue : Tried::kFalse;
  }
  Int128 sides[2] = {test.left.factor, test.right.factor};
  const WordTerm* terms[2] = {&test.left, &test.right};
  for (int i = 0; i < 2; ++i) {
    const WordTerm& term = *terms[i];
    if (term.source == WordTerm::Source::kConstant) continue;
    Found found;
    if (!find(term, false, current, scope, found)) return Tried::kFalse;
    std::int64_t product = 0;
    if (term.checks_product && __builtin_mul_overflow(found.word, term.plan_factor, &product)) {
      return Tried::kUnsure;
    }
    sides[i] *= found.word;
  }
  const int order = sides[0] < sides[1] ? -1 : sides[0] > sides[1] ? 1 : 0;
  return holds(test.op, order) ? Tried::kTrue : Tried::kFalse;
}

Tried try_sum_test(const SumTest& test, const EventView& current, const EvalScope& scope) {
  const auto magnitude_of = [](Int128 number) { return number < 0 ? -number : number; };
  Int128 sum = test.constant;
  Int128 magnitude = magnitude_of(sum);
  for (const WordTerm& term : test.terms) {
    Found found;
    if (!find(term, false, current, scope, found)) return Tried::kFalse;
    const Int128 product = Int128{term.factor} * found.word;
    sum += product;
    magnitude += magnitude_of(product);
  }
  if (magnitude > SumTest::kMagnitudeMax) return Tried::kUnsure;
  const int order = sum < 0 ? -1 : sum > 0 ? 1 : 0;
  return holds(test.op, order) ? Tried::kTrue : Tried::kFalse;
}

bool test_holds(const FeatureTest& test, const Value& value) {
  if (value.kind != ValueKind::kInt || test.literal.kind != ValueKind::kInt) {
    return compared(test.op, compare(value, test.literal)).is_true();
  }
  switch (test.op) {
    case Op::kEqual:
      return value.number == test.literal.number;
    case Op::kNotEqual:
      return value.number != test.literal.number;
    case Op::kLess:
      return value.number < test.literal.number;
    case Op::kLessEqual:
      return value.number <= test.literal.number;
    case Op::kGreater:
      return value.number > test.literal.number;
    default:
      return value.number >= test.literal.number;
  }
}
}  // namespace

bool conjunct_holds(const Conjunct& conjunct, const EventView& current, const EvalScope& scope) {
  if (conjunct.words) {
    const Tried tried = try_word_test(*conjunct.words, current, scope);
    if (tried != Tried::kUnsure) return tried == Tried::kTrue;
  }
  if (conjunct.sum) {
    const Tried tried = try_sum_test(*conjunct.sum, current, scope);
    if (tried != Tried::kUnsure) return tried == Tried::kTrue;
  }
  if (conjunct.feature) {
    const FeatureTest& test = *conjunct.feature;
    return test_holds(test, scope.features->read(test.feature));
  }
  return evaluate(*conjunct.expr, current, scope).is_true();
}
}  // namespace tocsin::cep
