#include "api/trace/key_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "api/rules/rule_loader.h"
#include "api/rules/text_cache.h"
#include "cep/base/workers.h"
#include "cep/compile/program.h"
#include "cep/data/batch.h"
#include "cep/data/row_identity.h"
#include "cep/diagnose/key_condition.h"
#include "cep/engine/engine.h"
#include "cep/eval/computed.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "runtime/archive/archive_keys.h"

namespace tocsin::api {
// The engine takes the key's events one by one, and says after each what it keeps.
class KeyReplay::Run {
 public:
  Run(const KeyReplay& replay, const runtime::RunOptions& options)
      : replay_(replay),
        keys_(replay.program_),
        engine_(options.steps_per_event_max
                    ? replay.program_.with_steps_per_event_max(*options.steps_per_event_max)
                    : replay.program_,
                options.hash_seed, options.workers) {
    // Nobody reads its alerts; where they are events to others they have to be raised.
    if (!replay.needs_other_keys_) engine_.mute_from(cep::RuleIndex{0});
    history_.features = replay.features_;
    history_.rules = replay.rules_;
    const std::size_t width =
        std::max<std::size_t>(1, history_.features.size() + history_.rules.size());
    history_.points_max = std::clamp<std::size_t>(replay.request_.limits.values_max / width, 1,
                                                  replay.request_.points_max);
  }

  Result<void> advance(cep::Batch& slice, cep::EventTime watermark) {
    cep::fill_computed(replay_.program_, slice);
    rows_.clear();
    std::swap(rows_, slice.rows);
    for (const cep::Row& row : rows_) {
      const bool is_of_key = has_key(slice, row);
      if (!is_of_key && !replay_.needs_other_keys_) continue;
      if (history_.replayed == replay_.request_.limits.events_max) {
        history_.ended_at = row.engine_time;
        return fail(Errc::kStopped, "");
      }
      ++history_.replayed;
      slice.rows.push_back(row);
      if (!is_of_key) continue;
      run(slice, row.engine_time);
      slice.rows.clear();
      if (row.engine_time >= replay_.request_.from) add_point(slice, row);
    }
    if (watermark < cep::kEventTimeMax) run(slice, watermark);
    time_ = watermark;
    return {};
  }

  KeyHistory take(bool was_stopped) {
    history_.is_complete = !was_stopped;
    if (was_stopped && !history_.ended_at && time_ != cep::kEventTimeMin) history_.ended_at = time_;
    return std::move(history_);
  }

 private:
  bool has_key(const cep::Batch& batch, const cep::Row& row) {
    return std::ranges::any_of(replay_.keys_, [&](const cep::KeyQuery& key) {
      return keys_.has(batch, row, key.table, key.key);
    });
  }
  void run(const cep::Batch& slice, cep::EventTime watermark) {
    alerts_.clear();
    engine_.advance(slice, watermark, alerts_);
  }

  void add_point(const cep::Batch& batch, const cep::Row& row) {
    const cep::EventType& type = replay_.plan().event_types[row.type.value];
    HistoryPoint point{row.engine_time, {}, {}, {}};
    point.event.type = row.type;
    point.event.ts = row.ts;
    point.event.id = type.id_field ? cep::to_text(batch.value(replay_.plan(), row, *type.id_field))
                                   : cep::row_identity(replay_.plan(), batch, row).text;
    point.values.resize(history_.features.size(), cep::OwnedValue(cep::Value::missing()));
    point.matches.resize(history_.rules.size());
    for (const cep::KeyQuery& key : replay_.keys_) take(engine_.report(key), point);
    history_.points.push_back(std::move(point));
    if (history_.points.size() <= history_.points_max) return;
    history_.points.pop_front();
    ++history_.older;
  }
  void take(cep::KeyReport report, HistoryPoint& point) {
    for (cep::ReportedFeature& feature : report.features) {
      const auto place = std::ranges::find(history_.features, feature.feature);
      if (place == history_.features.end()) continue;
      point.values[static_cast<std::size_t>(place - history_.features.begin())] =
          std::move(feature.value);
    }
    for (const cep::ReportedRule& rule : report.rules) {
      const auto place = std::ranges::find(history_.rules, rule.rule);
      if (place == history_.rules.end()) continue;
      point.matches[static_cast<std::size_t>(place - history_.rules.begin())] =
          rule.matches.size() + rule.more_matches;
    }
  }

