// From a plan to a program: the whole, and which columns are read.
#include "cep/compile/compile.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <utility>

#include "cep/compile/check_program.h"
#include "cep/compile/compiler.h"
#include "cep/compile/plan_digest.h"
#include "cep/compile/plan_support.h"
#include "cep/compile/text_atoms.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
Compiler::Compiler(std::shared_ptr<const Plan> plan, const Limits& limits,
                   const CompileOptions& options)
    : plan_(*plan), options_(options), graph_(*plan) {
  out_->plan = std::move(plan);
  out_->limits = limits;
  out_->atoms = AtomSet(plan_);
}

namespace {
// Whether a text is searched for so many regular expressions that they take seconds to compile.
bool searches_for_many(const TextAtoms& atoms) {
  constexpr std::ptrdiff_t kMany = 1'000;
  return std::ranges::any_of(atoms.texts(), [](const SearchedText& text) {
    return kMany < std::ranges::count_if(
                       text.patterns,
                       [](const TextPattern& pattern) {
                         return pattern.kind == PatternKind::kRegex || pattern.ignore_case;
                       });
  });
}
// Gives each pass of a table a table of its own, in the order of passes. The roles of a key are
// those of all its tables.
void split_tables(ProgramImpl& program) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> numbers;  // by table, then pass
  for (const RuleProgram& rule : program.rules) numbers[{rule.table, rule.pass}] = 0;
  for (const FeatureProgram& feature : program.features) numbers[{feature.table, feature.pass}] = 0;
  std::vector<TableProgram> tables;
  for (auto& [of, number] : numbers) {
    number = static_cast<std::uint32_t>(tables.size());
    tables.push_back(program.tables[of.first]);
  }
  for (RuleProgram& rule : program.rules) rule.table = numbers.at({rule.table, rule.pass});
  for (FeatureProgram& feature : program.features) {
    feature.table = numbers.at({feature.table, feature.pass});
  }
  program.tables = std::move(tables);
}
}  // namespace

Result<std::shared_ptr<const ProgramImpl>> Compiler::run(TextDatabaseCache* cache) {
  out_->data = std::make_shared<ReferenceData>(plan_);
  const std::size_t bytes_max = std::size_t{out_->limits.text_database_mib_max} << 20;
  Result<TextSearch> texts = TextSearch::make(plan_, bytes_max, cache);
  if (!texts) return tl::unexpected(texts.error());
  out_->texts = std::move(*texts);
  assign_tables();
  out_->value_count = plan_.features.size();
  find_passes();
  if (options_.splits_passes) {
    split_tables(*out_);
    out_->plan_digest = digest_of(plan_);
  }
  predicate_places_.resize(out_->tables.size());
  for (std::size_t i = 0; i < plan_.features.size(); ++i) compile_feature(i);
  for (std::size_t i = 0; i < plan_.rules.size(); ++i) compile_rule(i);
  out_->value_by_place.resize(out_->value_count);
  number_operators();
  make_count_gates();
  for (TableProgram& table : out_->tables) finish_table(table);
  for (RuleProgram& rule : out_->rules) find_places(rule);
  for (StrictGroup& group : out_->strict_groups) finish_strict_group(group);
  find_used_fields();
  if (options_.is_check && searches_for_many(out_->atoms.texts())) return out_;
  const Result<void> searches = out_->atoms.prepare_searches(bytes_max, cache);
  if (!searches) return tl::unexpected(searches.error());
  make_predicate_index(*out_, wakes_, options_.dense);
  return out_;
}

void Compiler::find_used_fields() {
  out_->used_types.assign(plan_.event_types.size(), false);
  for (const EventType& type : plan_.event_types) {
    out_->used_fields.emplace_back(type.fields.size(), false);
  }
  const auto use = [&](EventTypeIndex type, FieldIndex field) {
    out_->used_fields[type.value][field.value] = true;
  };
  const auto use_expr = [&](const Expr* root) {
    if (root == nullptr) return;
    for_each_expr(*root, [&](const Expr& expr) {
      if (const FieldRef* ref = field_of(expr)) {
        for (const auto& [type, field] : ref->by_type) use(type, field);
      }
      // A test of kinds reads no field. It marks the first field of its types all the same, as it
      // always did: counts of missing values depend on which columns there are.
      if (const auto* test = std::get_if<KindTest>(&expr.payload)) {
        for (const EventTypeIndex type : test->types) use(type, FieldIndex());
      }
    });
  };
  const auto use_events = [&](const std::vector<Subset>& events) {
    for (const Subset& subset : events) {
      out_->used_types[subset.type.value] = true;
      use_expr(subset.condition.get());
    }
  };
  const auto use_key = [&](const KeySpec& key) {
    for (const KeyPart& part : key.parts) {
      for (const KeyMember& member : part.members) use(member.type, member.field);
    }
  };
  for (const Feature& feature : plan_.features) {
    use_events(feature.events);
    for (const Expr* expr : feature_exprs(feature)) use_expr(expr);
    use_key(feature.key);
  }
  for (const Rule& rule : plan_.rules) {
    for_each_kinds(rule, use_events);
    for (const Expr* expr : all_exprs(rule)) use_expr(expr);
    use_key(rule.key);
    for (const Captured& captured : rule.captured) {
      for (const FieldIndex field : captured.fields) use(captured.type, field);
    }
  }
  for (std::size_t t = 0; t < plan_.event_types.size(); ++t) {
    const EventTypeIndex type(t);
    const EventType& event_type = plan_.event_types[t];
    use(type, event_type.time_field);
    if (event_type.id_field && event_types_bound_.count(type) != 0) {
      use(type, *event_type.id_field);
    }
    if (event_type.unique && event_type.id_field) use(type, *event_type.id_field);
    if (!out_->used_types[t]) {
      out_->used_fields[t].assign(event_type.fields.size(), false);
    }
    // What a computed field reads, those that it computes from before it.
    std::vector<FieldIndex>& computed = out_->computed.emplace_back();
    for (std::size_t f = event_type.fields.size(); f-- > 0;) {
      const Field& field = event_type.fields[f];
      if (!field.computed || !out_->used_fields[t][f]) continue;
      use_expr(field.computed.get());
      computed.insert(computed.begin(), FieldIndex(f));
    }
    out_->decoded_fields.push_back(out_->used_fields[t]);
    for (const FieldIndex field : computed) out_->decoded_fields[t][field.value] = false;
  }
  find_alert_types();
}

