#include "cep/engine/engine.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cep/base/assert.h"
#include "cep/base/byte_codec.h"
#include "cep/base/workers.h"
#include "cep/compile/program.h"
#include "cep/data/alert_order.h"
#include "cep/engine/alert_ids.h"
#include "cep/engine/alert_sort.h"
#include "cep/engine/key_report.h"
#include "cep/engine/key_scan.h"
#include "cep/engine/profile.h"
#include "cep/engine/row_by_row.h"
#include "cep/engine/state_targets.h"
#include "cep/engine/table_erasure.h"
#include "cep/engine/table_state.h"
#include "cep/engine/written_state.h"
#include "cep/eval/slice.h"
#include "cep/plan/rule.h"
#include "cep/record/budget.h"
#include "cep/record/state_layout.h"
#include "cep/value/identity.h"
#include "cep/value/key.h"

namespace tocsin::cep {
// Engine forwards to it: everything that runs or stores rules includes engine.h, and so compiles
// without the headers of tables, matchers and records.
class EngineImpl {
 public:
  EngineImpl(Program program, std::uint64_t hash_seed, Workers* workers)
      : program_(std::move(program)),
        workers_(workers),
        slice_(program_.impl(), workers),
        budgets_(program_.impl()),
        ids_(program_.impl()),
        row_by_row_(program_.impl(), slice_, tables_, stats_,
                    [this](Alert& alert) { ids_.give(alert); }) {
    for (std::uint32_t i = 0; i < program_.impl().tables.size(); ++i) {
      tables_.push_back(
          std::make_unique<TableState>(program_.impl(), i, hash_seed, stats_, budgets_, workers));
    }
  }

  void advance(const Batch& batch, EventTime watermark, std::vector<Alert>& alerts) {
    if (profiling_ != nullptr) profiling_->begin_slice(batch.rows.size());
    slice_.begin_texts();
    if (!program_.impl().row_by_row && is_for_workers(batch.rows.size())) workers_->expect();
    const std::size_t first_alert = alerts.size();
    check_order(batch, watermark);
    stats_.rows += batch.rows.size();
    if (program_.impl().row_by_row) {
      row_by_row_.advance(batch, watermark, alerts);
      lap(&EngineProfile::matching_ns);
    } else {
      advance_slice(batch, watermark, alerts);
    }
    if (watermark == kEventTimeMax) {
      for (const auto& table : tables_) table->end();
      stats_.runs = 0;
    } else {
      for (const auto& table : tables_) table->sweep(watermark, batch.rows.size());
    }
    lap(&EngineProfile::upkeep_ns);
    if (budgets_.give(alerts) || program_.impl().pass_count > 1) sort_.from(alerts, first_alert);
    lap(&EngineProfile::alerts_ns);
  }

  void mute_from(std::optional<RuleIndex> first) { slice_.mute_from(first); }
  EventTime watermark() const { return watermark_; }
  void begin_profile() {
    auto fresh = std::make_unique<StageProfile>();
    for (const auto& table : tables_) table->begin_profile(fresh->is_timed());
    profiling_ = std::move(fresh);
  }
  void end_profile() {
    for (const auto& table : tables_) table->end_profile();
    profiling_.reset();
  }
  EngineProfile profile() const {
    EngineProfile profile = profiling_ != nullptr ? profiling_->stages() : EngineProfile();
    profile.rules.resize(program_.impl().rules.size());
    profile.features.resize(program_.impl().features.size());
    for (const auto& table : tables_) table->add_profile(profile);
    std::ranges::stable_sort(profile.steps, {}, &EngineProfile::StepFit::rule);
    return profile;
  }

  // ---- its state as bytes

  void track_changes() {
    TOCSIN_ASSERT(watermark_ == kEventTimeMin, "before the first row");
    tracks_ = true;
    ByteWriter to(layout_bytes_);
    layout().write(to);
    for (const auto& table : tables_) table->track_changes();
  }

