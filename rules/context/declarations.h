/// What the names of a set of files mean: the symbols that the checker fills, one declaration at a
/// time. Names are views into the trees, which outlive them.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cep/plan/expr.h"
#include "cep/plan/key_spec.h"
#include "rules/syntax/tree.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules {
template <typename Symbol>
using SymbolMap = std::unordered_map<std::string_view, Symbol>;

/// A part of a condition that must hold with all others, and where it was written.
struct Conjunct {
  cep::ExprPtr expr;
  SourceSpan span;
};
struct FieldSymbol {
  cep::FieldIndex index;
  const tree::Field* tree = nullptr;
  bool broken = false;  // its type could not be read
};
/// One event type that a kind takes, and the conditions it puts on it.
struct KindAlternative {
  cep::EventTypeIndex type;
  std::vector<Conjunct> conjuncts;
  cep::ExprPtr condition;  // of the conjuncts; absent where none
};
enum class Resolution : std::uint8_t { kNotYet, kRunning, kDone };
/// An event type or a kind. `broken`: some of it is unknown, and what follows from it is not
/// reported.
struct KindSymbol {
  const tree::Name* name = nullptr;
  const tree::Kind* kind = nullptr;          // a kind's
  std::optional<cep::EventTypeIndex> event;  // an event type's
  Resolution resolution = Resolution::kNotYet;
  std::vector<KindAlternative> alternatives;
  bool broken = false;
};
struct EventSymbol {
  const tree::Event* tree = nullptr;
  SymbolMap<FieldSymbol> fields;
  bool broken = false;
  std::unordered_set<std::string_view> fields_elsewhere;  // of another declaration of the name
  std::vector<cep::OwnedValue>
      defaults;  // one for each field; what test events take where they say nothing
  const tree::Defaults* defaults_tree = nullptr;
  /// Whether a field that is not among `fields` may have been declared.
  bool may_have(std::string_view field) const { return broken || fields_elsewhere.contains(field); }
};
/// A constant: a value, a list of values, a regular expression, or a word whose enum its use
/// decides.
struct ConstSymbol {
  std::vector<cep::OwnedValue> values;
  bool is_list = false;
  const tree::Name* word = nullptr;
  const tree::Expr* regex = nullptr;
};
enum class ValueForm : std::uint8_t { kConst, kList, kTable, kFeature };
/// What an operand's name may mean beside fields.
struct ValueSymbol {
  ValueForm form = ValueForm::kConst;
  const tree::Name* name = nullptr;
  bool broken = false;
  ConstSymbol constant;   // kConst
  cep::ListIndex list;    // kList
  cep::TableIndex table;  // kTable
  const tree::Table* table_tree = nullptr;
  bool list_used = false;                       // kList, kTable
  bool asked = false;                           // declared in a file that was asked for
  std::optional<cep::FeatureIndex> feature;     // kFeature, once checked
  const tree::Feature* feature_tree = nullptr;  // kFeature: this,
  const tree::Features* group_tree = nullptr;   // or an entry of a group
  const tree::FeatureEntry* entry_tree = nullptr;
  Resolution resolution = Resolution::kNotYet;  // kFeature
};
/// `key NAME = member | member`. `broken`: what follows from it is not reported.
struct KeySymbol {
  const tree::Key* tree = nullptr;
  cep::Type type;
  std::vector<cep::KeyMember> members;  // ascending by type; an event type's roles as written
  bool broken = true;                   // until it has been checked
};
struct RuleSymbol {
  const tree::Rule* tree = nullptr;
  std::optional<cep::RuleIndex> index;  // its place in the plan, if it gets there
};
struct Declarations {
  SymbolMap<KindSymbol> kinds;
  std::vector<EventSymbol> events;  // by EventTypeIndex
  SymbolMap<ValueSymbol> values;
  SymbolMap<KeySymbol> keys;
  SymbolMap<RuleSymbol> rules;
  SymbolMap<KindSymbol> alert_kinds;  // `alert NAME`, of the rules that anything reads, by NAME
  KindSymbol any_alert;               // its event is absent where no rule raises any
  std::unordered_set<std::string_view> rules_in_circles;
  /// Part of the set could not be read: an unknown name may have been declared there.
  bool incomplete = false;
};
}  // namespace tocsin::rules
