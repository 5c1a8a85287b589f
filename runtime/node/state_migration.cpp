#include "runtime/node/state_migration.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "cep/data/state_entry.h"

namespace tocsin::runtime {
namespace {
using Origin = cep::Engine::Origin;
constexpr std::size_t kWholeChunk = std::size_t{1} << 20;
// A round with so few entries takes some milliseconds.
constexpr std::uint64_t kFewEntries = 4096;
constexpr std::uint32_t kRoundsMax = 12;
// Keys that change faster than they are carried would never be few: from then on more is carried at
// once with every round, and events wait for it.
constexpr std::uint32_t kRoundsInChunks = 3;
constexpr std::uint32_t kDoublingsMax = 2;
}  // namespace

// Each entry goes straight to the other engine. Where operators take state of both engines, all
// entries of a key are known, and come anew with each of them: so the outcome does not depend on
// the moments at which they came.
class StateMigration::Carrier : public cep::StateSink {
 public:
  explicit Carrier(cep::Engine& to) : to_(to) {}
  void put(const cep::StateKey& key, std::string_view value) override {
    ++entries_;
    if (joins_) return join(key, value);
    if (carried_ && !is_first_round_) carried_ = to_.forget(key, origin_);
    if (carried_) carried_ = to_.restore(key, value, origin_);
  }
  void remove(const cep::StateKey& key) override {
    ++entries_;
    if (joins_) return join(key, {});
    if (carried_) carried_ = to_.forget(key, origin_);
  }
  void shard_done(std::uint32_t shard) override { to_.settle_restored(shard); }
  const Result<void>& carried() const { return carried_; }
  std::uint64_t entries() const { return entries_; }
  void end_first_round() { is_first_round_ = false; }
  void take_from(Origin origin) { origin_ = origin; }
  void join_states() { joins_ = true; }

 private:
  // By origin, that of the first engine first, and table.
  using Entries = std::map<std::pair<Origin, std::uint16_t>, std::string>;

  void join(const cep::StateKey& key, std::string_view value) {
    Entries& entries = known_[std::string(key.key)];
    for (const auto& [place, known] : entries) {
      if (carried_) carried_ = to_.forget({place.second, key.group, key.key}, place.first);
    }
    if (value.empty()) {
      entries.erase({origin_, key.table});
    } else {
      entries[{origin_, key.table}] = value;
    }
    for (const auto& [place, known] : entries) {
      if (carried_) carried_ = to_.restore({place.second, key.group, key.key}, known, place.first);
    }
    if (entries.empty()) known_.erase(std::string(key.key));
  }

  cep::Engine& to_;
  Origin origin_ = Origin::kLast;
  Result<void> carried_;
  std::uint64_t entries_ = 0;
  bool is_first_round_ = true;
  bool joins_ = false;
  std::unordered_map<std::string, Entries> known_;  // by key, where states are joined
};

StateMigration::StateMigration(cep::Engine& from, cep::Engine* past, cep::Engine& to)
    : from_(from), past_(past), to_(to), carrier_(std::make_unique<Carrier>(to)) {}
StateMigration::~StateMigration() = default;

std::uint64_t StateMigration::entries() const { return carrier_->entries(); }

Result<void> StateMigration::begin_round() {
  if (rounds_ == 0) {
    from_.mark_all_changed();
    Result<cep::RestoreReport> report = to_.begin_restore(from_.begin_snapshot());
    if (!report) return tl::unexpected(report.error());
    report_ = *std::move(report);
    if (past_ != nullptr) {
      past_->mark_all_changed();
      Result<cep::RestoreReport> of_both = to_.begin_past(past_->begin_snapshot());
      if (!of_both) return tl::unexpected(of_both.error());
      report_ = *std::move(of_both);
      if (report_.joins_states) carrier_->join_states();
    }
  } else {
    if (auto resumed = to_.resume_restore(from_.begin_snapshot()); !resumed) return resumed;
    if (past_ != nullptr) {
      auto resumed = to_.resume_restore(past_->begin_snapshot(), Origin::kPast);
      if (!resumed) return resumed;
    }
  }
  ++rounds_;
  is_at_past_ = false;
  carrier_->take_from(Origin::kLast);
  entries_before_ = carrier_->entries();
  is_in_round_ = true;
  return {};
}

// Whether the round is over.
Result<bool> StateMigration::go_on(std::size_t bytes) {
  const bool is_over = (is_at_past_ ? *past_ : from_).write_snapshot(*carrier_, bytes);
  if (!carrier_->carried()) return tl::unexpected(carrier_->carried().error());
  if (!is_over) return false;
  if (past_ != nullptr && !is_at_past_) {
    is_at_past_ = true;
    carrier_->take_from(Origin::kPast);
    return false;
  }
  is_in_round_ = false;
  carrier_->end_first_round();
  return true;
}

Result<void> StateMigration::chunk(std::size_t bytes) {
  if (!is_in_round_) {
    if (auto begun = begin_round(); !begun) return begun;
  }
  const std::uint32_t more = rounds_ - std::min(rounds_, kRoundsInChunks);
  const Result<bool> is_over = go_on(bytes << std::min(more, kDoublingsMax));
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
  return StateMigration(from, nullptr, to).finish();
}

Result<cep::RestoreReport> planned_migration(const cep::Program& from, const cep::Program& to) {
  cep::Engine nothing(from, 0);
  cep::Engine other(to, 0);
  for (cep::Engine* const engine : {&nothing, &other}) engine->track_changes();
  return state_migration(nothing, other);
}
}  // namespace tocsin::runtime
