#include "rules/load/check.h"

#include <fmt/format.h>

#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "rules/context/check_context.h"
#include "rules/context/report.h"
#include "rules/declaration/check_computed.h"
#include "rules/declaration/check_events.h"
#include "rules/declaration/check_tests.h"
#include "rules/declaration/check_values.h"
#include "rules/expression/alert_kinds.h"
#include "rules/expression/check_features.h"
#include "rules/expression/check_key.h"
#include "rules/expression/check_kinds.h"
#include "rules/expression/check_order.h"
#include "rules/load/suppressed_warnings.h"
#include "rules/load/unused.h"
#include "rules/pattern/check_rules.h"

namespace tocsin::rules {
namespace {
// The declarations of all files, by what they are.
struct Items {
  std::vector<const tree::Event*> events;
  std::vector<const tree::Kind*> kinds;
  std::vector<const tree::Key*> keys;
  std::vector<const tree::List*> lists;
  std::vector<const tree::Table*> tables;
  std::vector<const tree::Const*> consts;
  std::vector<const tree::Defaults*> defaults;
  std::vector<const tree::Feature*> features;
  std::vector<const tree::Features*> feature_groups;
  std::vector<const tree::Rule*> rules;
  std::vector<const tree::Test*> tests;  // of the files that were asked for
};

// Gathers the items and declares their names.
class Gatherer {
 public:
  explicit Gatherer(CheckContext& context) : context_(context) {}

  void gather(const ParsedFile& file) {
    asked_ = file.asked;
    bool item_broken = false;
    for (const tree::Item& item : file.tree.items) {
      std::visit([&](const auto& declaration) { item_broken = item_broken || declaration.broken; },
                 item);
      std::visit([&](const auto& declaration) { add(declaration); }, item);
    }
    // Something between the items could not be read: it may have declared any name.
    if (file.tree.broken && !item_broken) context_.names.incomplete = true;
  }

  Items items;

 private:
  void add(const tree::Use&) {}
  void add(const tree::Allow&) {}
  void add(const tree::Event& event) {
    declare_kind(event.name, "event type", nullptr);
    items.events.push_back(&event);
  }
  void add(const tree::Kind& kind) {
    declare_kind(kind.name, "kind", &kind);
    items.kinds.push_back(&kind);
  }
  void add(const tree::Key& key) {
    const tree::Name& name = key.part.name;
    items.keys.push_back(&key);
    if (name.text.empty()) {
      context_.names.incomplete = true;
      return;
    }
    KeySymbol symbol;
    symbol.tree = &key;
    const auto [earlier, is_new] = context_.names.keys.emplace(name.text, std::move(symbol));
    if (!is_new) report_duplicate(context_, name, earlier->second.tree->part.name, "key");
  }
  void add(const tree::List& list) {
    declare_value(list.name, ValueForm::kList, "list");
    items.lists.push_back(&list);
  }
  void add(const tree::Table& table) {
    declare_value(table.name, ValueForm::kTable, "table");
    items.tables.push_back(&table);
  }
  void add(const tree::Const& constant) {
    declare_value(constant.name, ValueForm::kConst, "constant");
    items.consts.push_back(&constant);
  }
  void add(const tree::Defaults& defaults) { items.defaults.push_back(&defaults); }
  void add(const tree::Feature& feature) {
    declare_value(feature.name, ValueForm::kFeature, "feature");
    items.features.push_back(&feature);
  }
  void add(const tree::Features& group) {
    for (const tree::FeatureEntry& entry : group.entries) {
      declare_value(entry.name, ValueForm::kFeature, "feature");
    }
    if (group.broken) context_.names.incomplete = true;
    items.feature_groups.push_back(&group);
  }
  void add(const tree::Rule& rule) {
    items.rules.push_back(&rule);
    if (rule.name.text.empty()) {
      context_.names.incomplete = true;
      return;
    }
    const auto [symbol, is_new] =
        context_.names.rules.emplace(rule.name.text, RuleSymbol{&rule, {}});
    if (!is_new) report_duplicate(context_, rule.name, symbol->second.tree->name, "rule");
  }
  void add(const tree::Test& test) {
    if (asked_) items.tests.push_back(&test);
  }

