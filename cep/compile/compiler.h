/// The work of cep::compile: a plan in, a program out. Its parts are in compile.cpp (the whole and
/// the columns that are read), compile_tables.cpp (tables, predicates, features), compile_rules.cpp
/// (steps, levels, what records keep), compile_pattern.cpp (rules for the general matcher),
/// compile_groups.cpp (features that share rings, strict rules that share events),
/// compile_operators.cpp (which operators a table runs, and when) and compile_passes.cpp.
#pragma once
#include <tl/expected.hpp>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/index_maker.h"
#include "cep/compile/obstacle.h"
#include "cep/compile/program.h"
#include "cep/plan/operator_graph.h"

namespace tocsin::cep {
struct CompileOptions {
  bool general_only = false;  // every rule is left to the general matcher
  DenseLimits dense = {};
  bool splits_passes = false;  // a table for each key and pass
  bool is_check = false;       // the program is not run (cep/compile/check_program.h)
};
class Compiler {
 public:
  Compiler(std::shared_ptr<const Plan> plan, const Limits& limits, const CompileOptions& options);
  /// Makes the program; requires a plan that validates and is supported. `cache` may be null.
  /// Errors: those of TextDatabase::compile.
  Result<std::shared_ptr<const ProgramImpl>> run(TextDatabaseCache* cache);

 private:
  // Events of kinds that satisfy conditions on them alone.
  struct Rows {
    std::vector<Subset> events;
    std::vector<ExprPtr> conjuncts;
  };
  // ---- tables
  std::uint32_t table_of(const KeySpec& key);
  void assign_tables();
  std::uint32_t add_predicate(std::uint32_t table, Predicate predicate);
  // Events that are in a subset and satisfy all of `conjuncts`.
  Predicate make_predicate(std::uint32_t table, const std::vector<Subset>& events,
                           const std::vector<ExprPtr>& conjuncts);
  std::uint32_t add_rows(std::uint32_t table, const Rows& rows);
  void append(AtomFormula& formula, EventTypeIndex type, const Expr& expr);
  // Keeps an expression made here alive.
  const Expr* keep(const ExprPtr& expr);
  void find_passes();
  // A feature that some operator reads at the alerts of a rule, which are rows once it has run.
  struct AlertRead {
    FeatureIndex feature;
    RuleIndex raiser;
    friend auto operator<=>(const AlertRead&, const AlertRead&) = default;
  };
  void find_alert_reads();
  bool feeds_back(OperatorRef of, const OperatorInput& input) const;
  OperatorGraph::Depths depths_of_passes() const;
  void compile_feature(std::size_t index);
  // Makes the values that an operator reads from columns known where `rows` may let it use them.
  void probe(const std::vector<const Expr*>& exprs, std::uint32_t table, std::uint32_t pass,
             const std::vector<Rows>& rows);
  void add_reads(const Expr& root);
  void add_probe(FeatureIndex value, const Expr& read, const std::vector<ExprPtr>& arguments,
                 std::uint32_t reader, const std::vector<Rows>& rows);
  std::vector<ExprPtr> at_place(const std::vector<ExprPtr>& arguments, std::uint32_t place);
  std::vector<Subset> seen_by_features(const std::vector<Subset>& events) const;
  std::uint32_t source_of(std::uint32_t table, const std::vector<ExprPtr>& arguments);
  void make_feature_groups();
  void make_count_gates();
  std::uint32_t add_operator(std::uint32_t table, const OperatorProgram& op,
                             std::vector<std::uint32_t> predicates,
                             const std::vector<std::uint32_t>& wakes);
  void add_feature(FeatureProgram& feature);
  void number_operators();
  void number_rules();
  void finish_table(TableProgram& table) const;
  void find_places(RuleProgram& rule) const;
  void finish_strict_group(StrictGroup& group) const;
  // ---- rules
  ElementProgram compile_element(RuleProgram& rule, const Element& element);
  void compile_rule(std::size_t index);
  void compile_steps(RuleProgram& program);
  void compile_pattern(RuleProgram& program);
  void compile_elements(RuleProgram& program, PatternProgram& pattern);
  void compile_window(RuleProgram& program);
  void find_reads(RuleProgram& program);
  std::vector<Subset> seen_by(const Rule& rule, const std::vector<Subset>& events) const;
  void capture(const RuleProgram& program);
  void keep_step_value(const RuleProgram& program, const std::set<EventTypeIndex>& types,
                       const Expr& read);
  // ---- columns
  void find_used_fields();
  void find_alert_types();

  const Plan& plan_;
  CompileOptions options_;
  std::shared_ptr<ProgramImpl> out_ = std::make_shared<ProgramImpl>();
  std::vector<std::map<std::string, std::uint32_t>> predicate_places_;  // by table
  // By table, then op - 1: the predicates for which it runs at keys that hold nothing of it.
  std::vector<std::vector<std::vector<std::uint32_t>>> wakes_;
  OperatorGraph graph_;
  std::set<AlertRead> alert_reads_;  // where the rule does not depend on the feature
  OperatorGraph::Depths levels_;
  std::vector<Rows> rule_rows_;  // of the current rule: its steps and absences
  std::map<std::pair<FeatureIndex, std::uint32_t>, FeatureIndex> value_of_source_;
  std::map<FeatureIndex, std::uint32_t> probe_of_value_;
  const RuleProgram* current_rule_ = nullptr;  // whose key arguments read
  std::map<std::pair<RuleIndex, std::string>, FeatureIndex> value_of_key_;
  std::set<EventTypeIndex> event_types_bound_;
};
/// A rule that the simple methods match, as far as it can be compiled without a table: its steps,
/// without predicates, and its method.
struct RuleSketch {
  RuleProgram program;
  std::vector<ExprPtr> kept;  // expressions that it refers to
};
/// Of the plan, its event types are read.
RuleSketch sketch_of(const Plan& plan, const Rule& rule);
/// These steps with their places, where the simple methods would match them but for obstacles that
/// is_of_sequence() or is_of_clause() is true of (PatternProgram::sequence); else what keeps busy
/// keys from being matched by places. Clauses are not looked at.
tl::expected<RuleProgram, Obstacle> sequence_of(const Plan& plan, RuleProgram steps);
/// As sketch_of(), of a rule that the general matcher runs: its pattern, without predicates.
RuleSketch pattern_sketch_of(const Plan& plan, const Rule& rule, const Limits& limits);
}  // namespace tocsin::cep
