#include "cep/stage/spread_exchange.h"

#include <algorithm>
#include <map>
#include <utility>

#include "cep/compile/program.h"
#include "cep/plan/event_type.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/record/state_layout.h"
#include "cep/stage/row_groups.h"

namespace tocsin::cep {
namespace {
using Kind = SpreadStage::Kind;
using Exchanges = std::map<std::pair<SpreadStage, SpreadStage>, SpreadExchange>;

SpreadExchange& between(Exchanges& exchanges, SpreadStage from, SpreadStage to) {
  SpreadExchange& exchange = exchanges[{from, to}];
  exchange.from = from;
  exchange.to = to;
  return exchange;
}

// Place, time stamp and key groups of a row, and what names it where it has no id.
constexpr std::size_t kRowHead = 28;
constexpr std::size_t kAlertId = 33;
constexpr std::size_t kIdentity = 22;
constexpr std::size_t kTextBytes = 12;

std::size_t bytes_of(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBool:
    case TypeKind::kEnum:
      return 2;
    case TypeKind::kInt:
    case TypeKind::kDate:
      return 4;
    case TypeKind::kDecimal:
    case TypeKind::kDuration:
      return 5;
    case TypeKind::kFloat:
    case TypeKind::kTime:
      return 9;
    case TypeKind::kFraction:
      return 8;
    case TypeKind::kString:
      return 2 + kTextBytes;
  }
  return 0;
}

SpreadExchange::Rows rows_of(const ProgramImpl& program, EventTypeIndex type) {
  const EventType& event = program.plan->event_types[type.value];
  SpreadExchange::Rows rows{type, 0, kRowHead};
  if (event.is_alert()) {
    rows.row_bytes += kAlertId;
  } else if (!event.id_field) {
    rows.row_bytes += kIdentity;
  }
  for (std::size_t f = 0; f < event.fields.size(); ++f) {
    if (!program.used_fields[type.value][f]) continue;
    ++rows.fields;
    rows.row_bytes += bytes_of(event.fields[f].type.kind);
  }
  return rows;
}

// Whether an operator of the table may see events of the type.
bool takes(const TableProgram& table, std::uint32_t type) {
  return std::ranges::any_of(table.predicates, [&](const Predicate& predicate) {
    return type < predicate.by_type.size() && !predicate.by_type[type].steps.empty();
  });
}

// The stage that raises the rule's alerts.
SpreadStage raiser_of(const RuleProgram& rule) {
  return {holds_back_by_values(*rule.rule) ? Kind::kHold : Kind::kPass, rule.pass};
}

void add_rows(const ProgramImpl& program, Exchanges& exchanges) {
  const Plan& plan = *program.plan;
  for (std::uint32_t type = 0; type < plan.event_types.size(); ++type) {
    const EventType& event = plan.event_types[type];
    std::vector<SpreadStage> froms;
    if (!event.is_alert()) froms.push_back({Kind::kFront, 0});
    std::vector<RuleIndex> raised = event.any_alert_of;
    if (event.alert_of) raised.push_back(*event.alert_of);
    for (const RuleIndex rule : raised) froms.push_back(raiser_of(program.rules[rule.value]));
    std::ranges::sort(froms);
    froms.erase(std::unique(froms.begin(), froms.end()), froms.end());
    std::vector<bool> is_taken(program.pass_count);
    for (const TableProgram& table : program.tables) {
      if (takes(table, type)) is_taken[pass_of(table)] = true;
    }
    for (std::uint32_t pass = 0; pass < program.pass_count; ++pass) {
      if (!is_taken[pass]) continue;
      for (const SpreadStage from : froms) {
        if (from.kind != Kind::kFront && from.pass >= pass) continue;
        between(exchanges, from, {Kind::kPass, pass})
            .rows.push_back(rows_of(program, EventTypeIndex(type)));
      }
    }
  }
}

void add_values(const ProgramImpl& program, Exchanges& exchanges) {
  for (const ProbeProgram& probe : program.probes) {
    const std::uint32_t pass = program.features[probe.feature.value].pass;
    for (const std::uint32_t reader : probe.readers) {
      std::vector<FeatureIndex>& values =
          between(exchanges, {Kind::kPass, pass}, {Kind::kPass, pass_of(program.tables[reader])})
              .values;
      if (std::ranges::find(values, probe.feature) == values.end()) values.push_back(probe.feature);
    }
  }
}

void add_alerts(const ProgramImpl& program, Exchanges& exchanges) {
  for (const RuleProgram& rule : program.rules) {
    const SpreadStage raiser = raiser_of(rule);
    between(exchanges, raiser, {Kind::kAlerts, 0}).has_alerts = true;
    if (raiser.kind == Kind::kHold) {
      between(exchanges, {Kind::kPass, rule.pass}, raiser).matches.push_back(rule.index);
    }
    if (!rule.is_watched) continue;
    for (const FeatureProgram& feature : program.features) {
      if (feature.unless != rule.index || feature.take_pass <= rule.pass) continue;
      std::vector<RuleIndex>& marks =
          between(exchanges, {Kind::kPass, rule.pass}, {Kind::kPass, feature.take_pass}).marks;
      if (marks.empty() || marks.back() != rule.index) marks.push_back(rule.index);
    }
  }
}
}  // namespace

std::vector<SpreadExchange> spread_exchanges(const Program& program) {
  Exchanges exchanges;
  add_rows(program.impl(), exchanges);
  add_values(program.impl(), exchanges);
  add_alerts(program.impl(), exchanges);
  std::vector<SpreadExchange> all;
  for (auto& [edge, exchange] : exchanges) all.push_back(std::move(exchange));
  return all;
}
}  // namespace tocsin::cep