  void declare_kind(const tree::Name& name, const char* what, const tree::Kind* kind) {
    if (name.text.empty()) {
      context_.names.incomplete = true;
      return;
    }
    KindSymbol symbol;
    symbol.name = &name;
    symbol.kind = kind;
    const auto [earlier, is_new] = context_.names.kinds.emplace(name.text, std::move(symbol));
    if (!is_new) report_duplicate(context_, name, *earlier->second.name, what);
  }
  void declare_value(const tree::Name& name, ValueForm form, const char* what) {
    if (name.text.empty()) {
      context_.names.incomplete = true;
      return;
    }
    ValueSymbol symbol;
    symbol.form = form;
    symbol.name = &name;
    symbol.asked = asked_;
    const auto [earlier, is_new] = context_.names.values.emplace(name.text, std::move(symbol));
    if (!is_new) report_duplicate(context_, name, *earlier->second.name, what);
  }

  CheckContext& context_;
  bool asked_ = false;
};
}  // namespace

std::optional<RuleSet> check(SourceMap& sources, const std::vector<const ParsedFile*>& files,
                             bool incomplete, DiagnosticSink& sink, const LoadOptions& options,
                             DataFiles& data, std::vector<Occurrence>* occurrences) {
  CheckContext context(sources, sink, options, data);
  context.occurrences = occurrences;
  context.names.incomplete = incomplete;
  Gatherer gatherer(context);
  for (const ParsedFile* file : files) gatherer.gather(*file);
  const Items& items = gatherer.items;

  check_suppressed_warnings(files, sink);
  // Each step needs only what those before it have made.
  check_events(context, items.events);
  check_keys(context, items.keys);
  check_consts(context, items.consts);
  check_lists(context, items.lists);
  check_tables(context, items.tables);
  check_computed_fields(context, items.events);
  check_defaults(context, items.defaults);
  const CheckOrder order =
      find_check_order(context, items.kinds, items.features, items.feature_groups, items.rules);
  reserve_alert_types(context, items.rules, order);
  check_ids(context, items.rules);
  declare_features(context, items.features, items.feature_groups);
  check_kinds(context, order.kinds);
  check_features(context, order.features, order.groups);
  for (const CheckOrder::Step& step : order.steps) {
    if (step.kind != nullptr) check_kinds(context, {step.kind});
    if (step.feature != nullptr) check_features(context, {step.feature}, {});
    if (step.group != nullptr) check_features(context, {}, {step.group});
    if (step.rule != nullptr) check_rule(context, *step.rule);
  }
  RuleSet set;
  check_unless(context);
  for (const tree::Test* test : items.tests) check_test(context, *test, set.tests);
  if (sink.has_errors()) return std::nullopt;
  warn_of_unused(context, files);
  if (options.warn_of_untested) {
    warn_of_no_alert_text(context, files);
    warn_of_untested(context, files, set.tests);
  }
  TOCSIN_ASSERT(!context.has_error_type,
                "a mistake that is silent follows from one that is reported");

  context.plan.features = context.features.take();
  context.plan.event_types.resize(context.event_types_kept);
  context.plan.zones = context.zones.take();
  for (cep::Rule& rule : context.plan.rules) {
    const auto limit = options.status_max.find(rule.id);
    if (limit != options.status_max.end()) rule.share = limit->second.share;
  }
  const std::vector<std::string> problems = cep::validate(context.plan);
  TOCSIN_ASSERT(problems.empty(), problems.front().c_str());
  set.written = std::move(context.written);
  set.conditions_compared = context.conditions_compared;
  set.plan = std::make_shared<const cep::Plan>(std::move(context.plan));
  return set;
}
}  // namespace tocsin::rules
