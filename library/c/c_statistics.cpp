#include "library/c/c_statistics.h"

#include <nlohmann/json.hpp>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::library {
namespace {
using Json = nlohmann::ordered_json;

// Times that there is no event for are beyond all others.
Json time_json(cep::EventTime time) {
  return time == cep::kEventTimeMin || time == cep::kEventTimeMax ? Json(nullptr) : Json(time.us);
}

const char* state_word(runtime::SourceState state) {
  switch (state) {
    case runtime::SourceState::kActive:
      return "active";
    case runtime::SourceState::kIdle:
      return "idle";
    case runtime::SourceState::kEnded:
      break;
  }
  return "ended";
}

Json counts_json(const runtime::RunSummary& summary) {
  return {{"lines", summary.lines},
          {"bytes", summary.bytes},
          {"events", summary.events},
          {"ignored", summary.ignored},
          {"ignored_examples", summary.ignored_examples},
          {"rejected", summary.dead_letters},
          {"late", summary.late},
          {"clamped", summary.clamped},
          {"fields_missing", summary.fields_missing},
          {"fields_missing_examples", summary.fields_missing_examples},
          {"jumps", summary.jumps},
          {"jumps_rejected", summary.jumps_rejected},
          {"repeats", summary.repeats},
          {"ids_forgotten", summary.ids_forgotten},
          {"alerts", summary.alerts},
          {"undelivered", summary.undelivered},
          {"budget_alerts", summary.budget_alerts},
          {"first_event_us", time_json(summary.first_event)},
          {"last_event_us", time_json(summary.last_event)}};
}

Json engine_json(const cep::EngineStats& stats) {
  return {{"rows", stats.rows},
          {"keys", stats.keys},
          {"partial_matches", stats.runs},
          {"timers", stats.timers},
          {"state_bytes", stats.state_bytes},
          {"values_missing", stats.values_missing},
          {"feature_events_lost", stats.feature_events_lost},
          {"partial_matches_lost", stats.runs_lost},
          {"matches_truncated", stats.matches_truncated},
          {"alerts_suppressed", stats.alerts_suppressed}};
}
}  // namespace

std::string statistics_json(const tocsin_run& run) {
  const runtime::PushedRun& pushed = run.run;
  const runtime::RunSummary summary = pushed.summary();
  Json json = counts_json(summary);
  const std::vector<cep::Rule>& rules = run.program.plan().rules;
  Json by_rule = Json::object();
  for (std::size_t i = 0; i < rules.size(); ++i) by_rule[rules[i].id] = summary.alerts_by_rule[i];
  json["alerts_by_rule"] = std::move(by_rule);
  json["watermark_us"] = time_json(pushed.watermark());
  json["is_finished"] = pushed.is_finished();
  json["waiting_events"] = pushed.waiting_events();
  json["waiting_bytes"] = pushed.waiting_bytes();
  json["output_bytes"] = run.output_bytes();
  json["engine"] = engine_json(summary.engine);
  Json sources = Json::array();
  for (std::size_t i = 0; i < pushed.source_count(); ++i) {
    const runtime::SourceStatus source = pushed.status(i);
    sources.push_back({{"name", source.name},
                       {"state", state_word(source.state)},
                       {"watermark_us", time_json(source.watermark)},
                       {"newest_us", time_json(source.newest)},
                       {"waiting", source.waiting},
                       {"held", source.held},
                       {"last_line", source.last_line}});
  }
  json["sources"] = std::move(sources);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}
}  // namespace tocsin::library
