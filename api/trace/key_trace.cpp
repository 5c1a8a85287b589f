#include "api/trace/key_trace.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "api/rules/rule_loader.h"
#include "api/rules/text_cache.h"
#include "api/trace/waiting_slices.h"
#include "cep/compile/program.h"
#include "cep/data/batch.h"
#include "cep/data/entry_set.h"
#include "cep/data/key_part.h"
#include "cep/data/reference_data.h"
#include "cep/data/row_identity.h"
#include "cep/diagnose/key_condition.h"
#include "cep/engine/engine.h"
#include "cep/eval/computed.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "library/explain/find_rules.h"
#include "runtime/archive/archive_keys.h"
#include "runtime/event_time/arrivals.h"
#include "runtime/event_time/block_decoder.h"
#include "runtime/event_time/slice_loop.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kLateMax = 1000;
// Alerts of a slice are in memory at once, and each lists its events.
constexpr std::size_t kSliceRowsMax = 256;

// "by card, merchant", or that it is by none.
std::string key_words(const cep::Rule& rule) {
  std::vector<std::string> names;
  for (const cep::KeyPart& part : rule.key.parts) names.push_back(part.name);
  return names.empty() ? "has no key" : fmt::format("is by {}", fmt::join(names, ", "));
}

}  // namespace

void take_data(const cep::Program& from, const cep::Program& to) {
  const cep::ReferenceData& known = from.data();
  cep::ReferenceData& own = to.data();
  for (std::size_t i = 0; i < known.lists.size(); ++i) {
    own.lists[i].entries().take_changes(cep::EntrySet(known.lists[i].entries()));
  }
  for (std::size_t i = 0; i < known.tables.size(); ++i) {
    own.tables[i].rows().take_changes(cep::EntrySet(known.tables[i].rows()));
  }
}

// The run of one trace.
class KeyTracer::TraceRun {
 public:
  TraceRun(KeyTracer& tracer, cep::RuleTracer& reading, const runtime::RunOptions& options)
      : tracer_(tracer),
        reading_(reading),
        may_mute_(!considers_alerts(tracer)),
        waiting_(tracer.plan(), tracer.request().entries_max),
        keys_(tracer.program()),
        engine_(options.steps_per_event_max
                    ? tracer.program().with_steps_per_event_max(*options.steps_per_event_max)
                    : tracer.program(),
                options.hash_seed, options.workers) {
    find_fields();
  }

  Result<void> advance(cep::Batch& slice, cep::EventTime watermark) {
    const std::optional<cep::EventTime>& at = tracer_.request().at;
    cep::fill_computed(tracer_.program(), slice);
    if (!slice.rows.empty()) newest_ = std::max(newest_, slice.rows.back().engine_time);
    if (at) {
      std::erase_if(slice.rows, [&](const cep::Row& row) { return row.engine_time > *at; });
    }
    std::uint64_t entries = 0;
    std::erase_if(slice.rows, [&](const cep::Row& row) {
      const bool is_of_key = has_key(slice, row);
      if (is_of_key && has_fields(row.type)) ++entries;
      return !is_of_key && !tracer_.needs_other_keys();
    });
    trace_.events += entries;
    const bool is_end = watermark == cep::kEventTimeMax || (at && watermark >= *at);
    if (slice.rows.empty() && !is_end) return {};
    time_ = is_end ? std::max(at ? *at : newest_, time_) : watermark;
    waiting_.add(slice, entries, time_);
    while (const std::optional<WaitingSlice> next = waiting_.take(is_end)) run(*next);
    if (!is_end) return {};
    end(time_);
    return fail(Errc::kStopped, "");  // nothing later makes a difference
  }

