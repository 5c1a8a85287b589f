#include "cep/eval/atom_bits.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "cep/base/assert.h"
#include "cep/compile/predicate_index.h"
#include "cep/compile/program.h"
#include "cep/eval/column_bits.h"
#include "cep/eval/eval.h"
#include "cep/plan/event_type.h"
#include "cep/value/short_text.h"

namespace tocsin::cep {
namespace {
// One bit for each of `rows` entries, from a test that gives 0 or 1.
template <typename Test>
void fill_bits(AtomBits::Words& out, std::uint32_t rows, Test&& test) {
  for (std::uint32_t begin = 0; begin < rows; begin += 64) {
    const std::uint32_t count = std::min<std::uint32_t>(64, rows - begin);
    std::uint64_t bits = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      bits |= static_cast<std::uint64_t>(test(begin + i)) << i;
    }
    out[begin / 64] = bits;
  }
}

bool has_text(const std::vector<std::string>& texts, std::string_view text) {
  if (texts.size() <= 8) {
    return std::any_of(texts.begin(), texts.end(),
                       [&](const std::string& other) { return other == text; });
  }
  return std::binary_search(texts.begin(), texts.end(), text);
}

// So few values are compared one by one.
constexpr std::size_t kFewValues = 16;

void evaluate_values(const Atom& atom, const Column& column, PackedTexts& packed,
                     std::uint32_t rows, AtomBits::Words& out) {
  if (column.known.size() < rows) {  // a field that nothing filled is missing
    fill_bits(out, rows, [&](std::uint32_t) { return atom.kind == Atom::Kind::kMissing; });
    return;
  }
  const ColumnBits& bits = column_bits();
  const std::uint8_t* const known = column.known.data();
  switch (atom.kind) {
    case Atom::Kind::kRange:
    case Atom::Kind::kOutside:
      bits.range(known, column.words.data(), rows, atom.low, atom.high,
                 atom.kind == Atom::Kind::kRange, out.data());
      return;
    case Atom::Kind::kWords:
    case Atom::Kind::kNotWords: {
      const bool wanted = atom.kind == Atom::Kind::kWords;
      const std::int64_t* words = column.words.data();
      if (atom.words.size() <= kFewValues) {
        bits.equal(known, words, rows, atom.words, wanted, out.data());
        return;
      }
      fill_bits(out, rows, [&](std::uint32_t i) {
        return known[i] != 0 &&
               std::binary_search(atom.words.begin(), atom.words.end(), words[i]) == wanted;
      });
      return;
    }
    case Atom::Kind::kTexts:
    case Atom::Kind::kNotTexts: {
      const bool wanted = atom.kind == Atom::Kind::kTexts;
      if (!atom.packed.empty() && atom.packed.size() <= kFewValues) {
        bits.equal(known, packed.of(atom.field, column, rows), rows, atom.packed, wanted,
                   out.data());
        return;
      }
      fill_bits(out, rows, [&](std::uint32_t i) {
        return known[i] != 0 && has_text(atom.texts, column.texts[i]) == wanted;
      });
      return;
    }
    case Atom::Kind::kKnown:
    case Atom::Kind::kMissing:
      bits.known(known, rows, atom.kind == Atom::Kind::kKnown, out.data());
      return;
    case Atom::Kind::kBegins:
    case Atom::Kind::kNotBegins:
    case Atom::Kind::kEnds:
    case Atom::Kind::kNotEnds: {
      const bool wanted = atom.kind == Atom::Kind::kBegins || atom.kind == Atom::Kind::kEnds;
      const bool at_begin = atom.kind == Atom::Kind::kBegins || atom.kind == Atom::Kind::kNotBegins;
      const std::string& what = atom.texts.front();
      fill_bits(out, rows, [&](std::uint32_t i) {
        const std::string_view text = column.texts[i];
        const bool found = at_begin ? text.starts_with(what) : text.ends_with(what);
        return known[i] != 0 && found == wanted;
      });
      return;
    }
    case Atom::Kind::kFound:
    case Atom::Kind::kNotFound:
    case Atom::Kind::kExpr:
    case Atom::Kind::kNotExpr:
      break;
  }
  TOCSIN_ASSERT(false, "expressions and searches have no one column");
}

// The same of one entry.
bool holds_value(const Atom& atom, const Column& column, std::uint32_t i) {
  if (column.known.size() <= i || column.known[i] == 0) return atom.kind == Atom::Kind::kMissing;
  switch (atom.kind) {
    case Atom::Kind::kRange:
      return atom.low <= column.words[i] && column.words[i] <= atom.high;
    case Atom::Kind::kOutside:
      return column.words[i] < atom.low || atom.high < column.words[i];
    case Atom::Kind::kWords:
      return std::binary_search(atom.words.begin(), atom.words.end(), column.words[i]);
    case Atom::Kind::kNotWords:
      return !std::binary_search(atom.words.begin(), atom.words.end(), column.words[i]);
    case Atom::Kind::kTexts:
      return has_text(atom.texts, column.texts[i]);
    case Atom::Kind::kNotTexts:
      return !has_text(atom.texts, column.texts[i]);
    case Atom::Kind::kKnown:
      return true;
    case Atom::Kind::kMissing:
      return false;
    case Atom::Kind::kBegins:
      return column.texts[i].starts_with(atom.texts.front());
    case Atom::Kind::kNotBegins:
      return !column.texts[i].starts_with(atom.texts.front());
    case Atom::Kind::kEnds:
      return column.texts[i].ends_with(atom.texts.front());
    case Atom::Kind::kNotEnds:
      return !column.texts[i].ends_with(atom.texts.front());
    case Atom::Kind::kFound:
    case Atom::Kind::kNotFound:
    case Atom::Kind::kExpr:
    case Atom::Kind::kNotExpr:
      break;
  }
  TOCSIN_ASSERT(false, "expressions and searches have no one column");
}

// The values of a column that the list holds, or does not, as of each row.
void evaluate_listed(const Atom& atom, const ListProgram& list, const Type& type,
                     const Column& column, std::uint32_t rows, const std::vector<EventTime>& times,
                     AtomBits::Words& out) {
  if (column.known.size() < rows) return;  // all missing
  const bool wanted = atom.kind == Atom::Kind::kTexts || atom.kind == Atom::Kind::kWords;
  const auto at = [&](std::uint32_t i) { return times.empty() ? kEventTimeMin : times[i]; };
  if (type.kind == TypeKind::kString) {
    fill_bits(out, rows, [&](std::uint32_t i) {
      return column.known[i] != 0 && list.entries().contains(column.texts[i], at(i)) == wanted;
    });
    return;
  }
  fill_bits(out, rows, [&](std::uint32_t i) {
    return column.known[i] != 0 && list.contains(column_value(type, column, i), at(i)) == wanted;
  });
}
}  // namespace

