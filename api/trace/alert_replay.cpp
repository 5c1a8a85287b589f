#include "api/trace/alert_replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <memory>
#include <set>

#include "api/alerts/alert_line.h"
#include "api/rules/text_cache.h"
#include "api/trace/key_trace.h"
#include "cep/compile/program.h"
#include "cep/data/batch.h"
#include "cep/data/key_part.h"
#include "cep/diagnose/key_condition.h"
#include "cep/engine/engine.h"
#include "cep/eval/computed.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "runtime/archive/archive_keys.h"

namespace tocsin::api {
namespace {
// Alerts of a slice are in memory at once, and each lists its events.
constexpr std::size_t kSliceRowsMax = 256;

std::int64_t whole(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}
std::string member_text(std::string_view object, std::string_view name) {
  return json_characters(json_member(object, name));
}

bool reads_data(const cep::Expr& expr) {
  return cep::any_expr(expr, [](const cep::Expr& one) {
    return std::holds_alternative<cep::ListLookup>(one.payload) ||
           std::holds_alternative<cep::ColumnRead>(one.payload);
  });
}
bool reads_data(const std::vector<cep::Subset>& kinds) {
  return std::ranges::any_of(
      kinds, [](const cep::Subset& kind) { return kind.condition && reads_data(*kind.condition); });
}
bool reads_data(const std::vector<const cep::Expr*>& exprs) {
  return std::ranges::any_of(exprs, [](const cep::Expr* expr) { return reads_data(*expr); });
}

// A part of a key as people write it: an alert has times as numbers.
std::string key_value_text(const cep::Type& type, const std::string& text) {
  const bool is_number = !text.empty() && text.find_first_not_of("-0123456789") == text.npos;
  if (type.kind != cep::TypeKind::kTime || !is_number) return text;
  return cep::format_time(cep::EventTime{whole(text)});
}
}  // namespace

ListedMatch match_of(std::string_view line) {
  ListedMatch match;
  match.id = member_text(line, "id");
  match.rule = member_text(line, "rule");
  for (const auto& [name, value] : json_members(json_member(line, "key"))) {
    match.key.emplace_back(name, json_characters(value));
  }
  match.end = cep::EventTime{whole(json_member(line, "ts")) + whole(json_member(line, "late_us"))};
  match.events_more = static_cast<std::uint64_t>(whole(json_member(line, "events_omitted")));
  for (const std::string_view event : json_elements(json_member(line, "events"))) {
    match.events.push_back({member_text(event, "as"), member_text(event, "type"),
                            member_text(event, "id"),
                            cep::EventTime{whole(json_member(event, "ts"))}});
  }
  return match;
}

Result<std::vector<std::pair<std::string, std::string>>> key_parts_of(const cep::Rule& rule,
                                                                      const ListedMatch& match) {
  std::vector<std::pair<std::string, std::string>> parts;
  for (const auto& [name, value] : match.key) {
    const auto part = std::ranges::find(rule.key.parts, name, &cep::KeyPart::name);
    if (part == rule.key.parts.end()) {
      return fail(Errc::kNotFound, fmt::format("rule {} is not by {}", rule.id, name));
    }
    parts.emplace_back(name, key_value_text(part->type, value));
  }
  return parts;
}

std::string key_text(const ListedMatch& match) {
  std::string text;
  for (const auto& [name, value] : match.key) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", name, value);
  }
  return text;
}

bool reads_lists(const cep::Plan& plan, const cep::Rule& rule) {
  const bool is_computed_so = std::ranges::any_of(plan.event_types, [](const auto& type) {
    return std::ranges::any_of(type.fields, [](const cep::Field& field) {
      return field.computed && reads_data(*field.computed);
    });
  });
  if (is_computed_so || reads_data(rule.considered)) return true;
  bool found = reads_data(cep::all_exprs(rule));
  cep::for_each_kinds(
      rule, [&](const std::vector<cep::Subset>& kinds) { found = found || reads_data(kinds); });
  std::set<cep::FeatureIndex> seen;
  const std::function<void(const std::vector<const cep::Expr*>&)> visit =
      [&](const std::vector<const cep::Expr*>& exprs) {
        for (const cep::FeatureIndex index : cep::features_read(exprs)) {
          if (!seen.insert(index).second) continue;
          const cep::Feature& feature = plan.features[index.value];
          const std::vector<const cep::Expr*> own = cep::feature_exprs(feature);
          found = found || reads_data(feature.events) || reads_data(own);
          visit(own);
        }
      };
  visit(cep::all_exprs(rule));
  return found;
}

