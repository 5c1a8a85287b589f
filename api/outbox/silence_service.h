/// Silences at work: kept in the alert store's family `silences`, and asked by the planner at each
/// commit.
///
///   silence's id     JSON: the silence
#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "api/alerts/alert_conditions.h"
#include "api/alerts/silence.h"
#include "api/delivery/delivery_planner.h"
#include "cep/base/result.h"
#include "runtime/io/clock.h"
#include "runtime/store/store.h"

namespace tocsin::api {
struct SilenceOptions {
  std::size_t silences_max = 1000;              // that have not ended
  cep::Duration ended_kept{5LL * cep::kDayUs};  // before they are dropped
};
/// Threading: any.
class SilenceService {
 public:
  using SilencePtr = std::shared_ptr<const Silence>;
  /// All must outlive this.
  SilenceService(runtime::Store& store, runtime::Clock& clock, DeliveryPlanner& planner,
                 const AlertConditions& conditions, SilenceOptions options)
      : store_(store),
        clock_(clock),
        planner_(planner),
        conditions_(conditions),
        options_(options) {}
  /// Those that are stored. Errors: kCorrupt, kIo.
  static Result<std::vector<SilencePtr>> read(const runtime::StoreReader& store,
                                              const AlertConditions& conditions);
  /// Takes them over. Errors: as read().
  Result<void> load();

  /// Newest first; those that ended long ago are dropped.
  std::vector<SilencePtr> list();
  SilencePtr find(const std::string& id) const;
  /// Durable when these return, and every alert that is stored later is decided by it. Errors:
  /// kInvalidArgument for settings that cannot be; kLimit; kNotFound; kConflict for one that has
  /// ended; those of the store.
  Result<SilencePtr> create(std::string_view settings, const std::string& who);
  Result<SilencePtr> end(const std::string& id, const std::string& who);
  /// The rules have changed. Gives those whose conditions no longer fit, and why.
  std::vector<std::pair<std::string, std::string>> rules_changed();
  const AlertConditions& conditions() const { return conditions_; }
  cep::EventTime now() const { return clock_.now(); }

 private:
  Result<void> keep(const Silence& silence);
  Result<void> drop_old(cep::EventTime now);
  void publish();

  runtime::Store& store_;
  runtime::Clock& clock_;
  DeliveryPlanner& planner_;
  const AlertConditions& conditions_;
  const SilenceOptions options_;
  std::mutex changing_;       // held by one change at a time
  mutable std::mutex mutex_;  // guards the map
  std::map<std::string, SilencePtr> silences_;
};
}  // namespace tocsin::api
