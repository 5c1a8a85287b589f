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
// One bit for each of the entries, from a test that gives 0 or 1.
template <typename Test>
void fill_bits(std::uint64_t* out, PartRange entries, Test&& test) {
  for (std::uint32_t begin = entries.begin; begin < entries.end; begin += 64) {
    const std::uint32_t count = std::min<std::uint32_t>(64, entries.end - begin);
    std::uint64_t bits = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      bits |= static_cast<std::uint64_t>(test(begin + i)) << i;
    }
    *out++ = bits;
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

void evaluate_values(const Atom& atom, const Column& column, PackedTexts& packed, PartRange entries,
                     std::uint64_t* out) {
  const ColumnBits& bits = column_bits();
  const std::uint32_t rows = entries.end - entries.begin;
  const std::uint8_t* const known = column.known.data();
  const std::uint8_t* const first_known = known + entries.begin;
  switch (atom.kind) {
    case Atom::Kind::kRange:
    case Atom::Kind::kOutside:
      bits.range(first_known, column.words.data() + entries.begin, rows, atom.low, atom.high,
                 atom.kind == Atom::Kind::kRange, out);
      return;
    case Atom::Kind::kWords:
    case Atom::Kind::kNotWords: {
      const bool wanted = atom.kind == Atom::Kind::kWords;
      const std::int64_t* words = column.words.data();
      if (atom.words.size() <= kFewValues) {
        bits.equal(first_known, words + entries.begin, rows, atom.words, wanted, out);
        return;
      }
      fill_bits(out, entries, [&](std::uint32_t i) {
        return known[i] != 0 &&
               std::binary_search(atom.words.begin(), atom.words.end(), words[i]) == wanted;
      });
      return;
    }
    case Atom::Kind::kTexts:
    case Atom::Kind::kNotTexts: {
      const bool wanted = atom.kind == Atom::Kind::kTexts;
      if (!atom.packed.empty() && atom.packed.size() <= kFewValues) {
        bits.equal(first_known, packed.of(atom.field, column, entries), rows, atom.packed, wanted,
                   out);
        return;
      }
      fill_bits(out, entries, [&](std::uint32_t i) {
        return known[i] != 0 && has_text(atom.texts, column.texts[i]) == wanted;
      });
      return;
    }
    case Atom::Kind::kKnown:
    case Atom::Kind::kMissing:
      bits.known(first_known, rows, atom.kind == Atom::Kind::kKnown, out);
      return;
    case Atom::Kind::kBegins:
    case Atom::Kind::kNotBegins:
    case Atom::Kind::kEnds:
    case Atom::Kind::kNotEnds: {
      const bool wanted = atom.kind == Atom::Kind::kBegins || atom.kind == Atom::Kind::kEnds;
      const bool at_begin = atom.kind == Atom::Kind::kBegins || atom.kind == Atom::Kind::kNotBegins;
      const std::string& what = atom.texts.front();
      fill_bits(out, entries, [&](std::uint32_t i) {
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
                     const Column& column, PartRange entries, const std::vector<EventTime>& times,
                     std::uint64_t* out) {
  const bool wanted = atom.kind == Atom::Kind::kTexts || atom.kind == Atom::Kind::kWords;
  const auto at = [&](std::uint32_t i) { return times.empty() ? kEventTimeMin : times[i]; };
  if (type.kind == TypeKind::kString) {
    fill_bits(out, entries, [&](std::uint32_t i) {
      return column.known[i] != 0 && list.entries().contains(column.texts[i], at(i)) == wanted;
    });
    return;
  }
  fill_bits(out, entries, [&](std::uint32_t i) {
    return column.known[i] != 0 && list.contains(column_value(type, column, i), at(i)) == wanted;
  });
}
}  // namespace

const std::int64_t* PackedTexts::of(FieldIndex field, const Column& column, PartRange entries) {
  if (by_field_.size() <= field.value) by_field_.resize(field.value + std::size_t{1});
  Packed& packed = by_field_[field.value];
  if (packed.type == type_) return packed.words.data();
  packed.type = type_;
  packed.words.resize(entries.end - entries.begin);
  for (std::uint32_t i = entries.begin; i < entries.end; ++i) {
    packed.words[i - entries.begin] = static_cast<std::int64_t>(packed_text(column.texts[i]));
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

// The words of the range, which begins with one. `rows`: the type's.
void AtomBits::evaluate_column(const Atom& atom, EventTypeIndex type, std::uint32_t rows,
                               PartRange entries, PackedTexts& packed, std::uint64_t* out) const {
  if (atom.kind == Atom::Kind::kFound || atom.kind == Atom::Kind::kNotFound) {
    const Words& found = texts_.found(atom.test);
    const Words& known = texts_.known(atom.test);
    const bool wanted = atom.kind == Atom::Kind::kFound;
    for (std::uint32_t w = entries.begin / 64; w < (entries.end + 63) / 64; ++w) {
      *out++ = wanted ? found[w] : known[w] & ~found[w];
    }
    return;
  }
  const Column& column = batch_->types[type.value].fields[atom.field.value];
  const ListProgram* const list = asked_list(atom);
  if (column.known.size() < rows) {  // a field that nothing filled is missing
    const bool holds = list == nullptr && atom.kind == Atom::Kind::kMissing;
    fill_bits(out, entries, [&](std::uint32_t) { return holds; });
    return;
  }
  if (list == nullptr) {
    evaluate_values(atom, column, packed, entries, out);
    return;
  }
  const std::vector<EventTime> none;
  evaluate_listed(atom, *list,
                  program_->plan->event_types[type.value].fields[atom.field.value].type, column,
                  entries, list->entries().has_ends() ? times_of(type) : none, out);
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
  std::uint64_t entries = 0;
  for (std::size_t t = 0; t < rows_of_type.size(); ++t) {
    if (only_alerts && !types[t].is_alert()) continue;
    entries += rows_of_type[t];
    for (const std::uint32_t evaluated : index.types[t].evaluated) {
      const Atom& atom = atoms.atom(evaluated);
      // Every word is written by a part, but for those of expressions.
      Words& out = bits_[index.bitmaps[evaluated]];
      if (atom.expr != nullptr) out.clear();
      out.resize((rows_of_type[t] + 63) / 64);
      has_expressions = has_expressions || (atom.expr != nullptr && rows_of_type[t] > 0);
      // What several parts read is made before them.
      const ListProgram* const list = atom.expr == nullptr ? asked_list(atom) : nullptr;
      if (list != nullptr && list->entries().has_ends()) times_of(EventTypeIndex(t));
    }
  }
  const std::uint32_t parts = parts_of(workers_, entries, 1);
  if (packed_.size() < parts) packed_.resize(parts);
  run_parts(workers_, parts, [&](std::uint32_t part, std::uint32_t /*worker*/) {
    evaluate_part(rows_of_type, only_alerts, part, parts);
  });
  if (has_expressions) evaluate_expressions(only_alerts, values_missing);
}

// The atoms that look at a column, over some entries of each type.
void AtomBits::evaluate_part(const std::vector<std::uint32_t>& rows_of_type, bool only_alerts,
                             std::uint32_t part, std::uint32_t parts) {
  const PredicateIndex& index = *program_->index;
  PackedTexts& packed = packed_[part];
  for (std::size_t t = 0; t < rows_of_type.size(); ++t) {
    if (only_alerts && !program_->plan->event_types[t].is_alert()) continue;
    const PartRange entries = part_range(rows_of_type[t], part, parts, 64);
    if (entries.begin == entries.end) continue;
    packed.begin();
    for (const std::uint32_t evaluated : index.types[t].evaluated) {
      const Atom& atom = program_->atoms.atom(evaluated);
      if (atom.expr != nullptr) continue;
      evaluate_column(atom, EventTypeIndex(t), rows_of_type[t], entries, packed,
                      bits_[index.bitmaps[evaluated]].data() + entries.begin / 64);
    }
  }
}

void AtomBits::evaluate_expressions(bool only_alerts, std::uint64_t& values_missing) {
  const PredicateIndex& index = *program_->index;
  EvalScope scope{*program_};
  scope.batch = batch_;
  scope.values_missing = &values_missing;
  for (const Row& row : batch_->rows) {
    if (only_alerts && !program_->plan->event_types[row.type.value].is_alert()) continue;
    const EventView event{&row, nullptr};
    for (const std::uint32_t evaluated : index.types[row.type.value].evaluated) {
      const Atom& atom = program_->atoms.atom(evaluated);
      if (atom.expr == nullptr) continue;
      const Value value = cep::evaluate(*atom.expr, event, scope);
      const bool wanted = atom.kind == Atom::Kind::kExpr;
      if (!value.is_missing() && value.is_true() == wanted) {
        bits_[index.bitmaps[evaluated]][row.index / 64] |= std::uint64_t{1} << (row.index % 64);
      }
    }
  }
}

void AtomBits::combine(const AtomFormula& formula, PartRange entries, Stack& stack,
                       Words& out) const {
  const std::uint32_t rows = entries.end - entries.begin;
  const std::size_t words = (rows + 63) / 64;
  out.assign(words, 0);
  if (formula.steps.empty() || words == 0) return;
  std::size_t depth = 0;
  const auto push = [&]() -> Words& {
    if (stack.size() == depth) stack.emplace_back();
    stack[depth].resize(words);
    return stack[depth++];
  };
  for (const AtomFormula::Step& step : formula.steps) {
    switch (step.op) {
      case AtomFormula::Op::kAtom: {
        const Words& bits = bits_[program_->index->bitmaps[step.operand]];
        std::copy_n(bits.begin() + entries.begin / 64, words, push().begin());
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
              stack[base][w] &= stack[i][w];
            } else {
              stack[base][w] |= stack[i][w];
            }
          }
        }
        depth = base + 1;
        break;
      }
    }
  }
  TOCSIN_ASSERT(depth == 1, "a formula leaves one value");
  std::copy(stack[0].begin(), stack[0].end(), out.begin());
}
}  // namespace tocsin::cep