  void take_late(const runtime::LateEvent& late, runtime::BlockDecoder& decoder) {
    line_.assign(late.text);
    line_.append(runtime::kLinePadding, '\n');
    decoder.decode(std::string_view(line_).substr(0, late.text.size()), false, block_);
    if (block_.batch_count == 0 || block_.batches.front()->rows.empty()) return;
    cep::Batch& batch = *block_.batches.front();
    cep::fill_computed(tracer_.program(), batch);
    const cep::Row& row = batch.rows.front();
    if (!has_key(batch, row) || !has_fields(row.type)) return;
    if (trace_.late.size() == kLateMax) {
      ++trace_.late_more;
      return;
    }
    trace_.late.push_back({late.input, late.line, event_of(batch, row), late.late_by});
  }

  // The engine is given all that was read: lists and tables are as they were then.
  void catch_up() {
    while (const std::optional<WaitingSlice> next = waiting_.take(true)) run(*next);
  }

  bool has_ended() const { return has_ended_; }
  KeyTrace take() { return std::move(trace_); }

 private:
  // Alerts of rules, which are entries too: no reading says beforehand how many there will be.
  static bool considers_alerts(const KeyTracer& tracer) {
    return std::ranges::any_of(tracer.rules(), [&](cep::RuleIndex rule) {
      return std::ranges::any_of(tracer.plan().rules[rule.value].considered,
                                 [&](const cep::Subset& kind) {
                                   return tracer.plan().event_types[kind.type.value].is_alert();
                                 });
    });
  }

  // Of each type that a traced rule considers, those that any of them names.
  void find_fields() {
    const cep::Plan& plan = tracer_.plan();
    fields_.resize(plan.event_types.size());
    considered_.resize(plan.event_types.size());
    for (const cep::RuleIndex index : tracer_.rules()) {
      const cep::Rule& rule = plan.rules[index.value];
      for (const cep::Subset& kind : rule.considered) considered_[kind.type.value] = true;
      for (const cep::Captured& captured : rule.captured) {
        std::vector<cep::FieldIndex>& of_type = fields_[captured.type.value];
        for (const cep::FieldIndex field : captured.fields) {
          if (std::ranges::find(of_type, field) == of_type.end()) of_type.push_back(field);
        }
        std::ranges::sort(of_type);
      }
    }
  }
  bool has_fields(cep::EventTypeIndex type) const { return considered_[type.value]; }
  bool has_key(const cep::Batch& batch, const cep::Row& row) {
    return std::ranges::any_of(tracer_.keys(), [&](const cep::KeyQuery& key) {
      return keys_.has(batch, row, key.table, key.key);
    });
  }

  cep::SeenEvent event_of(const cep::Batch& batch, const cep::Row& row) const {
    const cep::EventType& type = tracer_.plan().event_types[row.type.value];
    cep::SeenEvent event;
    event.type = row.type;
    event.ts = row.ts;
    event.id = type.id_field ? cep::to_text(batch.value(tracer_.plan(), row, *type.id_field))
                             : cep::row_identity(tracer_.plan(), batch, row).text;
    return event;
  }
  void add_entry(const cep::Batch& batch, const cep::Row& row) {
    const std::vector<cep::Field>& fields = tracer_.plan().event_types[row.type.value].fields;
    TraceEntry entry;
    entry.moment = {row.engine_time, cep::Phase::kEvent, row.arrival, 0};
    entry.event = event_of(batch, row);
    for (const cep::FieldIndex field : fields_[row.type.value]) {
      entry.fields.emplace_back(fields[field.value].name,
                                cep::OwnedValue(batch.value(tracer_.plan(), row, field)));
    }
    open_.insert_or_assign(entry.moment, std::move(entry));
  }

  // The rules that say what happened are not heard where nobody will read it.
  void run(const WaitingSlice& slice) {
    const bool is_muted = may_mute_ && !slice.is_shown;
    engine_.mute_from(is_muted ? std::optional(reading_.first_derived()) : std::nullopt);
    if (is_muted) {
      trace_.older += slice.entries;
      muted_until_ = slice.watermark;
    } else {
      for (const cep::Row& row : slice.batch.rows) {
        if (has_key(slice.batch, row) && has_fields(row.type)) add_entry(slice.batch, row);
      }
    }
    advance_engine(slice.batch, slice.watermark);
    keep_until(slice.watermark);
  }
  void advance_engine(const cep::Batch& slice, cep::EventTime watermark) {
    alerts_.clear();
    engine_.advance(slice, watermark, alerts_);
    reading_.take(alerts_);
  }

