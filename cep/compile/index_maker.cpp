#include "cep/compile/index_maker.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <tuple>
#include <utility>

#include "cep/base/assert.h"
#include "cep/compile/predicate_index.h"
#include "cep/compile/program.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/plan/reference.h"

namespace tocsin::cep {
namespace {
// A list of more values is asked itself.
constexpr std::size_t kListedMost = 1U << 16;

// How well a condition selects, the best first.
enum class Grade : std::uint8_t { kNever, kValue, kFound, kWide, kNone };

// What a formula cannot hold without: one of these atoms.
struct Access {
  Grade grade = Grade::kNone;
  std::uint64_t shared = 0;  // by how many formulas
  std::vector<std::uint32_t> atoms;
  bool is_better_than(const Access& other) const {
    return std::pair(grade, shared) < std::pair(other.grade, other.shared);
  }
};

class IndexMaker {
 public:
  IndexMaker(ProgramImpl& program, const DenseLimits& limits)
      : program_(program), limits_(limits), out_(*made_) {
    out_.types.resize(program.plan->event_types.size());
    out_.bitmaps.assign(program.atoms.count(), PredicateIndex::kNoBitmap);
    type_of_.resize(program.atoms.count());
    uses_.resize(program.atoms.count());
    targets_.resize(program.atoms.count());
    for (std::size_t t = 0; t < out_.types.size(); ++t) {
      for (const std::uint32_t atom : program.atoms.of_type(EventTypeIndex(t))) {
        type_of_[atom] = static_cast<std::uint32_t>(t);
      }
    }
  }
  void run(const std::vector<std::vector<std::vector<std::uint32_t>>>& wakes);

 private:
  template <typename Visit>
  void for_each_formula(Visit&& visit) {
    for (std::uint32_t t = 0; t < program_.tables.size(); ++t) {
      const TableProgram& table = program_.tables[t];
      for (std::uint32_t p = 0; p < table.predicates.size(); ++p) {
        const std::vector<AtomFormula>& by_type = table.predicates[p].by_type;
        for (std::uint32_t i = 0; i < by_type.size(); ++i) {
          if (!by_type[i].steps.empty()) visit(t, p, i, by_type[i]);
        }
      }
    }
  }
  const List* list_of(const Atom& atom) const {
    return atom.list ? &program_.plan->lists[atom.list->value] : nullptr;
  }
  const Type& type_of_field(std::uint32_t atom) const {
    const EventType& type = program_.plan->event_types[type_of_[atom]];
    return type.fields[program_.atoms.atom(atom).field.value].type;
  }
  Grade grade_of(std::uint32_t atom) const;
  Access access_of(const AtomFormula& formula) const;
  Grade grade_of(const Predicate& predicate) const;
  void sort_predicates(TableProgram& table);
  static void sort_operators(TableProgram& table,
                             const std::vector<std::vector<std::uint32_t>>& wakes);
  void add_target(std::uint32_t t, std::uint32_t p, std::uint32_t place,
                  const AtomFormula& formula);
  void give_bitmap(std::uint32_t atom);
  void add_groups(std::uint32_t atom);
  void add_to_fields(std::uint32_t atom, std::uint32_t group);
  PredicateIndex::OfField& field_of(std::uint32_t atom);

