#include "runtime/node/state_migration.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "cep/data/state_entry.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kWholeChunk = std::size_t{1} << 20;
// A round with so few entries takes some milliseconds.
constexpr std::uint64_t kFewEntries = 4096;
constexpr std::uint32_t kRoundsMax = 12;
}  // namespace

// Each entry goes straight to the other engine.
class StateMigration::Carrier : public cep::StateSink {
 public:
  explicit Carrier(cep::Engine& to) : to_(to) {}
  void put(const cep::StateKey& key, std::string_view value) override {
    ++entries_;
    if (carried_ && !is_first_round_) carried_ = to_.forget(key);
    if (carried_) carried_ = to_.restore(key, value);
  }
  void remove(const cep::StateKey& key) override {
    ++entries_;
    if (carried_) carried_ = to_.forget(key);
  }
  void shard_done(std::uint32_t shard) override { to_.settle_restored(shard); }
  const Result<void>& carried() const { return carried_; }
  std::uint64_t entries() const { return entries_; }
  void end_first_round() { is_first_round_ = false; }

 private:
  cep::Engine& to_;
  Result<void> carried_;
  std::uint64_t entries_ = 0;
  bool is_first_round_ = true;
};

StateMigration::StateMigration(cep::Engine& from, cep::Engine& to)
    : from_(from), to_(to), carrier_(std::make_unique<Carrier>(to)) {}
StateMigration::~StateMigration() = default;

std::uint64_t StateMigration::entries() const { return carrier_->entries(); }

Result<void> StateMigration::begin_round() {
  if (rounds_ == 0) {
    from_.mark_all_changed();
    Result<cep::RestoreReport> report = to_.begin_restore(from_.begin_snapshot());
    if (!report) return tl::unexpected(report.error());
    report_ = *std::move(report);
  } else if (auto resumed = to_.resume_restore(from_.begin_snapshot()); !resumed) {
    return resumed;
  }
  ++rounds_;
  entries_before_ = carrier_->entries();
  is_in_round_ = true;
  return {};
}

// Whether the round is over.
Result<bool> StateMigration::go_on(std::size_t bytes) {
  const bool is_over = from_.write_snapshot(*carrier_, bytes);
  if (!carrier_->carried()) return tl::unexpected(carrier_->carried().error());
  if (!is_over) return false;
  is_in_round_ = false;
  carrier_->end_first_round();
  return true;
}

Result<void> StateMigration::chunk(std::size_t bytes) {
  if (!is_in_round_) {
    if (auto begun = begin_round(); !begun) return begun;
  }
  const Result<bool> is_over = go_on(bytes);
  if (!is_over) return tl::unexpected(is_over.error());
  if (*is_over) {
    const std::uint64_t entries = carrier_->entries() - entries_before_;
    is_nearly_done_ = entries <= kFewEntries || rounds_ >= kRoundsMax;
  }
  return {};
}

Result<cep::RestoreReport> StateMigration::finish() {
  const auto end_round = [&]() -> Result<void> {
    while (is_in_round_) {
      if (const Result<bool> is_over = go_on(kWholeChunk); !is_over) {
        return tl::unexpected(is_over.error());
      }
    }
    return {};
  };
  // A round under way is of its cut: what has changed since comes in one more.
  if (auto ended = end_round(); !ended) return tl::unexpected(ended.error());
  if (auto begun = begin_round(); !begun) return tl::unexpected(begun.error());
  if (auto ended = end_round(); !ended) return tl::unexpected(ended.error());
  if (auto finished = to_.finish_restore(); !finished) return tl::unexpected(finished.error());
  return std::move(report_);
}

Result<cep::RestoreReport> state_migration(cep::Engine& from, cep::Engine& to) {
  return StateMigration(from, to).finish();
}

Result<cep::RestoreReport> planned_migration(const cep::Program& from, const cep::Program& to) {
  cep::Engine nothing(from, 0);
  cep::Engine other(to, 0);
  for (cep::Engine* const engine : {&nothing, &other}) engine->track_changes();
  return state_migration(nothing, other);
}
}  // namespace tocsin::runtime
