#include "tests/support/stage_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "cep/data/alert_format.h"
#include "cep/data/reference_data.h"
#include "cep/engine/engine.h"
#include "cep/plan/feature.h"
#include "cep/plan/operator_graph.h"
#include "cep/plan/rule.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/plan_merge.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/random_levels.h"
#include "tests/support/random_pack.h"
#include "tests/support/random_plan.h"
#include "tests/support/random_rich.h"
#include "tests/support/stage_node.h"

namespace tocsin::tests {
void hold_back(Random& random, cep::Plan& plan) {
  for (std::size_t rule = 0; rule < plan.rules.size(); ++rule) {
    const cep::Plan before = plan;
    enrich(random, plan, rule,
           {.optional = false,
            .gaps = false,
            .loops = false,
            .no_next = false,
            .groups = false,
            .selection = false,
            .in_order = false,
            .without = false,
            .except = false});
    if (!cep::validate(plan).empty()) plan = before;
  }
}

void leave_out_alerts(Random& random, cep::Plan& plan) {
  if (plan.features.empty() || plan.rules.empty()) return;
  const cep::Plan before = plan;
  cep::Feature& feature = plan.features[random.below(plan.features.size())];
  feature.unless_alerted_by = cep::RuleIndex(random.below(plan.rules.size()));
  if (!cep::validate(plan).empty() || !cep::OperatorGraph(plan).cycle().empty()) plan = before;
}

Case random_job(Random& random) {
  Case c;
  c.plan = random.chance(25) ? random_plan(random, {.data = true, .rich_features = true})
                             : random_pack(random);
  if (random.chance(20)) give_shares(random, c.plan);
  if (random.chance(40)) hold_back(random, c.plan);
  if (random.chance(30)) leave_out_alerts(random, c.plan);
  c.events = oracle::place_events(
      c.plan,
      random_events(random, c.plan, {.count_max = 80, .crowds = 10, .disorder = random.chance(30)}),
      {});
  return c;
}

namespace {
void change_lists(Random& random, cep::ReferenceData& data, cep::EventTime at) {
  for (cep::ListProgram& list : data.lists) {
    if (!list.may_change()) continue;
    for (const cep::OwnedValue& value : list.list().values) {
      const auto key = list.key_of(value.view());
      if (key && random.chance(50)) list.entries().remove(*key);
    }
    for (const char* const text : {"c1", "c2", "d1", "d2"}) {
      const auto key = list.list().element.kind == cep::TypeKind::kString
                           ? list.key_of(cep::Value::string(text))
                           : std::nullopt;
      if (!key || !random.chance(30)) continue;
      const cep::EventTime until = random.chance(70)
                                       ? cep::kEventTimeMax
                                       : cep::EventTime{at.us + random.between(1, 60) * 1'000'000};
      list.entries().add({*key, until});
    }
  }
}

// Rows leave, or have what another row had.
void change_tables(Random& random, cep::ReferenceData& data, cep::EventTime at) {
  for (cep::LookupTable& table : data.tables) {
    const std::vector<cep::TableRow>& declared = table.table().rows;
    for (const cep::TableRow& row : declared) {
      const std::string key = cep::LookupTable::key_of(table.table(), row);
      if (random.chance(30)) table.rows().remove(key);
      if (!random.chance(50)) continue;
      auto other = std::make_shared<cep::TableRow>(declared[random.below(declared.size())]);
      other->key = row.key;
      const cep::EventTime until = random.chance(70)
                                       ? cep::kEventTimeMax
                                       : cep::EventTime{at.us + random.between(1, 60) * 1'000'000};
      table.rows().add({key, until, std::move(other)});
    }
  }
}
}  // namespace

std::optional<DataChange> random_data_change(Random& random, const Case& c) {
  const bool has_none = c.plan.lists.empty() && c.plan.tables.empty();
  if (has_none || c.events.empty() || random.chance(20)) return std::nullopt;
  DataChange change{c.events[random.below(c.events.size())].engine_time, {}};
  change.is_of_tables = !c.plan.tables.empty() && random.chance(40);
  const std::uint64_t seed = random.next();
  const bool has_lists = !change.is_of_tables;
  change.apply = [seed, has_lists, at = change.at](cep::ReferenceData& data) {
    Random chosen(seed);
    if (has_lists) change_lists(chosen, data, at);
    change_tables(chosen, data, at);
  };
  return change;
}

cep::Plan changed_plan(Random& random, const cep::Plan& plan) {
  cep::Plan next = plan;
  if (random.chance(30)) hold_back(random, next);
  if (random.chance(15)) give_shares(random, next);
  if (random.chance(15)) leave_out_alerts(random, next);
  const bool is_same = cep::describe(next) == cep::describe(plan);
  if (is_same || random.chance(40)) {
    if (auto both =
            merged(next, random_language_plan(random, &plan), "other_", random.chance(50))) {
      next = *std::move(both);
    }
  }
  return random.chance(15) ? random_language_plan(random, &plan) : next;
}

std::vector<std::string> engine_lines(const cep::Program& program,
                                      const std::vector<oracle::PlacedEvent>& events,
                                      const EngineChanges& changes, std::set<std::string>* report) {
  cep::Program own = changes.data ? program.with_own_data() : program;
  std::optional<cep::Program> next = changes.next;
  if (next && changes.data) next = next->with_own_data();
  auto engine = std::make_unique<cep::Engine>(own, 1);
  if (next) engine->track_changes();
  std::vector<cep::Alert> alerts;
  std::size_t at = 0;
  const auto go_to = [&](cep::EventTime end, bool is_next) {
    const cep::Program& of = is_next ? *next : own;
    constexpr std::size_t kRows = 50;
    while (at < events.size() && events[at].engine_time <= end) {
      std::size_t stop = at;
      while (stop < events.size() && stop < at + kRows && events[stop].engine_time <= end) ++stop;
      take_step(of, *engine, events, {at, stop, events[stop - 1].engine_time}, alerts);
      at = stop;
    }
    take_step(of, *engine, events, {at, at, end}, alerts);
  };
  const auto change_data = [&] {
    changes.data->apply(own.data());
    if (next) changes.data->apply(next->data());
  };
  const bool data_first = changes.data && (!next || changes.data->at <= changes.rules_at);
  if (data_first) {
    go_to({changes.data->at.us - 1}, false);
    change_data();
  }
  if (next) {
    go_to({changes.rules_at.us - 1}, false);
    cep::RestoreReport restored;
    auto other = restored_engine(*next, 2, whole_snapshot(*engine), &restored);
    if (!other) return {"migration: " + other.error().message};
    if (report != nullptr) *report = report_lines(restored);
    engine = std::make_unique<cep::Engine>(*std::move(other));
  }
  if (changes.data && !data_first) {
    go_to({changes.data->at.us - 1}, true);
    change_data();
  }
  go_to(cep::kEventTimeMax, next.has_value());
  return lines_of(program.plan(), next ? &next->plan() : nullptr, changes.rules_at, alerts);
}

std::vector<std::string> lines_of(const cep::Plan& plan, const cep::Plan* next,
                                  cep::EventTime rules_at, const std::vector<cep::Alert>& alerts) {
  std::vector<std::string> lines;
  for (const cep::Alert& alert : alerts) {
    const bool is_next = next != nullptr && alert.order.time >= rules_at;
    lines.push_back(cep::format_alert(is_next ? *next : plan, alert));
  }
  return lines;
}

std::string difference(const std::vector<std::string>& expected,
                       const std::vector<std::string>& got) {
  if (expected == got) return {};
  const auto [a, b] = std::mismatch(expected.begin(), expected.end(), got.begin(), got.end());
  return fmt::format("of {} alerts {} came; alert {}:\n  engine: {}\n  job:    {}", expected.size(),
                     got.size(), a - expected.begin(), a == expected.end() ? "(no more)" : *a,
                     b == got.end() ? "(no more)" : *b);
}
}  // namespace tocsin::tests