const std::int64_t* PackedTexts::of(FieldIndex field, const Column& column, std::uint32_t rows) {
  if (by_field_.size() <= field.value) by_field_.resize(field.value + std::size_t{1});
  Packed& packed = by_field_[field.value];
  if (packed.type == type_) return packed.words.data();
  packed.type = type_;
  packed.words.resize(rows);
  for (std::uint32_t i = 0; i < rows; ++i) {
    packed.words[i] = static_cast<std::int64_t>(packed_text(column.texts[i]));
  }
  return packed.words.data();
}

// The list that an atom has to ask itself; null where the atom has its values.
const ListProgram* AtomBits::asked_list(const Atom& atom) const {
  if (!atom.list) return nullptr;
  const ListProgram& list = program_->data->lists[atom.list->value];
  return !atom.has_values || list.entries().is_changed() ? &list : nullptr;
}
const AtomBits::Words& AtomBits::found(std::uint32_t atom) const {
  return texts_.found(program_->atoms.atom(atom).test);
}

const std::vector<EventTime>& AtomBits::times_of(EventTypeIndex type) const {
  std::vector<EventTime>& times = times_[type.value];
  if (!times.empty()) return times;
  for (const Row& row : batch_->rows) {
    if (row.type != type) continue;
    if (times.size() <= row.index) times.resize(row.index + std::size_t{1}, kEventTimeMin);
    times[row.index] = row.engine_time;
  }
  return times;
}

