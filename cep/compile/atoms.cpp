#include "cep/compile/atoms.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/comparison.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/plan/reference.h"
#include "cep/value/short_text.h"

namespace tocsin::cep {
namespace {
using Formula = AtomFormula;
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
// A list of more values is asked itself.
constexpr std::size_t kCopiedValuesMax = 64;

// Column words that lie between two others, ends included; none where low > high.
struct WordRange {
  std::int64_t low = kLeast;
  std::int64_t high = kMost;
};

// Floor of a literal at the column's scale; `exact` says that nothing was cut off.
struct Threshold {
  Int128 floor = 0;
  bool exact = true;
};
std::optional<Threshold> threshold_of(const Type& column, const Value& literal) {
  const auto is_number = [](ValueKind kind) {
    return kind == ValueKind::kInt || kind == ValueKind::kDecimal;
  };
  switch (column.kind) {
    case TypeKind::kInt:
    case TypeKind::kDecimal: {
      if (!is_number(literal.kind)) return std::nullopt;
      const int column_scale = column.kind == TypeKind::kDecimal ? column.scale : 0;
      Int128 scaled = 0;
      if (__builtin_mul_overflow(literal.number, Int128{power_of_ten(column_scale)}, &scaled)) {
        return std::nullopt;
      }
      const Int128 divisor = power_of_ten(literal.scale);
      Threshold threshold;
      threshold.floor = scaled / divisor;
      threshold.exact = scaled % divisor == 0;
      if (!threshold.exact && scaled < 0) threshold.floor -= 1;
      return threshold;
    }
    case TypeKind::kTime:
      if (literal.kind != ValueKind::kTime) return std::nullopt;
      return Threshold{literal.number, true};
    case TypeKind::kDate:
      if (literal.kind != ValueKind::kDate) return std::nullopt;
      return Threshold{literal.number, true};
    case TypeKind::kDuration:
      if (literal.kind != ValueKind::kDuration) return std::nullopt;
      return Threshold{literal.number, true};
    case TypeKind::kBool:
      if (literal.kind != ValueKind::kBool) return std::nullopt;
      return Threshold{literal.number, true};
    default:
      return std::nullopt;
  }
}

std::int64_t clamped(Int128 number) {
  return static_cast<std::int64_t>(std::clamp<Int128>(number, kLeast, kMost));
}
constexpr WordRange kNoWord{1, 0};

WordRange below(Int128 highest) {
  if (highest < kLeast) return kNoWord;
  return {kLeast, clamped(highest)};
}
WordRange above(Int128 lowest) {
  if (lowest > kMost) return kNoWord;
  return {clamped(lowest), kMost};
}
WordRange exactly(const Threshold& threshold) {
  if (!threshold.exact || threshold.floor < kLeast || threshold.floor > kMost) return kNoWord;
  return {clamped(threshold.floor), clamped(threshold.floor)};
}
// The words w with `w op literal`; for kNotEqual those that are equal.
WordRange range_of(Op op, const Threshold& t) {
  switch (op) {
    case Op::kLess:
      return below(t.exact ? t.floor - 1 : t.floor);
    case Op::kLessEqual:
      return below(t.floor);
    case Op::kGreater:
      return above(t.floor + 1);
    case Op::kGreaterEqual:
      return above(t.exact ? t.floor : t.floor + 1);
    default:
      return exactly(t);
  }
}

// A test of one field: which words or texts satisfy it. It is unknown where the field is missing.
std::optional<Atom> comparison_test(Op op, const Type& column, const Value& literal) {
  Atom atom;
  if (column.kind == TypeKind::kEnum &&
      (literal.kind == ValueKind::kEnum || literal.kind == ValueKind::kString)) {
    atom.kind = Atom::Kind::kWords;
    for (std::size_t i = 0; i < column.words->size(); ++i) {
      const auto word = static_cast<std::int64_t>(i);
      if (holds(op, compare(Value::enumerated(word, (*column.words)[i]), literal))) {
        atom.words.push_back(word);
      }
    }
    return atom;
  }
  if (column.kind == TypeKind::kString && (op == Op::kEqual || op == Op::kNotEqual)) {
    if (literal.kind != ValueKind::kString && literal.kind != ValueKind::kEnum) return std::nullopt;
    atom.kind = op == Op::kEqual ? Atom::Kind::kTexts : Atom::Kind::kNotTexts;
    atom.texts.emplace_back(literal.text);
    return atom;
  }
  const std::optional<Threshold> threshold = threshold_of(column, literal);
  if (!threshold) return std::nullopt;
  const WordRange range = range_of(op, *threshold);
  atom.kind = op == Op::kNotEqual ? Atom::Kind::kOutside : Atom::Kind::kRange;
  atom.low = range.low;
  atom.high = range.high;
  return atom;
}

// `field in {values}`, all of them known.
std::optional<Atom> membership_test(const Type& column, const std::vector<Value>& values) {
  Atom atom;
  if (column.kind == TypeKind::kString) {
    atom.kind = Atom::Kind::kTexts;
    for (const Value& value : values) {
      if (value.kind != ValueKind::kString && value.kind != ValueKind::kEnum) return std::nullopt;
      atom.texts.emplace_back(value.text);
    }
    std::sort(atom.texts.begin(), atom.texts.end());
    return atom;
  }
  atom.kind = Atom::Kind::kWords;
  for (const Value& value : values) {
    const std::optional<Atom> one = comparison_test(Op::kEqual, column, value);
    if (!one) return std::nullopt;
    if (one->kind == Atom::Kind::kWords) {
      atom.words.insert(atom.words.end(), one->words.begin(), one->words.end());
    } else if (one->low <= one->high) {
      atom.words.push_back(one->low);
    }
  }
  std::sort(atom.words.begin(), atom.words.end());
  atom.words.erase(std::unique(atom.words.begin(), atom.words.end()), atom.words.end());
  return atom;
}

// The same test, satisfied by the other known values.
void negate_test(Atom& atom) {
  switch (atom.kind) {
    case Atom::Kind::kRange:
      atom.kind = Atom::Kind::kOutside;
      return;
    case Atom::Kind::kOutside:
      atom.kind = Atom::Kind::kRange;
      return;
    case Atom::Kind::kWords:
      atom.kind = Atom::Kind::kNotWords;
      return;
    case Atom::Kind::kTexts:
      atom.kind = Atom::Kind::kNotTexts;
      return;
    case Atom::Kind::kNotTexts:
      atom.kind = Atom::Kind::kTexts;
      return;
    case Atom::Kind::kKnown:
      atom.kind = Atom::Kind::kMissing;
      return;
    case Atom::Kind::kMissing:
      atom.kind = Atom::Kind::kKnown;
      return;
    case Atom::Kind::kBegins:
      atom.kind = Atom::Kind::kNotBegins;
      return;
    case Atom::Kind::kEnds:
      atom.kind = Atom::Kind::kNotEnds;
      return;
    case Atom::Kind::kFound:
      atom.kind = Atom::Kind::kNotFound;
      return;
    default:
      break;
  }
  TOCSIN_ASSERT(false, "tests are made positive");
}

// The test of one field that `expr` is, if it is one.
std::optional<Atom> field_test(const Expr& expr, EventTypeIndex type, const Plan& plan) {
  const auto field_read = [&](const Expr& e) -> std::optional<FieldIndex> {
    return e.op == Op::kField ? field_of(e)->in(type) : std::nullopt;
  };
  const auto type_of = [&](FieldIndex field) -> const Type& {
    return plan.event_types[type.value].fields[field.value].type;
  };
  std::optional<Atom> atom;
  std::optional<FieldIndex> field;
  if (expr.op == Op::kField) {
    field = field_read(expr);
    if (!field || type_of(*field).kind != TypeKind::kBool) return std::nullopt;
    atom = comparison_test(Op::kEqual, type_of(*field), Value::boolean(true));
  } else if (is_comparison(expr.op)) {
    const bool literal_first = expr.args[0]->op == Op::kLiteral;
    const Expr& literal = *expr.args[literal_first ? 0 : 1];
    field = field_read(*expr.args[literal_first ? 1 : 0]);
    if (!field || literal.op != Op::kLiteral || literal_of(literal).is_missing()) {
      return std::nullopt;
    }
    atom = comparison_test(literal_first ? mirrored(expr.op) : expr.op, type_of(*field),
                           literal_of(literal));
  } else if (expr.op == Op::kIn || expr.op == Op::kInValues) {
    field = field_read(*expr.args[0]);
    if (!field) return std::nullopt;
    std::vector<Value> values;
    bool has_values = true;
    if (expr.op == Op::kIn) {
      const List& list = plan.lists[expr.as<ListLookup>().list.value];
      if (list.kind != ListKind::kValues) return std::nullopt;
      const std::vector<OwnedValue>& listed = list.values;
      has_values = listed.size() <= kCopiedValuesMax;
      // One value says what kind of test it is.
      for (std::size_t i = 0; i < (has_values ? listed.size() : 1); ++i) {
        values.push_back(listed[i].view());
      }
    } else {
      for (std::size_t i = 1; i < expr.args.size(); ++i) {
        if (expr.args[i]->op != Op::kLiteral) return std::nullopt;
        values.push_back(literal_of(*expr.args[i]));
        if (values.back().is_missing()) return std::nullopt;
      }
    }
    atom = membership_test(type_of(*field), values);
    if (atom && expr.op == Op::kIn) {
      atom->list = expr.as<ListLookup>().list;
      atom->has_values = has_values;
    }
  } else if (expr.op == Op::kStartsWith || expr.op == Op::kEndsWith) {
    field = field_read(*expr.args[0]);
    if (!field || type_of(*field).kind != TypeKind::kString || expr.args[1]->op != Op::kLiteral) {
      return std::nullopt;
    }
    const Value what = literal_of(*expr.args[1]);
    if (what.kind != ValueKind::kString) return std::nullopt;
    atom.emplace();
    atom->kind = expr.op == Op::kStartsWith ? Atom::Kind::kBegins : Atom::Kind::kEnds;
    atom->texts.emplace_back(what.text);
  } else if (expr.op == Op::kIsMissing || expr.op == Op::kIsKnown) {
    field = field_read(*expr.args[0]);
    if (!field) return std::nullopt;
    atom.emplace();
    atom->kind = expr.op == Op::kIsMissing ? Atom::Kind::kMissing : Atom::Kind::kKnown;
  }
  if (atom) atom->field = *field;
  return atom;
}

// What a test asks, in words of its own: equal texts are equal tests.
std::string meaning_of(const Atom& atom) {
  std::string out = std::to_string(static_cast<int>(atom.kind)) + "/" +
                    std::to_string(atom.field.value) + "/" + std::to_string(atom.low) + "/" +
                    std::to_string(atom.high);
  if (atom.list) return out + "/list " + std::to_string(atom.list->value);
  for (const std::int64_t word : atom.words) out += "," + std::to_string(word);
  for (const std::string& text : atom.texts) {
    out += ";" + std::to_string(text.size()) + ":" + text;
  }
  return out;
}
}  // namespace

std::vector<std::int64_t> words_of_list(const Type& column, const List& list) {
  std::vector<Value> values;
  for (const OwnedValue& value : list.values) values.push_back(value.view());
  std::optional<Atom> atom = membership_test(column, values);
  TOCSIN_ASSERT(atom && atom->kind == Atom::Kind::kWords,
                "the list's first value made such a test");
  return std::move(atom->words);
}

AtomSet::AtomSet(const Plan& plan) : plan_(&plan), by_type_(plan.event_types.size()) {}

std::uint32_t AtomSet::add(EventTypeIndex type, Atom atom, std::string meaning) {
  meaning = std::to_string(type.value) + "|" + meaning;
  const auto [place, is_new] =
      by_meaning_.try_emplace(std::move(meaning), static_cast<std::uint32_t>(atoms_.size()));
  if (is_new) {
    const bool short_texts = atom.has_values && std::all_of(atom.texts.begin(), atom.texts.end(),
                                                            [](const std::string& text) {
                                                              return text.size() <= kShortTextMax;
                                                            });
    if (short_texts) {
      for (const std::string& text : atom.texts) {
        atom.packed.push_back(static_cast<std::int64_t>(packed_text(text)));
      }
    }
    by_type_[type.value].push_back(place->second);
    atoms_.push_back(std::move(atom));
  }
  return place->second;
}

bool AtomSet::append_test(AtomFormula& out, EventTypeIndex type, const Expr& expr, bool wanted) {
  std::optional<Atom> atom = field_test(expr, type, *plan_);
  if (!atom) {
    const std::optional<TextTest> test = texts_->add(type, expr, *plan_);
    if (!test) return false;
    atom.emplace();
    atom->kind = Atom::Kind::kFound;
    atom->low = test->text;  // its meaning
    atom->high = test->slot;
    atom->test = *test;
  }
  if (!wanted) negate_test(*atom);
  const std::string meaning = meaning_of(*atom);
  out.steps.push_back({Formula::Op::kAtom, add(type, std::move(*atom), meaning)});
  return true;
}

void AtomSet::append(AtomFormula& out, EventTypeIndex type, const Expr& expr, bool wanted) {
  if (expr.op == Op::kLiteral) {
    const Value value = literal_of(expr);
    const bool holds_always = !value.is_missing() && value.is_true() == wanted;
    out.steps.push_back({holds_always ? Formula::Op::kTrue : Formula::Op::kFalse, 0});
    return;
  }
  if (expr.op == Op::kNot) {
    append(out, type, *expr.args[0], !wanted);
    return;
  }
  if (expr.op == Op::kAnd || expr.op == Op::kOr) {
    for (const ExprPtr& arg : expr.args) append(out, type, *arg, wanted);
    const bool is_and = (expr.op == Op::kAnd) == wanted;
    out.steps.push_back({is_and ? Formula::Op::kAnd : Formula::Op::kOr,
                         static_cast<std::uint32_t>(expr.args.size())});
    return;
  }
  if (append_test(out, type, expr, wanted)) return;
  if (expr.op == Op::kBetween && expr.args[0]->op == Op::kField) {
    // a between b and c is a >= b and a <= c, each of which may be a test of one field.
    Expr low;
    low.op = Op::kGreaterEqual;
    low.type = expr.type;
    low.args = {expr.args[0], expr.args[1]};
    Expr high = low;
    high.op = Op::kLessEqual;
    high.args[1] = expr.args[2];
    AtomFormula both;
    if (append_test(both, type, low, wanted) && append_test(both, type, high, wanted)) {
      both.steps.push_back({wanted ? Formula::Op::kAnd : Formula::Op::kOr, 2});
      out.steps.insert(out.steps.end(), both.steps.begin(), both.steps.end());
      return;
    }
  }
  Atom atom;
  atom.kind = wanted ? Atom::Kind::kExpr : Atom::Kind::kNotExpr;
  atom.expr = &expr;
  const std::string meaning = (wanted ? "true " : "false ") + describe(*plan_, expr);
  out.steps.push_back({Formula::Op::kAtom, add(type, std::move(atom), meaning)});
}

AtomFormula AtomSet::intern(EventTypeIndex type, const Expr& expr, bool wanted) {
  AtomFormula formula;
  append(formula, type, expr, wanted);
  return formula;
}
}  // namespace tocsin::cep