// The engine takes the key's events up to the alert.
class AlertReplay::Run {
 public:
  Run(AlertReplay& replay, const runtime::RunOptions& options)
      : replay_(replay),
        keys_(replay.program_),
        engine_(options.steps_per_event_max
                    ? replay.program_.with_steps_per_event_max(*options.steps_per_event_max)
                    : replay.program_,
                options.hash_seed, options.workers) {}

  Result<void> advance(cep::Batch& slice, cep::EventTime watermark) {
    const cep::EventTime end = replay_.request_.match.end;
    cep::fill_computed(replay_.program_, slice);
    std::erase_if(slice.rows, [&](const cep::Row& row) {
      return row.engine_time > end || (!replay_.needs_other_keys_ && !has_key(slice, row));
    });
    const bool is_end = watermark >= end;
    if (slice.rows.empty() && !is_end) return {};
    alerts_.clear();
    engine_.advance(slice, is_end ? end : watermark, alerts_);
    replay_.conditions_.take(alerts_);
    if (!is_end) return {};
    has_ended_ = true;
    return fail(Errc::kStopped, "");  // nothing later makes a difference
  }
  bool has_ended() const { return has_ended_; }

 private:
  bool has_key(const cep::Batch& batch, const cep::Row& row) {
    return std::ranges::any_of(replay_.keys_, [&](const cep::KeyQuery& key) {
      return keys_.has(batch, row, key.table, key.key);
    });
  }

  AlertReplay& replay_;
  runtime::ArchiveKeys keys_;
  cep::Engine engine_;
  std::vector<cep::Alert> alerts_;
  bool has_ended_ = false;
};

Result<AlertReplay> AlertReplay::prepare(const cep::Program& program, ReplayRequest request) {
  const cep::Plan& plan = program.plan();
  const auto rule = std::ranges::find(plan.rules, request.match.rule, &cep::Rule::id);
  if (rule == plan.rules.end()) {
    return fail(Errc::kNotFound, fmt::format("there is no rule {}", request.match.rule));
  }
  const cep::RuleIndex index(static_cast<std::size_t>(rule - plan.rules.begin()));
  const auto parts = key_parts_of(*rule, request.match);
  if (!parts) return tl::unexpected(parts.error());
  const Result<std::vector<cep::KeyQuery>> keys = cep::find_keys(program, *parts);
  if (!keys) return tl::unexpected(keys.error());
  const auto key =
      std::ranges::find(*keys, program.impl().rules[index.value].table, &cep::KeyQuery::table);
  if (key == keys->end()) {
    return fail(Errc::kNotFound, fmt::format("rule {} is by another key now", rule->id));
  }
  cep::TracedRule traced{index, {}};
  for (std::uint32_t part = 0; part < rule->key.parts.size(); ++part) {
    traced.key.emplace_back(cep::key_part_value(rule->key, key->key, part));
  }
  cep::KnownMatch match{request.match.id, {}, request.match.events_more};
  for (const ListedMatch::Event& event : request.match.events) {
    const auto type = std::ranges::find(plan.event_types, event.type, &cep::EventType::name);
    match.events.push_back(
        {event.as, cep::EventTypeIndex(static_cast<std::size_t>(type - plan.event_types.begin())),
         event.ts, event.id});
  }
  cep::MatchConditions conditions = cep::MatchConditions::of(
      std::make_shared<const cep::Plan>(plan), std::move(traced), std::move(match));
  const std::unique_ptr<TextCacheFolder> cache = open_text_cache();
  Result<cep::Program> derived = cep::compile(conditions.plan(), {}, cache.get());
  if (!derived) return tl::unexpected(derived.error());
  AlertReplay made(std::move(request), std::move(conditions), *std::move(derived));
  Result<std::vector<cep::KeyQuery>> own = cep::find_keys(made.program_, *parts);
  if (!own) return tl::unexpected(own.error());
  made.keys_ = *std::move(own);
  std::vector<std::uint32_t> tables;
  for (const cep::KeyQuery& one : made.keys_) tables.push_back(one.table);
  made.needs_other_keys_ = cep::depends_on_other_keys(made.program_, {index}, tables);
  if (!made.lists_change()) take_data(program, made.program_);
  return made;
}

Result<void> AlertReplay::run(const ArchivedKeys& archive, runtime::RunOptions options,
                              ArchiveNotes& notes) {
  options.final_watermark = true;
  options.slice_rows_max = std::min(options.slice_rows_max, kSliceRowsMax);
  Run run(*this, options);
  const auto advance = [&](cep::Batch& slice, cep::EventTime watermark) {
    return run.advance(slice, watermark);
  };
  const Result<void> done = read_keys(
      archive, {program_, keys_, is_replayed(), request_.lists_change}, options, notes, advance);
  if (!done && !run.has_ended()) return tl::unexpected(done.error());
  return {};
}
}  // namespace tocsin::api