void AtomBits::evaluate_column(const Atom& atom, EventTypeIndex type, std::uint32_t rows,
                               Words& out) const {
  if (atom.kind == Atom::Kind::kFound) {
    out = texts_.found(atom.test);
    return;
  }
  if (atom.kind == Atom::Kind::kNotFound) {
    const Words& found = texts_.found(atom.test);
    const Words& known = texts_.known(atom.test);
    for (std::size_t w = 0; w < out.size(); ++w) out[w] = known[w] & ~found[w];
    return;
  }
  const Column& column = batch_->types[type.value].fields[atom.field.value];
  const ListProgram* const list = asked_list(atom);
  if (list == nullptr) {
    evaluate_values(atom, column, packed_, rows, out);
    return;
  }
  const std::vector<EventTime> none;
  evaluate_listed(atom, *list,
                  program_->plan->event_types[type.value].fields[atom.field.value].type, column,
                  rows, list->entries().has_ends() ? times_of(type) : none, out);
}

bool AtomBits::holds_at_column(const Atom& atom, EventTypeIndex type, std::uint32_t entry) const {
  const auto bit = [&](const Words& words) { return (words[entry / 64] >> (entry % 64) & 1) != 0; };
  if (atom.kind == Atom::Kind::kFound) return bit(texts_.found(atom.test));
  if (atom.kind == Atom::Kind::kNotFound) {
    return bit(texts_.known(atom.test)) && !bit(texts_.found(atom.test));
  }
  const Column& column = batch_->types[type.value].fields[atom.field.value];
  const ListProgram* const list = asked_list(atom);
  if (list == nullptr) return holds_value(atom, column, entry);
  if (column.known.size() <= entry || column.known[entry] == 0) return false;
  const Type& of_field = program_->plan->event_types[type.value].fields[atom.field.value].type;
  const EventTime at = list->entries().has_ends() ? times_of(type)[entry] : kEventTimeMin;
  const bool wanted = atom.kind == Atom::Kind::kTexts || atom.kind == Atom::Kind::kWords;
  const bool is_listed = of_field.kind == TypeKind::kString
                             ? list->entries().contains(column.texts[entry], at)
                             : list->contains(column_value(of_field, column, entry), at);
  return is_listed == wanted;
}

bool AtomBits::holds(std::uint32_t atom, EventTypeIndex type, std::uint32_t entry) const {
  const std::uint32_t bitmap = program_->index->bitmaps[atom];
  if (bitmap != PredicateIndex::kNoBitmap) {
    return (bits_[bitmap][entry / 64] >> (entry % 64) & 1) != 0;
  }
  return holds_at_column(program_->atoms.atom(atom), type, entry);
}

bool AtomBits::holds(const AtomFormula& formula, EventTypeIndex type, std::uint32_t entry) const {
  truths_.clear();
  for (const AtomFormula::Step& step : formula.steps) {
    switch (step.op) {
      case AtomFormula::Op::kAtom:
        truths_.push_back(holds(step.operand, type, entry) ? 1 : 0);
        break;
      case AtomFormula::Op::kTrue:
      case AtomFormula::Op::kFalse:
        truths_.push_back(step.op == AtomFormula::Op::kTrue ? 1 : 0);
        break;
      case AtomFormula::Op::kAnd:
      case AtomFormula::Op::kOr: {
        const auto begin = truths_.end() - static_cast<std::ptrdiff_t>(step.operand);
        const auto is_true = [](std::uint8_t truth) { return truth != 0; };
        const bool result = step.op == AtomFormula::Op::kAnd
                                ? std::all_of(begin, truths_.end(), is_true)
                                : std::any_of(begin, truths_.end(), is_true);
        truths_.erase(begin, truths_.end());
        truths_.push_back(result ? 1 : 0);
        break;
      }
    }
  }
  return !truths_.empty() && truths_.back() != 0;
}