  std::string begin_snapshot() {
    TOCSIN_ASSERT(tracks_ && !cut_, "changes are tracked, and the cut before is complete");
    std::string bytes = layout_bytes_;
    ByteWriter to(bytes);
    to.signed_varint(watermark_.us);
    save_stats(to);
    ids_.save(watermark_, to);
    budgets_.save(to);
    for (const auto& table : tables_) table->begin_cut();
    for (const ValueTable& values : layout().values) by_value(values).begin_cut();
    cut_ = Cut{};
    return bytes;
  }

  bool write_snapshot(StateSink& sink, std::size_t bytes_max) {
    TOCSIN_ASSERT(cut_.has_value(), "a cut was begun");
    Chunk chunk(bytes_max);
    const std::size_t count = tables_.size() + layout().values.size();
    for (; cut_->shard < kShardCount; ++cut_->shard) {
      for (; cut_->table < count; ++cut_->table) {
        const auto number = static_cast<std::uint16_t>(cut_->table);
        const bool is_done = number < tables_.size()
                                 ? tables_[number]->write_cut(number, cut_->shard, sink, chunk)
                                 : by_value(layout().values[number - tables_.size()])
                                       .write_cut(number, cut_->shard, sink, chunk);
        if (!is_done) return false;
      }
      cut_->table = 0;
      sink.shard_done(cut_->shard);
    }
    cut_.reset();
    return true;
  }

  void mark_all_changed() {
    TOCSIN_ASSERT(tracks_, "changes are tracked");
    cut_.reset();
    for (const auto& table : tables_) table->mark_all_changed();
    for (const ValueTable& values : layout().values) by_value(values).mark_all_changed();
  }

  Result<RestoreReport> begin_restore(std::string_view globals) {
    TOCSIN_ASSERT(watermark_ == kEventTimeMin && !restoring_, "a fresh engine");
    restoring_ = std::make_unique<Restoring>();
    WrittenState& last = restoring_->last;
    ByteReader from(globals);
    if (auto read = last.read_layout(globals, from); !read) return tl::unexpected(read.error());
    if (auto restored = restore_globals(from); !restored) return tl::unexpected(restored.error());
    last.watermark = watermark_;
    last.targets = make_targets(last.layout, layout(), program_.impl());
    return last.targets.report;
  }

  Result<RestoreReport> begin_past(std::string_view globals) {
    TOCSIN_ASSERT(restoring_ != nullptr && !restoring_->past, "once, after begin_restore()");
    WrittenState& last = restoring_->last;
    WrittenState& past = restoring_->past.emplace();
    ByteReader from(globals);
    if (auto read = past.read_layout(globals, from); !read) return tl::unexpected(read.error());
    past.watermark.us = from.signed_varint();
    TargetsOfTwo targets = make_targets(last.layout, past.layout, layout(), program_.impl());
    last.targets = std::move(targets.last);
    past.targets = std::move(targets.past);
    return last.targets.report;
  }

  Result<void> restore(const StateKey& key, std::string_view value, Engine::Origin origin) {
    const WrittenState& written = written_of(origin);
    const StateTargets& targets = written.targets;
    const std::size_t tables = targets.tables.size();
    if (key_group(key.key) != key.group || key.table >= tables + targets.values.size()) {
      return corrupt_entry(key);
    }
    if (key.table >= tables) {
      const std::uint32_t number = targets.values[key.table - tables];
      if (number != StateTargets::kNone &&
          !by_value(layout().values[number]).restore(key.key, value, written.watermark)) {
        return corrupt_entry(key);
      }
      return {};
    }
    for (const auto& [table, target] : targets.tables[key.table]) {
      if (!tables_[table]->restore(target, key.key, value, written.watermark)) {
        return corrupt_entry(key);
      }
    }
    return {};
  }

