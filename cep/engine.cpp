#include "cep/engine.h"

#include <algorithm>
#include <compare>
#include <memory>
#include <span>
#include <string>
#include <tuple>
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
      : program_(std::move(program)),
        slice_(program_.impl()),
        ids_(program_.impl().pass_count),
        one_row_(program_.plan()) {
    for (std::uint32_t i = 0; i < program_.impl().tables.size(); ++i) {
      tables_.push_back(std::make_unique<TableState>(program_.impl(), i, hash_seed, stats_));
    }
  }

  void advance(const Batch& batch, EventTime watermark, std::vector<Alert>& alerts) {
    text_scratch().clear();
    const std::size_t first_alert = alerts.size();
    check_order(batch, watermark);
    stats_.rows += batch.rows.size();
    if (program_.impl().row_by_row) {
      advance_by_row(batch, watermark, alerts);
    } else {
      advance_slice(batch, watermark, alerts);
    }
    if (watermark == kEventTimeMax) {
      for (const auto& table : tables_) table->end();
      stats_.runs = 0;
    } else {
      for (const auto& table : tables_) table->sweep(watermark);
    }
    if (program_.impl().pass_count > 1) sort(alerts, first_alert);
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
  void advance_slice(const Batch& batch, EventTime watermark, std::vector<Alert>& alerts) {
    slice_.begin(batch, stats_.values_missing);
    const std::uint32_t passes = program_.impl().pass_count;
    for (std::uint32_t pass = 0; pass < passes; ++pass) {
      const std::size_t first_alert = alerts.size();
      for (const auto& table : tables_) {
        if (table->has_pass(pass)) table->run(pass, slice_, watermark, alerts);
      }
      if (alerts.size() == first_alert) continue;
      sort(alerts, first_alert);
      if (pass > 0) count_ordinals(alerts, first_alert);
      for (std::size_t i = first_alert; i < alerts.size(); ++i) give_id(alerts[i], ids_[pass]);
      if (pass + 1 < passes) {
        slice_.add_alerts(std::span(alerts).subspan(first_alert), stats_.values_missing);
      }
    }
    stats_.rows_relevant += slice_.relevant_rows();
  }

  // What one row raises is known before the next is looked at.
  void advance_by_row(const Batch& batch, EventTime watermark, std::vector<Alert>& alerts) {
    const Plan& plan = program_.plan();
    for (const Row& row : batch.rows) {
      one_row_.clear();
      one_row_.fields_of = batch.fields_of;
      one_row_.rows.push_back(row);
      one_row_.rows.back().index = 0;
      const std::vector<Column>& from = batch.types[row.type.value].fields;
      for (std::size_t f = 0; f < from.size(); ++f) {
        if (from[f].known.empty()) continue;
        append_value(one_row_.types[row.type.value].fields[f],
                     plan.event_types[row.type.value].fields[f].type,
                     batch.value(plan, row, FieldIndex(f)), one_row_.texts);
      }
      advance_slice(one_row_, row.engine_time, alerts);
    }
    one_row_.clear();
    advance_slice(one_row_, watermark, alerts);
  }

  static void sort(std::vector<Alert>& alerts, std::size_t first) {
    std::sort(alerts.begin() + static_cast<std::ptrdiff_t>(first), alerts.end(),
              [](const Alert& a, const Alert& b) {
                const OrderKey& x = a.order;
                const OrderKey& y = b.order;
                const auto place =
                    std::tie(x.time, x.phase, x.arrival, x.level, x.rule, x.role, x.key, x.after,
                             x.ordinal) <=> std::tie(y.time, y.phase, y.arrival, y.level, y.rule,
                                                     y.role, y.key, y.after, y.ordinal);
                return place < 0;
              });
  }

  // Several events of alerts may have one cause: what they raise is counted through.
  static void count_ordinals(std::vector<Alert>& alerts, std::size_t first) {
    for (std::size_t i = first + 1; i < alerts.size(); ++i) {
      const OrderKey& before = alerts[i - 1].order;
      OrderKey& order = alerts[i].order;
      OrderKey same = before;
      same.ordinal = order.ordinal;
      same.after = order.after;
      if (same == order) order.ordinal = before.ordinal + 1;
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

  // How many alerts of one time and pass had an id.
  struct Ids {
    EventTime time = kEventTimeMin;
    std::unordered_map<std::string, std::uint32_t> given;
  };
  // Alerts that are equal in rule, key, time and events are told apart by their number; equal ones
  // have one time.
  void give_id(Alert& alert, Ids& ids) {
    const Rule& rule = *program_.impl().rules[alert.rule.value].rule;
    identities_.clear();
    if (alert.window_begin) {
      identities_.push_back(identity_of_window(*alert.window_begin, alert.ts));
    } else {
      for (const BoundEvent& event : alert.events) identities_.push_back(event.identity);
    }
    alert.id = alert_id(rule.id, alert.order.key, alert.ts, identities_, 0);
    if (alert.ts != ids.time) {
      ids.given.clear();
      ids.time = alert.ts;
    }
    const std::uint32_t number = ids.given[alert.id]++;
    if (number > 0) alert.id = alert_id(rule.id, alert.order.key, alert.ts, identities_, number);
  }

  Program program_;
  EngineStats stats_;
  Slice slice_;
  std::vector<std::unique_ptr<TableState>> tables_;
  EventTime watermark_ = kEventTimeMin;
  std::vector<Ids> ids_;  // by pass
  Batch one_row_;
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