void AtomBits::evaluate(const ProgramImpl& program, const Batch& batch,
                        const std::vector<std::uint32_t>& rows_of_type, bool only_alerts,
                        std::uint64_t& values_missing) {
  program_ = &program;
  batch_ = &batch;
  const AtomSet& atoms = program.atoms;
  const PredicateIndex& index = *program.index;
  const std::vector<EventType>& types = program.plan->event_types;
  bits_.resize(index.bitmap_count);
  times_.resize(types.size());
  for (std::vector<EventTime>& times : times_) times.clear();
  texts_.evaluate(program, atoms.texts(), batch, rows_of_type, values_missing);
  bool has_expressions = false;
  for (std::size_t t = 0; t < rows_of_type.size(); ++t) {
    const std::uint32_t rows = rows_of_type[t];
    if (only_alerts && !types[t].is_alert()) continue;
    packed_.begin();
    for (const std::uint32_t evaluated : index.types[t].evaluated) {
      const Atom& atom = atoms.atom(evaluated);
      Words& out = bits_[index.bitmaps[evaluated]];
      out.assign((rows + 63) / 64, 0);
      if (rows == 0) continue;
      if (atom.expr != nullptr) {
        has_expressions = true;
      } else {
        evaluate_column(atom, EventTypeIndex(t), rows, out);
      }
    }
  }
  if (!has_expressions) return;
  EvalScope scope{program};
  scope.batch = &batch;
  scope.values_missing = &values_missing;
  for (const Row& row : batch.rows) {
    if (only_alerts && !types[row.type.value].is_alert()) continue;
    const EventView event{&row, nullptr};
    for (const std::uint32_t evaluated : index.types[row.type.value].evaluated) {
      const Atom& atom = atoms.atom(evaluated);
      if (atom.expr == nullptr) continue;
      const Value value = cep::evaluate(*atom.expr, event, scope);
      const bool wanted = atom.kind == Atom::Kind::kExpr;
      if (!value.is_missing() && value.is_true() == wanted) {
        bits_[index.bitmaps[evaluated]][row.index / 64] |= std::uint64_t{1} << (row.index % 64);
      }
    }
  }
}

void AtomBits::combine(const AtomFormula& formula, std::uint32_t rows, Words& out) const {
  const std::size_t words = (rows + 63) / 64;
  out.assign(words, 0);
  if (formula.steps.empty() || words == 0) return;
  std::size_t depth = 0;
  const auto push = [&]() -> Words& {
    if (stack_.size() == depth) stack_.emplace_back();
    stack_[depth].resize(words);
    return stack_[depth++];
  };
  for (const AtomFormula::Step& step : formula.steps) {
    switch (step.op) {
      case AtomFormula::Op::kAtom: {
        const Words& bits = bits_[program_->index->bitmaps[step.operand]];
        std::copy(bits.begin(), bits.end(), push().begin());
        break;
      }
      case AtomFormula::Op::kTrue: {
        Words& top = push();
        std::fill(top.begin(), top.end(), ~std::uint64_t{0});
        if (rows % 64 != 0) top.back() = (std::uint64_t{1} << (rows % 64)) - 1;
        break;
      }
      case AtomFormula::Op::kFalse: {
        Words& top = push();
        std::fill(top.begin(), top.end(), 0);
        break;
      }
      case AtomFormula::Op::kAnd:
      case AtomFormula::Op::kOr: {
        const std::size_t base = depth - step.operand;
        for (std::size_t i = base + 1; i < depth; ++i) {
          for (std::size_t w = 0; w < words; ++w) {
            if (step.op == AtomFormula::Op::kAnd) {
              stack_[base][w] &= stack_[i][w];
            } else {
              stack_[base][w] |= stack_[i][w];
            }
          }
        }
        depth = base + 1;
        break;
      }
    }
  }
  TOCSIN_ASSERT(depth == 1, "a formula leaves one value");
  std::copy(stack_[0].begin(), stack_[0].end(), out.begin());
}
}  // namespace tocsin::cep