  Result<void> resume_restore(std::string_view globals, Engine::Origin origin) {
    WrittenState& written = written_of(origin);
    // Where states are joined, all of a key comes anew with each of its entries.
    if (!restoring_->last.targets.report.joins_states) written.targets.begin_later_cut();
    ByteReader from(globals.substr(std::min(written.layout_bytes, globals.size())));
    if (origin == Engine::Origin::kPast) {
      written.watermark.us = from.signed_varint();
      return {};
    }
    if (auto restored = restore_globals(from); !restored) return restored;
    written.watermark = watermark_;
    return {};
  }

  Result<void> forget(const StateKey& key, Engine::Origin origin) {
    const StateTargets& targets = written_of(origin).targets;
    const std::size_t tables = targets.tables.size();
    if (key.table >= tables + targets.values.size()) return corrupt_entry(key);
    if (key.table >= tables) {
      const std::uint32_t number = targets.values[key.table - tables];
      if (number != StateTargets::kNone) by_value(layout().values[number]).forget(key.key);
      return {};
    }
    for (const auto& [table, target] : targets.tables[key.table]) {
      tables_[table]->forget(target, key.key);
    }
    return {};
  }
  void settle_restored(std::uint32_t shard) {
    for (const auto& table : tables_) table->settle_restored(shard);
  }

  Result<void> finish_restore() {
    TOCSIN_ASSERT(restoring_ != nullptr, "after begin_restore()");
    for (std::uint32_t shard = 0; shard < kShardCount; ++shard) settle_restored(shard);
    restoring_.reset();
    return {};
  }
  KeyReport report(const KeyQuery& query) {
    KeyReport report;
    report.at = watermark_;
    tables_[query.table]->report(query.key, watermark_, query.matches_max, true, report);
    return report;
  }
  void scan(KeyScan& of) { KeyScanner(program_.impl(), tables_, watermark_, of).run(); }
  std::uint64_t erase(const std::vector<KeyPartQuery>& parts) {
    std::uint64_t keys = 0;
    for (const auto& one : parts) keys += TableErasure(*tables_[one.table]).erase(one);
    return keys;
  }
  std::vector<std::uint64_t> steps_exceeded() const {
    std::vector<std::uint64_t> counts;
    for (const auto& [of, count] : budgets_.exceeded()) {
      if (of.second != BudgetCause::kStepsPerEvent) continue;
      counts.resize(program_.plan().rules.size());
      counts[of.first] = count;
    }
    return counts;
  }

  std::vector<RuleTotals> rule_totals() {
    std::vector<RuleTotals> totals(program_.plan().rules.size());
    for (const auto& table : tables_) table->add_totals(watermark_, totals);
    return totals;
  }

  EngineStats stats() const {
    EngineStats stats = stats_;
    stats.predicates_asked = slice_.hits().work();
    for (const auto& table : tables_) {
      stats.predicates_asked += table->predicate_work();
      stats.keys += table->keys();
      stats.values += table->values();
      stats.budget_work += table->budget_work();
      stats.layout_work += table->layout_work();
      stats.timers += table->timers();
      stats.state_bytes += table->bytes();
    }
    return stats;
  }

 private:
  void lap(std::uint64_t EngineProfile::*stage) {
    if (profiling_ != nullptr) profiling_->lap(stage);
  }

  void advance_slice(const Batch& batch, EventTime watermark, std::vector<Alert>& alerts) {
    slice_.begin(batch, stats_.values_missing);
    lap(&EngineProfile::conditions_ns);
    const std::uint32_t passes = program_.impl().pass_count;
    for (std::uint32_t pass = 0; pass < passes; ++pass) {
      const std::size_t first_alert = alerts.size();
      run_tables(pass, watermark, alerts);
      lap(&EngineProfile::matching_ns);
      if (alerts.size() == first_alert) continue;
      sort_.from(alerts, first_alert);
      for (std::size_t i = first_alert; i < alerts.size(); ++i) {
        if (pass > 0 && i > first_alert) count_through(alerts[i - 1].order, alerts[i].order);
      }
      ids_.give(std::span(alerts).subspan(first_alert), workers_);
      if (pass + 1 < passes) {
        slice_.add_alerts(std::span(alerts).subspan(first_alert), stats_.values_missing);
      }
      lap(&EngineProfile::alerts_ns);
    }
    stats_.rows_relevant += slice_.relevant_rows();
  }