  const KeyReplay& replay_;
  runtime::ArchiveKeys keys_;
  cep::Engine engine_;
  std::vector<cep::Row> rows_;
  std::vector<cep::Alert> alerts_;
  cep::EventTime time_ = cep::kEventTimeMin;
  KeyHistory history_;
};

Result<KeyReplay> KeyReplay::prepare(const cep::Program& program, HistoryRequest request) {
  KeyReplay made(std::move(request), program);
  Result<std::vector<cep::KeyQuery>> keys = cep::find_keys(program, made.request_.key);
  if (!keys) return tl::unexpected(keys.error());
  std::vector<std::uint32_t> tables;
  for (cep::KeyQuery& key : *keys) {
    key.matches_max = 0;  // they are counted
    tables.push_back(key.table);
  }
  made.keys_ = *std::move(keys);
  const auto is_ours = [&](std::uint32_t table) {
    return std::ranges::find(tables, table) != tables.end();
  };
  for (const cep::FeatureProgram& feature : program.impl().features) {
    if (is_ours(feature.table) && !feature.feature->name.empty()) {
      made.features_.push_back(feature.index);
    }
  }
  for (const cep::RuleProgram& rule : program.impl().rules) {
    if (is_ours(rule.table) && rule.method != cep::Method::kSingle) {
      made.rules_.push_back(rule.index);
    }
  }
  made.needs_other_keys_ = cep::depends_on_other_keys(program, made.rules_, made.features_, tables);
  const bool is_replayed = made.needs_other_keys_ || !made.request_.has_key_index;
  if (is_replayed && made.request_.lists_change) {
    // Lists and tables begin as declared.
    const std::unique_ptr<TextCacheFolder> cache = open_text_cache();
    Result<cep::Program> declared =
        cep::compile(std::make_shared<const cep::Plan>(program.plan()), {}, cache.get());
    if (!declared) return tl::unexpected(declared.error());
    made.program_ = *std::move(declared);
  }
  return made;
}

Result<KeyHistory> KeyReplay::run(const ArchivedKeys& archive, runtime::RunOptions options,
                                  ArchiveNotes& notes) {
  options.final_watermark = true;
  Run run(*this, options);
  const auto advance = [&](cep::Batch& slice, cep::EventTime watermark) {
    return run.advance(slice, watermark);
  };
  const bool is_replayed = needs_other_keys_ || !request_.has_key_index;
  const Result<void> done = read_keys(
      archive, {program_, keys_, is_replayed, request_.lists_change}, options, notes, advance);
  if (!done && done.error().code != Errc::kStopped) return tl::unexpected(done.error());
  return run.take(!done);
}

namespace {
template <typename List, typename Write>
void append_list(std::string& to, std::string_view name, const List& list, const Write& write) {
  to += fmt::format("\"{}\":[", name);
  bool is_first = true;
  for (const auto& each : list) {
    if (!is_first) to += ',';
    is_first = false;
    write(each);
  }
  to += ']';
}
}  // namespace

std::string history_json(const KeyReplay& replay, const KeyHistory& history,
                         const std::vector<std::string>& missing) {
  const cep::Plan& plan = replay.plan();
  std::string to = "{";
  const auto text = [&](std::string_view value) { cep::append_json_string(to, value); };
  append_list(to, "features", history.features,
              [&](cep::FeatureIndex feature) { text(plan.features[feature.value].name); });
  to += ',';
  append_list(to, "rules", history.rules,
              [&](cep::RuleIndex rule) { text(plan.rules[rule.value].id); });
  to += ',';
  append_list(to, "points", history.points, [&](const HistoryPoint& point) {
    to += fmt::format(R"({{"time":"{}","event":{{"type":)", cep::format_time(point.time));
    text(plan.event_types[point.event.type.value].name);
    to += R"(,"id":)";
    text(point.event.id);
    to += fmt::format(R"(,"time":"{}"}},)", cep::format_time(point.event.ts));
    append_list(to, "values", point.values, [&](const cep::OwnedValue& value) {
      if (value.view().is_missing()) {
        to += "null";
      } else {
        cep::append_json(to, value.view());
      }
    });
    to += ',';
    append_list(to, "matches", point.matches,
                [&](std::uint64_t count) { to += fmt::format("{}", count); });
    to += '}';
  });
  to += fmt::format(R"(,"older":{},"points_max":{},"replayed":{},"complete":{},"ended_at":)",
                    history.older, history.points_max, history.replayed, history.is_complete);
  to += !history.ended_at ? "null" : fmt::format("\"{}\"", cep::format_time(*history.ended_at));
  to += ',';
  append_list(to, "missing", missing, [&](std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    text(line);
  });
  return to + '}';
}
}  // namespace tocsin::api