  // Everything is known of what was before `time`.
  void keep_until(cep::EventTime time) {
    for (cep::TracedMoment& moment : reading_.give(time)) {
      trace_.alerts += static_cast<std::uint64_t>(
          std::ranges::count(moment.notes, cep::TraceNote::Kind::kAlert, &cep::TraceNote::kind));
      if (moment.moment.time <= muted_until_ && !open_.contains(moment.moment)) continue;
      TraceEntry& entry = open_[moment.moment];
      entry.moment = moment.moment;
      if (!entry.event) entry.event = std::move(moment.event);
      entry.notes = std::move(moment.notes);
    }
    while (!open_.empty() && open_.begin()->first.time < time) {
      keep(std::move(open_.begin()->second));
      open_.erase(open_.begin());
    }
  }
  void keep(TraceEntry entry) {
    trace_.entries.push_back(std::move(entry));
    if (trace_.entries.size() <= tracer_.request().entries_max) return;
    if (trace_.entries.front().event) ++trace_.older;
    trace_.entries.pop_front();
  }

  void end(cep::EventTime time) {
    has_ended_ = true;
    trace_.end = time;
    const std::vector<cep::RuleIndex>& rules = tracer_.rules();
    for (const cep::KeyQuery& key : tracer_.keys()) {
      cep::KeyReport report = engine_.report(key);
      std::erase_if(report.rules, [&](const cep::ReportedRule& rule) {
        return std::ranges::find(rules, rule.rule) == rules.end();
      });
      trace_.state.push_back(std::move(report));
    }
    // What is said of the last events a moment later.
    constexpr cep::Duration kMoment{1};
    if (time == cep::kEventTimeMin) return;
    engine_.mute_from(std::nullopt);
    advance_engine(cep::Batch(tracer_.plan()), time + kMoment);
    keep_until(time + kMoment);
  }

  KeyTracer& tracer_;
  cep::RuleTracer& reading_;
  const bool may_mute_;
  WaitingSlices waiting_;
  runtime::ArchiveKeys keys_;
  cep::Engine engine_;
  std::vector<std::vector<cep::FieldIndex>> fields_;  // by event type
  std::vector<bool> considered_;                      // by event type
  std::map<cep::Moment, TraceEntry> open_;            // of which not all is known yet
  std::vector<cep::Alert> alerts_;
  cep::EventTime newest_ = cep::kEventTimeMin;
  cep::EventTime time_ = cep::kEventTimeMin;         // of what waits
  cep::EventTime muted_until_ = cep::kEventTimeMin;  // nothing is shown of what was up to here
  bool has_ended_ = false;
  std::string line_;
  runtime::DecodedBlock block_;
  KeyTrace trace_;
};