  bool has_workers() const { return workers_ != nullptr && workers_->count() > 1; }
  bool is_for_workers(std::size_t rows) const {
    return has_workers() && rows >= 2 * workers_->rows_of_part_min();
  }

  void run_tables(std::uint32_t pass, EventTime watermark, std::vector<Alert>& alerts) {
    if (has_workers()) {
      run_tables_in_parts(pass, watermark, alerts);
      return;
    }
    for (const auto& table : tables_) {
      if (!table->has_pass(pass)) continue;
      table->run(pass, slice_, watermark, alerts);
      table->deferred().settle(alerts);
    }
  }

  // Tables do not know each other within a pass: workers do parts of all of them at the same time.
  void run_tables_in_parts(std::uint32_t pass, EventTime watermark, std::vector<Alert>& alerts) {
    parts_.clear();
    bool is_much = is_for_workers(slice_.batch().rows.size());
    for (const auto& table : tables_) {
      if (!table->has_pass(pass)) continue;
      const std::uint32_t parts = table->begin_run(pass, slice_, watermark);
      is_much = is_much || parts > 1;
      for (std::uint32_t part = 0; part < parts; ++part) parts_.push_back({table.get(), part});
    }
    const auto work = [&](std::uint32_t part, std::uint32_t worker) {
      parts_[part].table->run_part(parts_[part].number, worker, alerts);
    };
    const auto count = static_cast<std::uint32_t>(parts_.size());
    if (is_much && count > 1) {
      workers_->run(count, work);
    } else {
      for (std::uint32_t part = 0; part < count; ++part) work(part, 0);
    }
    for (const auto& table : tables_) {
      if (!table->has_pass(pass)) continue;
      table->end_run(alerts);
      table->deferred().settle(alerts);
    }
  }

  void check_order(const Batch& batch, EventTime watermark) {
    EventTime time = watermark_;
    ArrivalNumber arrival;
    for (const Row& row : batch.rows) {
      TOCSIN_ASSERT(row.engine_time > time || (row.engine_time == time && row.arrival >= arrival),
                    "rows ascend by engine time and arrival, from the last watermark on");
      time = row.engine_time;
      arrival = row.arrival;
    }
    TOCSIN_ASSERT(watermark >= time, "the watermark is at or after the last row");
    watermark_ = watermark;
  }

  // Created on first use: an engine whose state is not stored does not need it.
  const StateLayout& layout() {
    if (!layout_) layout_ = StateLayout::of(program_.impl());
    return *layout_;
  }
  ValueSuppression& by_value(const ValueTable& values) {
    const RuleProgram& rule = program_.impl().rules[values.rule];
    return tables_[rule.table]->by_value(rule.index, values.at_most);
  }
  static tl::unexpected<Error> corrupt(const std::string& what) {
    return fail(Errc::kCorrupt, "the engine's state is damaged: " + what);
  }
  static tl::unexpected<Error> corrupt_entry(const StateKey& key) {
    return corrupt("an entry of table " + std::to_string(key.table) + ", key group " +
                   std::to_string(key.group.value));
  }

  WrittenState& written_of(Engine::Origin origin) {
    TOCSIN_ASSERT(restoring_ != nullptr, "between begin_restore() and finish_restore()");
    if (origin == Engine::Origin::kLast) return restoring_->last;
    TOCSIN_ASSERT(restoring_->past.has_value(), "after begin_past()");
    return *restoring_->past;
  }
  // What follows the layout: of another cut, in place of an earlier one's.
  Result<void> restore_globals(ByteReader& from) {
    watermark_.us = from.signed_varint();
    if (watermark_ < kEventTimeMin || watermark_ > kEventTimeMax) return corrupt("its watermark");
    restore_stats(from);
    if (!ids_.restore(watermark_, from) || !budgets_.restore(from) || !from.is_done())
      return corrupt("its end");
    return {};
  }
  void save_stats(ByteWriter& to) const {
    for (const std::uint64_t count :
         {stats_.rows, stats_.rows_relevant, stats_.values_missing, stats_.feature_events_lost,
          stats_.runs_lost, stats_.matches_truncated, stats_.alerts_suppressed}) {
      to.varint(count);
    }
  }
  void restore_stats(ByteReader& from) {
    for (std::uint64_t* const count :
         {&stats_.rows, &stats_.rows_relevant, &stats_.values_missing, &stats_.feature_events_lost,
          &stats_.runs_lost, &stats_.matches_truncated, &stats_.alerts_suppressed}) {
      *count = from.varint();
    }
  }

