/// The work of cep::compile: a plan in, a program out. Its parts are in compile.cpp (the whole and
/// the columns that are read), compile_tables.cpp (tables, predicates, features, operators) and
/// compile_rules.cpp (steps, levels, what records keep).
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cep/program.h"

namespace tocsin::cep {
class Compiler {
 public:
  Compiler(std::shared_ptr<const Plan> plan, const Limits& limits);
  /// Makes the program; requires a plan that validates and is supported. `cache` may be null.
  /// Errors: those of TextDatabase::compile.
  Result<std::shared_ptr<const ProgramImpl>> run(TextDatabaseCache* cache);

 private:
  // ---- tables
  std::uint32_t table_of(const KeySpec& key);
  void assign_tables();
  std::uint32_t add_predicate(std::uint32_t table, Predicate predicate);
  // Events that are in a subset and satisfy all of `conjuncts`.
  Predicate make_predicate(const std::vector<Subset>& events,
                           const std::vector<ExprPtr>& conjuncts);
  void append(AtomFormula& formula, EventTypeIndex type, const Expr& expr);
  // Keeps an expression made here alive.
  const Expr* keep(const ExprPtr& expr);
  void compile_feature(std::size_t index);
  void number_operators();
  void finish_table(TableProgram& table) const;
  // ---- rules
  ElementProgram compile_element(RuleProgram& rule, const Element& element);
  void compile_rule(std::size_t index);
  void find_level(RuleProgram& program);
  void capture(const RuleProgram& program);
  // ---- columns
  void find_used_fields();

  const Plan& plan_;
  std::shared_ptr<ProgramImpl> out_ = std::make_shared<ProgramImpl>();
  std::vector<std::map<std::string, std::uint32_t>> predicate_places_;  // by table
  std::vector<Predicate> rule_predicates_;  // of the rule in hand: its steps and absences
  std::map<FeatureIndex, std::vector<std::uint32_t>> probe_predicates_;
  std::set<EventTypeIndex> event_types_bound_;
};
/// Whether two keys say different fields for the same events.
bool keys_differ(const KeySpec& a, const KeySpec& b);
}  // namespace tocsin::cep