// Which kinds of alerts anything reads: those of one rule before those of any.
void Compiler::find_alert_types() {
  out_->alert_types.resize(plan_.rules.size());
  for (std::size_t t = 0; t < plan_.event_types.size(); ++t) {
    const std::optional<RuleIndex> raiser = plan_.event_types[t].alert_of;
    if (raiser && out_->used_types[t]) out_->alert_types[raiser->value].emplace_back(t);
  }
  for (std::size_t t = 0; t < plan_.event_types.size(); ++t) {
    if (!out_->used_types[t]) continue;
    for (const RuleIndex raiser : plan_.event_types[t].any_alert_of) {
      if (plan_.rules[raiser.value].status == Status::kShadow) continue;
      out_->alert_types[raiser.value].emplace_back(t);
    }
  }
}

Program::Program(std::shared_ptr<const ProgramImpl> impl) : impl_(std::move(impl)) {}
Program Program::with_own_data() const {
  auto copy = std::make_shared<ProgramImpl>(*impl_);
  copy->data = std::make_shared<ReferenceData>(*impl_->data);
  return Program(std::move(copy));
}
Program Program::with_steps_per_event_max(std::uint64_t most) const {
  if (impl_->limits.steps_per_event_max == most) return *this;
  auto copy = std::make_shared<ProgramImpl>(*impl_);
  copy->limits.steps_per_event_max = most;
  return Program(std::move(copy));
}
ReferenceData& Program::data() const { return *impl_->data; }
const Plan& Program::plan() const { return *impl_->plan; }
const std::vector<std::vector<bool>>& Program::used_fields() const { return impl_->decoded_fields; }
const std::vector<bool>& Program::used_types() const { return impl_->used_types; }

namespace {
Result<Program> compile_with(std::shared_ptr<const Plan> plan, const Limits& limits,
                             const CompileOptions& options, TextDatabaseCache* cache) {
  std::vector<std::string> problems = validate(*plan);
  if (problems.empty()) problems = unsupported(*plan, limits);
  if (problems.empty()) {
    const std::string cycle = OperatorGraph(*plan).cycle();
    if (!cycle.empty()) problems.push_back("operators feed each other: " + cycle);
  }
  if (!problems.empty()) {
    return fail(Errc::kInvalidArgument, fmt::format("{}", fmt::join(problems, "\n")));
  }
  auto made = Compiler(std::move(plan), limits, options).run(cache);
  if (!made) return tl::unexpected(made.error());
  std::shared_ptr<const ProgramImpl> program = std::move(*made);
  for (const TableProgram& table : program->tables) {
    if (table.sources.size() <= kSourcesMax) continue;
    return fail(
        Errc::kInvalidArgument,
        fmt::format("features of one key are read under {} other keys; at most {}",
                    table.sources.size() - table.role_places, kSourcesMax - table.role_places));
  }
  return Program(std::move(program));
}
}  // namespace

Result<Program> compile(std::shared_ptr<const Plan> plan, const Limits& limits,
                        TextDatabaseCache* cache) {
  return compile_with(std::move(plan), limits, {}, cache);
}
Result<Program> compile_by_pass(std::shared_ptr<const Plan> plan, const Limits& limits,
                                TextDatabaseCache* cache) {
  return compile_with(std::move(plan), limits, {.splits_passes = true}, cache);
}
Result<void> check_program(std::shared_ptr<const Plan> plan, const Limits& limits,
                           TextDatabaseCache* cache) {
  const Result<Program> program = compile_with(std::move(plan), limits, {.is_check = true}, cache);
  if (!program) return tl::unexpected(program.error());
  return {};
}
Result<Program> compile_general(std::shared_ptr<const Plan> plan, const Limits& limits) {
  return compile_with(std::move(plan), limits, {.general_only = true}, nullptr);
}
Result<Program> compile_indexed(std::shared_ptr<const Plan> plan, const Limits& limits) {
  return compile_with(std::move(plan), limits, {.dense = {0, 0, 0}}, nullptr);
}
}  // namespace tocsin::cep
