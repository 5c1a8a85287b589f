#include "cep/engine.h"

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cep/base/assert.h"
#include "cep/identity.h"
#include "cep/program.h"
#include "cep/slice.h"
#include "cep/table_state.h"
#include "cep/text_scratch.h"

namespace tocsin::cep {
class EngineImpl {
 public:
  EngineImpl(Program program, std::uint64_t hash_seed)
      : program_(std::move(program)), slice_(program_.impl()) {
    for (std::uint32_t i = 0; i < program_.impl().tables.size(); ++i) {
      tables_.push_back(std::make_unique<TableState>(program_.impl(), i, hash_seed, stats_));
    }
  }

  void advance(const Batch& batch, EventTime watermark, std::vector<Alert>& alerts) {
    text_scratch().clear();
    const std::size_t first_alert = alerts.size();
    check_order(batch, watermark);
    stats_.rows += batch.rows.size();
    slice_.begin(batch, stats_.values_missing);
    for (const auto& table : tables_) table->resolve(slice_);
    for (std::uint32_t pass = 0; pass < program_.impl().pass_count; ++pass) {
      for (const auto& table : tables_) table->run(pass, slice_, watermark, alerts);
    }
    stats_.rows_relevant += slice_.relevant_rows();
    if (watermark == kEventTimeMax) {
      for (const auto& table : tables_) table->end();
      stats_.runs = 0;
    } else {
      for (const auto& table : tables_) table->sweep(watermark);
    }
    std::sort(alerts.begin() + static_cast<std::ptrdiff_t>(first_alert), alerts.end(),
              [](const Alert& a, const Alert& b) { return a.order < b.order; });
    for (std::size_t i = first_alert; i < alerts.size(); ++i) give_id(alerts[i]);
  }

  EngineStats stats() const {
    EngineStats stats = stats_;
    for (const auto& table : tables_) {
      stats.keys += table->keys();
      stats.timers += table->timers();
      stats.state_bytes += table->bytes();
    }
    return stats;
  }

 private:
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

  // Alerts that are equal in rule, key, time and events are told apart by their number; equal ones
  // have one time.
  void give_id(Alert& alert) {
    const Rule& rule = *program_.impl().rules[alert.rule.value].rule;
    identities_.clear();
    for (const BoundEvent& event : alert.events) identities_.push_back(event.identity);
    alert.id = alert_id(rule.id, alert.order.key, alert.ts, identities_, 0);
    if (alert.ts != ids_time_) {
      ids_.clear();
      ids_time_ = alert.ts;
    }
    const std::uint32_t number = ids_[alert.id]++;
    if (number > 0) alert.id = alert_id(rule.id, alert.order.key, alert.ts, identities_, number);
  }

  Program program_;
  EngineStats stats_;
  Slice slice_;
  std::vector<std::unique_ptr<TableState>> tables_;
  EventTime watermark_ = kEventTimeMin;
  EventTime ids_time_ = kEventTimeMin;
  std::unordered_map<std::string, std::uint32_t> ids_;  // how many alerts of ids_time_ had this id
  std::vector<std::string> identities_;
};

Engine::Engine(Program program, std::uint64_t hash_seed)
    : impl_(std::make_unique<EngineImpl>(std::move(program), hash_seed)) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
void Engine::advance(const Batch& slice, EventTime watermark, std::vector<Alert>& alerts) {
  impl_->advance(slice, watermark, alerts);
}
EngineStats Engine::stats() const { return impl_->stats(); }
}  // namespace tocsin::cep