  ProgramImpl& program_;
  DenseLimits limits_;
  std::shared_ptr<PredicateIndex> made_ = std::make_shared<PredicateIndex>();
  PredicateIndex& out_;
  std::vector<std::uint32_t> type_of_;  // by atom
  std::vector<std::uint32_t> uses_;     // by atom: formulas
  std::vector<std::vector<PredicateTarget>> targets_;
};

Grade IndexMaker::grade_of(std::uint32_t index) const {
  const Atom& atom = program_.atoms.atom(index);
  switch (atom.kind) {
    case Atom::Kind::kRange: {
      if (atom.low > atom.high) return Grade::kNever;
      const bool is_bool = type_of_field(index).kind == TypeKind::kBool;
      return atom.low == atom.high && !is_bool ? Grade::kValue : Grade::kWide;
    }
    case Atom::Kind::kWords:
    case Atom::Kind::kTexts: {
      const List* const list = list_of(atom);
      if (list != nullptr && list->values.size() > kListedMost) return Grade::kNone;
      if (list == nullptr && atom.words.empty() && atom.texts.empty()) return Grade::kNever;
      return type_of_field(index).kind == TypeKind::kEnum ? Grade::kWide : Grade::kValue;
    }
    case Atom::Kind::kFound:
      return Grade::kFound;
    default:
      return Grade::kNone;
  }
}

Access IndexMaker::access_of(const AtomFormula& formula) const {
  std::vector<Access> stack;
  for (const AtomFormula::Step& step : formula.steps) {
    switch (step.op) {
      case AtomFormula::Op::kAtom:
        stack.push_back({grade_of(step.operand), uses_[step.operand], {step.operand}});
        if (stack.back().grade == Grade::kNever) stack.back().atoms.clear();
        break;
      case AtomFormula::Op::kTrue:
        stack.emplace_back();
        break;
      case AtomFormula::Op::kFalse:
        stack.push_back({Grade::kNever, 0, {}});
        break;
      case AtomFormula::Op::kAnd:
      case AtomFormula::Op::kOr: {
        const std::size_t base = stack.size() - step.operand;
        Access& first = stack[base];
        for (std::size_t i = base + 1; i < stack.size(); ++i) {
          Access& other = stack[i];
          if (step.op == AtomFormula::Op::kAnd) {
            if (other.is_better_than(first)) std::swap(first, other);
            continue;
          }
          first.grade = std::max(first.grade, other.grade);
          first.shared += other.shared;
          first.atoms.insert(first.atoms.end(), other.atoms.begin(), other.atoms.end());
        }
        stack.resize(base + 1);
        break;
      }
    }
  }
  TOCSIN_ASSERT(stack.size() == 1, "a formula leaves one value");
  return std::move(stack[0]);
}

// That of the place where it selects worst.
Grade IndexMaker::grade_of(const Predicate& predicate) const {
  Grade grade = Grade::kNever;
  for (const AtomFormula& formula : predicate.by_type) {
    if (!formula.steps.empty()) grade = std::max(grade, access_of(formula).grade);
  }
  return grade;
}

// Says which of a table's predicates are dense.
void IndexMaker::sort_predicates(TableProgram& table) {
  const std::size_t count = table.predicates.size();
  std::vector<Grade> grades(count, Grade::kNone);
  const bool has_many_operators = table.operators.size() > limits_.operators;
  if (count > limits_.all || has_many_operators) {
    std::size_t wide = 0;
    for (std::size_t p = 0; p < count; ++p) {
      grades[p] = grade_of(table.predicates[p]);
      wide += grades[p] >= Grade::kWide ? 1 : 0;
    }
    const bool is_wide_sparse = wide > limits_.wide || has_many_operators;
    const Grade last = is_wide_sparse ? Grade::kWide : Grade::kFound;
    table.predicate_places.resize(count);
    for (std::size_t p = 0; p < count; ++p) {
      const bool is_sparse = grades[p] <= last;
      table.predicate_places[p] = is_sparse ? TableProgram::kSparse : table.dense_count++;
    }
    if (table.dense_count == count) table.predicate_places.clear();
  } else {
    table.dense_count = static_cast<std::uint32_t>(count);
  }
  table.dense_predicates.resize(program_.plan->event_types.size() * table.role_places);
  for (std::uint32_t p = 0; p < count; ++p) {
    if (!table.is_dense(p)) continue;
    const std::vector<AtomFormula>& by_type = table.predicates[p].by_type;
    for (std::size_t i = 0; i < by_type.size(); ++i) {
      if (!by_type[i].steps.empty()) table.dense_predicates[i].push_back(p);
    }
  }
}

void IndexMaker::sort_operators(TableProgram& table,
                                const std::vector<std::vector<std::uint32_t>>& wakes) {
  const auto count = static_cast<std::uint32_t>(table.operators.size());
  table.mask_operators.push_back(0);
  if (table.predicate_places.empty()) {
    for (std::uint32_t op = 1; op <= count; ++op) table.mask_operators.push_back(op);
    return;
  }
  std::vector<std::vector<std::uint32_t>> woken(table.predicates.size());
  table.continued.begin();
  for (std::uint32_t op = 1; op <= count; ++op) {
    const std::vector<std::uint32_t>& of_op = wakes[op - 1];
    const bool is_dense =
        std::any_of(of_op.begin(), of_op.end(), [&](std::uint32_t p) { return table.is_dense(p); });
    if (is_dense) {
      table.mask_operators.push_back(op);
    } else {
      for (const std::uint32_t p : of_op) {
        if (woken[p].empty() || woken[p].back() != op) woken[p].push_back(op);
      }
    }
    table.continued.begin();
    for (const std::uint32_t p : table.bit_predicates[op]) {
      const bool has_bit = is_dense && table.is_dense(p);
      const bool is_waking = std::find(of_op.begin(), of_op.end(), p) != of_op.end();
      if (!has_bit && !is_waking) table.continued.add(p);
    }
  }
  for (const std::vector<std::uint32_t>& operators : woken) {
    table.woken.begin();
    for (const std::uint32_t op : operators) table.woken.add(op);
  }
}

// What a formula requires whatever else it says.
struct Required {
  std::vector<std::uint32_t> atoms;
  bool is_all = true;  // they suffice
};
Required required_by(const AtomFormula& formula) {
  std::vector<Required> stack;
  for (const AtomFormula::Step& step : formula.steps) {
    switch (step.op) {
      case AtomFormula::Op::kAtom:
        stack.push_back({{step.operand}, true});
        break;
      case AtomFormula::Op::kTrue:
      case AtomFormula::Op::kFalse:
        stack.push_back({{}, step.op == AtomFormula::Op::kTrue});
        break;
      case AtomFormula::Op::kAnd:
      case AtomFormula::Op::kOr: {
        const std::size_t base = stack.size() - step.operand;
        for (std::size_t i = base + 1; i < stack.size(); ++i) {
          stack[base].atoms.insert(stack[base].atoms.end(), stack[i].atoms.begin(),
                                   stack[i].atoms.end());
          stack[base].is_all = stack[base].is_all && stack[i].is_all;
        }
        stack.resize(base + 1);
        if (step.op == AtomFormula::Op::kOr && step.operand > 1) stack[base] = {{}, false};
        break;
      }
    }
  }
  return std::move(stack[0]);
}

void IndexMaker::add_target(std::uint32_t t, std::uint32_t p, std::uint32_t place,
                            const AtomFormula& formula) {
  Access access = access_of(formula);
  const Required required = required_by(formula);
  PredicateTarget target;
  target.list = out_.first_list[t] + place;
  target.predicate = p;
  target.has_more = !required.is_all;
  for (const std::uint32_t required_atom : required.atoms) {
    if (access.atoms.size() == 1 && required_atom == access.atoms[0]) continue;
    const Atom& atom = program_.atoms.atom(required_atom);
    if (atom.kind != Atom::Kind::kRange || target.bound.has_field()) {
      target.has_more = true;
    } else if (atom.low == std::numeric_limits<std::int64_t>::min()) {
      target.bound = WordBound::upper(atom.field.value, atom.high);
    } else {
      target.bound = WordBound::lower(atom.field.value, atom.low);
      target.most = atom.high;
    }
  }
  std::sort(access.atoms.begin(), access.atoms.end());
  access.atoms.erase(std::unique(access.atoms.begin(), access.atoms.end()), access.atoms.end());
  for (const std::uint32_t atom : access.atoms) {
    target.atom = atom;
    targets_[atom].push_back(target);
  }
}

void IndexMaker::give_bitmap(std::uint32_t atom) {
  if (out_.bitmaps[atom] != PredicateIndex::kNoBitmap) return;
  out_.bitmaps[atom] = out_.bitmap_count++;
  out_.types[type_of_[atom]].evaluated.push_back(atom);
}

PredicateIndex::OfField& IndexMaker::field_of(std::uint32_t atom) {
  const FieldIndex field = program_.atoms.atom(atom).field;
  std::vector<PredicateIndex::OfField>& fields = out_.types[type_of_[atom]].fields;
  const auto known = std::find_if(fields.begin(), fields.end(),
                                  [&](const auto& other) { return other.field == field; });
  if (known != fields.end()) return *known;
  fields.emplace_back();
  fields.back().field = field;
  fields.back().is_text = type_of_field(atom).kind == TypeKind::kString;
  return fields.back();
}

// Makes a group of an atom's targets findable.
void IndexMaker::add_to_fields(std::uint32_t index, std::uint32_t group) {
  const Atom& atom = program_.atoms.atom(index);
  if (atom.kind == Atom::Kind::kFound) {
    out_.types[type_of_[index]].found.push_back(group);
    return;
  }
  PredicateIndex::OfField& field = field_of(index);
  if (atom.kind == Atom::Kind::kRange) {
    if (atom.low == atom.high) {
      field.values.add(atom.low, group);
    } else {
      field.ranges.add(atom.low, atom.high, group);
    }
    return;
  }
  if (atom.list) out_.types[type_of_[index]].listed.emplace_back(atom.list->value, group);
  if (!atom.has_values && atom.kind == Atom::Kind::kTexts) {
    for (const OwnedValue& value : list_of(atom)->values) {
      field.values.add(value.view().text, group);
    }
    return;
  }
  const std::vector<std::int64_t> words =
      atom.has_values ? atom.words : words_of_list(type_of_field(index), *list_of(atom));
  for (const std::int64_t word : words) field.values.add(word, group);
  for (const std::string& text : atom.texts) field.values.add(std::string_view(text), group);
}

// The atom's targets, as PredicateTarget says.
void IndexMaker::add_groups(std::uint32_t atom) {
  std::vector<PredicateTarget>& targets = targets_[atom];
  std::sort(targets.begin(), targets.end(), [](const PredicateTarget& a, const PredicateTarget& b) {
    return std::tie(a.bound, a.list, a.predicate) < std::tie(b.bound, b.list, b.predicate);
  });
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const bool is_first = i == 0 || targets[i - 1].bound.kind != targets[i].bound.kind;
    targets[i].is_last =
        i + 1 == targets.size() || targets[i + 1].bound.kind != targets[i].bound.kind;
    if (is_first) add_to_fields(atom, static_cast<std::uint32_t>(out_.targets.size()));
    out_.targets.push_back(targets[i]);
  }
}

void IndexMaker::run(const std::vector<std::vector<std::vector<std::uint32_t>>>& wakes) {
  for_each_formula([&](std::uint32_t, std::uint32_t, std::uint32_t, const AtomFormula& formula) {
    for (const AtomFormula::Step& step : formula.steps) {
      if (step.op == AtomFormula::Op::kAtom) ++uses_[step.operand];
    }
  });
  for (std::size_t t = 0; t < program_.tables.size(); ++t) {
    TableProgram& table = program_.tables[t];
    sort_predicates(table);
    sort_operators(table, wakes[t]);
    out_.first_list.push_back(out_.list_count);
    for (std::uint32_t i = 0; i < table.dense_predicates.size(); ++i) {
      out_.types[i % out_.types.size()].lists.push_back(out_.list_count++);
      out_.places.push_back({static_cast<std::uint32_t>(t), i});
    }
  }
  for (std::uint32_t atom = 0; atom < program_.atoms.count(); ++atom) {
    if (program_.atoms.atom(atom).expr != nullptr) give_bitmap(atom);
  }
  for_each_formula(
      [&](std::uint32_t t, std::uint32_t p, std::uint32_t place, const AtomFormula& formula) {
        if (!program_.tables[t].is_dense(p)) {
          add_target(t, p, place, formula);
          return;
        }
        for (const AtomFormula::Step& step : formula.steps) {
          if (step.op == AtomFormula::Op::kAtom) give_bitmap(step.operand);
        }
      });
  for (std::uint32_t atom = 0; atom < targets_.size(); ++atom) add_groups(atom);
  out_.targets.shrink_to_fit();
  const auto bound_of = [&](std::uint32_t group) { return out_.targets[group].bound; };
  for (PredicateIndex::OfType& type : out_.types) {
    std::sort(type.evaluated.begin(), type.evaluated.end());
    std::sort(type.listed.begin(), type.listed.end());
    for (PredicateIndex::OfField& field : type.fields) {
      field.values.finish(bound_of);
      field.ranges.finish();
    }
  }
  program_.index = std::move(made_);
}
}  // namespace

void make_predicate_index(ProgramImpl& program,
                          const std::vector<std::vector<std::vector<std::uint32_t>>>& wakes,
                          const DenseLimits& limits) {
  IndexMaker(program, limits).run(wakes);
}
}  // namespace tocsin::cep