Result<KeyTracer> KeyTracer::prepare(const cep::Program& program, TraceRequest request) {
  const cep::Plan& plan = program.plan();
  const Result<std::vector<cep::RuleIndex>> wanted = library::find_rules(plan, request.rules);
  if (!wanted) return tl::unexpected(wanted.error());
  const Result<std::vector<cep::KeyQuery>> keys = cep::find_keys(program, request.key);
  if (!keys) return tl::unexpected(keys.error());
  std::vector<cep::TracedRule> traced;
  std::vector<cep::RuleIndex> rules;
  std::vector<UntracedRule> untraced;
  for (const cep::RuleIndex rule : *wanted) {
    const std::uint32_t table = program.impl().rules[rule.value].table;
    const auto key = std::ranges::find(*keys, table, &cep::KeyQuery::table);
    if (key == keys->end()) {
      untraced.push_back({rule, key_words(plan.rules[rule.value])});
      continue;
    }
    cep::TracedRule& to = traced.emplace_back(cep::TracedRule{rule, {}});
    const cep::KeySpec& spec = plan.rules[rule.value].key;
    for (std::uint32_t part = 0; part < spec.parts.size(); ++part) {
      to.key.emplace_back(cep::key_part_value(spec, key->key, part));
    }
    rules.push_back(rule);
  }
  if (rules.empty() || (!request.rules.empty() && !untraced.empty())) {
    const UntracedRule& first = untraced.front();
    return fail(Errc::kNotFound, fmt::format("rule {} {}: say a key that it has",
                                             plan.rules[first.rule.value].name, first.reason));
  }
  const auto rules_plan = std::make_shared<const cep::Plan>(plan);
  Result<cep::RuleTracer> tracer = cep::RuleTracer::of(rules_plan, std::move(traced));
  if (!tracer) return tl::unexpected(tracer.error());
  const std::unique_ptr<TextCacheFolder> cache = open_text_cache();
  Result<cep::Program> derived = cep::compile(tracer->plan(), {}, cache.get());
  if (!derived) return tl::unexpected(derived.error());
  KeyTracer made(std::move(request), *std::move(tracer), *std::move(derived));
  made.rules_plan_ = rules_plan;
  Result<std::vector<cep::KeyQuery>> own = cep::find_keys(made.program_, made.request_.key);
  if (!own) return tl::unexpected(own.error());
  made.keys_ = *std::move(own);
  std::vector<std::uint32_t> tables;
  for (const cep::KeyQuery& key : made.keys_) tables.push_back(key.table);
  made.rules_ = std::move(rules);
  made.untraced_ = std::move(untraced);
  made.needs_other_keys_ = cep::depends_on_other_keys(made.program_, made.rules_, tables);
  const bool begins_as_declared = made.request_.lists_change && made.is_replayed();
  if (!begins_as_declared) take_data(program, made.program_);
  return made;
}

Result<KeyTrace> KeyTracer::run(const std::vector<runtime::Input>& inputs,
                                runtime::RunOptions options, const runtime::Sinks& sinks) {
  return run(std::move(options), sinks,
             [&](TraceRun& run, const runtime::RunOptions& chosen, const runtime::Sinks& own,
                 runtime::RunSummary& summary) {
               return runtime::read_slices(plan(), program_.used_fields(), program_.used_types(),
                                           inputs, chosen, own, summary,
                                           [&](cep::Batch& slice, cep::EventTime watermark) {
                                             return run.advance(slice, watermark);
                                           });
             });
}

Result<KeyTrace> KeyTracer::run(runtime::ArchivedArrivals& arrivals, runtime::RunOptions options,
                                const runtime::Sinks& sinks) {
  return run(std::move(options), sinks,
             [&](TraceRun& run, const runtime::RunOptions& chosen, const runtime::Sinks& own,
                 runtime::RunSummary& summary) {
               arrivals.records().before_list_changes([&run] { run.catch_up(); });
               return runtime::read_arrivals(runtime::UsedEvents::of(program_), arrivals, chosen,
                                             own, summary,
                                             [&](cep::Batch& slice, cep::EventTime watermark) {
                                               return run.advance(slice, watermark);
                                             });
             });
}

Result<KeyTrace> KeyTracer::run(runtime::RunOptions options, const runtime::Sinks& sinks,
                                const Reading& read) {
  options.final_watermark = true;
  options.slice_rows_max = std::min(options.slice_rows_max, kSliceRowsMax);
  TraceRun run(*this, tracer_, options);
  runtime::BlockDecoder decoder(plan(), program_.used_fields(), program_.used_types(),
                                {options.line_bytes_max, 1});
  runtime::Sinks own = sinks;
  own.late = [&](const runtime::LateEvent& late) {
    run.take_late(late, decoder);
    if (sinks.late) sinks.late(late);
  };
  runtime::RunSummary summary;
  const Result<void> done = read(run, options, own, summary);
  if (!done && !run.has_ended()) return tl::unexpected(done.error());
  KeyTrace trace = run.take();
  trace.summary = std::move(summary);
  return trace;
}
}  // namespace tocsin::api
