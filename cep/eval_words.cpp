// The fast tests of cep/word_test.h at an event on offer.
#include <cstring>

#include "cep/eval.h"

namespace tocsin::cep {
namespace {
// The event and field of a term; false where the event or the field is not there.
bool find_field(const WordTerm& term, const EventView& current, const EvalScope& scope,
                EventView& event, FieldIndex& field) {
  event = current;
  if (term.source != WordTerm::Source::kCurrent &&
      !bound_event(scope, current, term.step, term.source == WordTerm::Source::kLast, event)) {
    return false;
  }
  const std::optional<FieldIndex> found = term.field->in(event.type());
  if (!found) return false;
  field = *found;
  return true;
}

Tried decided(Op op, int order) {
  bool result = false;
  switch (op) {
    case Op::kEqual:
      result = order == 0;
      break;
    case Op::kNotEqual:
      result = order != 0;
      break;
    case Op::kLess:
      result = order < 0;
      break;
    case Op::kLessEqual:
      result = order <= 0;
      break;
    case Op::kGreater:
      result = order > 0;
      break;
    default:
      result = order >= 0;
      break;
  }
  return result ? Tried::kTrue : Tried::kFalse;
}
}  // namespace

Tried try_word_test(const WordTest& test, const EventView& current, const EvalScope& scope) {
  if (test.is_text) {
    std::string_view texts[2];
    const WordTerm* terms[2] = {&test.left, &test.right};
    for (int i = 0; i < 2; ++i) {
      EventView event;
      FieldIndex field;
      if (!find_field(*terms[i], current, scope, event, field)) return Tried::kFalse;
      if (event.row != nullptr) {
        const Column& column = scope.batch->types[event.row->type.value].fields[field.value];
        if (event.row->index >= column.known.size() || column.known[event.row->index] == 0) {
          return Tried::kFalse;
        }
        texts[i] = column.texts[event.row->index];
      } else {
        const CaptureLayout& layout = scope.table->layouts[event.kept->type];
        if (!event.kept->text(layout, field, texts[i])) return Tried::kFalse;
      }
    }
    return decided(test.op, texts[0].compare(texts[1]));
  }
  Int128 sides[2] = {0, 0};
  const WordTerm* terms[2] = {&test.left, &test.right};
  for (int i = 0; i < 2; ++i) {
    const WordTerm& term = *terms[i];
    if (term.source == WordTerm::Source::kConstant) {
      sides[i] = term.factor;
      continue;
    }
    EventView event;
    FieldIndex field;
    if (!find_field(term, current, scope, event, field)) return Tried::kFalse;
    std::int64_t word = 0;
    if (event.row != nullptr) {
      const Column& column = scope.batch->types[event.row->type.value].fields[field.value];
      if (event.row->index >= column.known.size() || column.known[event.row->index] == 0) {
        return Tried::kFalse;
      }
      word = column.words[event.row->index];
    } else {
      const CaptureLayout& layout = scope.table->layouts[event.kept->type];
      if (!event.kept->word(layout, field, word)) return Tried::kFalse;
    }
    std::int64_t product = 0;
    if (term.checks_product && __builtin_mul_overflow(word, term.plan_factor, &product)) {
      return Tried::kUnsure;
    }
    sides[i] = Int128{word} * term.factor;
  }
  return decided(test.op, sides[0] < sides[1] ? -1 : sides[0] > sides[1] ? 1 : 0);
}
}  // namespace tocsin::cep
