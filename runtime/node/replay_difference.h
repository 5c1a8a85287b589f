/// What a replay under other semantics gives otherwise than what is stored: compared by id,
/// reported, never sent.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/order.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/effects/emitted_mark.h"

namespace tocsin::runtime {
struct ReplayReport {
  std::uint64_t same = 0;   // alerts that came again
  std::uint64_t added = 0;  // that came and are not stored: they are not sent
  std::uint64_t gone = 0;   // stored, and did not come
  /// The first of them: "+ ID of rule large (time, record, line)", or "- …" where it is gone.
  std::vector<std::string> examples;
};
/// Threading: one caller at a time.
class ReplayDifference {
 public:
  /// Of the alerts after `from` up to `mark`. The reader's store must outlive it.
  ReplayDifference(const EffectReader& reader, EmittedMark from, EmittedMark mark);
  /// Whether an alert of this place has had its time: it is compared, not stored.
  bool is_past(const cep::OrderKey& order) const { return mark_.order && order <= *mark_.order; }
  /// An alert that is_past() came. Errors: those of the store, told by report().
  void take(const StoredAlert& alert);
  /// After the last one. Errors: those of the store.
  Result<ReplayReport> report();

 private:
  void add_example(char sign, const StoredAlert& alert);

  EffectReader reader_;
  EmittedMark from_;
  EmittedMark mark_;
  std::set<std::uint64_t> seen_;  // numbers
  ReplayReport report_;
  Result<void> failure_;
};
}  // namespace tocsin::runtime
