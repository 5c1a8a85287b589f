/// Atoms: tests of one event's own fields, interned over all rules and features, evaluated once
/// each over the columns of a slice to bitmaps. SQL's three-valued logic is kept by asking each
/// leaf for its truth or its falsity: a negation is pushed to the leaves by De Morgan, and a leaf
/// over a missing value is neither true nor false.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cep/compile/text_atoms.h"
#include "cep/data/batch.h"
#include "cep/plan/expr.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
/// A combination of atoms of one event type in postfix. Empty: false.
struct AtomFormula {
  enum class Op : std::uint8_t { kAtom, kAnd, kOr, kTrue, kFalse };
  struct Step {
    Op op = Op::kTrue;
    std::uint32_t operand = 0;  // the atom, or how many operands kAnd and kOr take
    friend bool operator==(const Step&, const Step&) = default;
  };
  std::vector<Step> steps;
  friend bool operator==(const AtomFormula&, const AtomFormula&) = default;
};

/// One atom: a loop over one column where the test allows it, else the expression row by row.
struct Atom {
  enum class Kind : std::uint8_t {
    kRange,    // low <= word <= high
    kOutside,  // not so
    kWords,    // word in `words`, sorted
    kNotWords,
    kTexts,  // text in `texts`, sorted
    kNotTexts,
    kKnown,
    kMissing,
    kBegins,  // text begins with texts[0]
    kNotBegins,
    kEnds,  // … ends with it
    kNotEnds,
    kFound,     // `test` is true
    kNotFound,  // `test` is false
    kExpr,      // is true
    kNotExpr,   // is false
  };
  Kind kind = Kind::kExpr;
  FieldIndex field;
  std::int64_t low = 0;
  std::int64_t high = 0;
  std::vector<std::int64_t> words;
  std::vector<std::string> texts;
  std::vector<std::int64_t> packed;  // of kTexts and kNotTexts, where all have at most 7 bytes
  /// kWords, kTexts and their opposites: the values are this list's, as declared; they stand here
  /// where they are few. Once the list has changed it is asked itself.
  std::optional<ListIndex> list;
  bool has_values = true;
  TextTest test;  // kFound, kNotFound
  const Expr* expr = nullptr;
};

/// The words of a column of this type that are a value of the list, ascending. The list is one of
/// values, and `field in list` is a test of words.
std::vector<std::int64_t> words_of_list(const Type& column, const List& list);

/// All atoms of a program, by event type.
class AtomSet {
 public:
  AtomSet() = default;
  explicit AtomSet(const Plan& plan);
  /// The formula of rows of `type` for which `expr` is true (or, with `wanted` false, false).
  /// `expr` has only fields of the current event, literals, lists and operators; it outlives the
  /// set.
  AtomFormula intern(EventTypeIndex type, const Expr& expr, bool wanted = true);
  /// Makes the texts' searches ready; to be called once, after the last intern(). Errors: those of
  /// TextDatabase::compile.
  Result<void> prepare_searches(std::size_t bytes_max, TextDatabaseCache* cache) {
    return texts_->prepare(bytes_max, cache);
  }
  const TextAtoms& texts() const { return *texts_; }
  std::size_t count() const { return atoms_.size(); }
  const Atom& atom(std::size_t index) const { return atoms_[index]; }
  const std::vector<std::uint32_t>& of_type(EventTypeIndex type) const {
    return by_type_[type.value];
  }

 private:
  std::uint32_t add(EventTypeIndex type, Atom atom, std::string meaning);
  void append(AtomFormula& out, EventTypeIndex type, const Expr& expr, bool wanted);
  bool append_test(AtomFormula& out, EventTypeIndex type, const Expr& expr, bool wanted);

  const Plan* plan_ = nullptr;
  std::shared_ptr<TextAtoms> texts_ = std::make_shared<TextAtoms>();  // copies share it
  std::vector<Atom> atoms_;
  std::vector<std::vector<std::uint32_t>> by_type_;
  std::unordered_map<std::string, std::uint32_t> by_meaning_;
};
}  // namespace tocsin::cep