  struct Cut {
    std::uint32_t shard = 0;
    std::size_t table = 0;
  };
  struct Restoring {
    WrittenState last;
    std::optional<WrittenState> past;
  };

  Program program_;
  // Of a table's work in a pass.
  struct TablePart {
    TableState* table;
    std::uint32_t number;
  };
  Workers* workers_;
  std::vector<TablePart> parts_;
  EngineStats stats_;
  std::optional<StateLayout> layout_;
  std::string layout_bytes_;
  bool tracks_ = false;
  std::optional<Cut> cut_;
  std::unique_ptr<Restoring> restoring_;
  Slice slice_;
  BudgetLog budgets_;
  std::vector<std::unique_ptr<TableState>> tables_;
  EventTime watermark_ = kEventTimeMin;
  AlertIds ids_;
  AlertSort sort_;
  RowByRow row_by_row_;
  std::unique_ptr<StageProfile> profiling_;  // null: nothing is measured
};

Engine::Engine(Program program, std::uint64_t hash_seed, Workers* workers)
    : impl_(std::make_unique<EngineImpl>(std::move(program), hash_seed, workers)) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
void Engine::advance(const Batch& slice, EventTime watermark, std::vector<Alert>& alerts) {
  impl_->advance(slice, watermark, alerts);
}
EngineStats Engine::stats() const { return impl_->stats(); }
void Engine::mute_from(std::optional<RuleIndex> first) { impl_->mute_from(first); }
EventTime Engine::watermark() const { return impl_->watermark(); }
void Engine::track_changes() { impl_->track_changes(); }
std::string Engine::begin_snapshot() { return impl_->begin_snapshot(); }
bool Engine::write_snapshot(StateSink& sink, std::size_t bytes_max) {
  return impl_->write_snapshot(sink, bytes_max);
}
void Engine::mark_all_changed() { impl_->mark_all_changed(); }
Result<RestoreReport> Engine::begin_restore(std::string_view globals) {
  return impl_->begin_restore(globals);
}
Result<RestoreReport> Engine::begin_past(std::string_view globals) {
  return impl_->begin_past(globals);
}
Result<void> Engine::restore(const StateKey& key, std::string_view value, Origin origin) {
  return impl_->restore(key, value, origin);
}
Result<void> Engine::resume_restore(std::string_view globals, Origin origin) {
  return impl_->resume_restore(globals, origin);
}
Result<void> Engine::forget(const StateKey& key, Origin origin) {
  return impl_->forget(key, origin);
}
void Engine::settle_restored(std::uint32_t shard) { impl_->settle_restored(shard); }
Result<void> Engine::finish_restore() { return impl_->finish_restore(); }
void Engine::scan_keys(KeyScan& scan) { impl_->scan(scan); }
KeyReport Engine::report(const KeyQuery& query) { return impl_->report(query); }
std::vector<RuleTotals> Engine::rule_totals() { return impl_->rule_totals(); }
std::uint64_t Engine::erase(const std::vector<KeyPartQuery>& parts) { return impl_->erase(parts); }
std::vector<std::uint64_t> Engine::steps_exceeded() const { return impl_->steps_exceeded(); }
void Engine::begin_profile() { impl_->begin_profile(); }
void Engine::end_profile() { impl_->end_profile(); }
EngineProfile Engine::profile() const { return impl_->profile(); }
}  // namespace tocsin::cep
