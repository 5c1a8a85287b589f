#include "runtime/carry_over.h"

#include <string>
#include <string_view>

#include "cep/state_entry.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kBiteBytes = std::size_t{1} << 20;

// Each entry goes straight to the other engine.
class Carrier : public cep::StateSink {
 public:
  explicit Carrier(cep::Engine& to) : to_(to) {}
  void put(const cep::StateKey& key, std::string_view value) override {
    if (carried_) carried_ = to_.restore(key, value);
  }
  void remove(const cep::StateKey& /*key*/) override {}  // the other one never had it
  void shard_done(std::uint32_t /*shard*/) override {}
  const Result<void>& carried() const { return carried_; }

 private:
  cep::Engine& to_;
  Result<void> carried_;
};
}  // namespace

Result<cep::RestoreReport> carry_over(cep::Engine& from, cep::Engine& to) {
  from.mark_all_changed();
  Result<cep::RestoreReport> report = to.begin_restore(from.begin_snapshot());
  if (!report) return report;
  Carrier carrier(to);
  while (!from.write_snapshot(carrier, kBiteBytes)) {
    if (!carrier.carried()) break;
  }
  if (!carrier.carried()) return tl::unexpected(carrier.carried().error());
  if (auto finished = to.finish_restore(); !finished) return tl::unexpected(finished.error());
  return report;
}
}  // namespace tocsin::runtime
