/// Rules that change inside a job: what is checked before, and how a part of a stage goes over.
///
///   prepare ─▶ blocks of both plans come ─▶ all before the change is done ─▶ state goes over ─▶ on
///
/// A part has a stage for each of the two programs. Blocks say of which plan they are. State goes
/// over as entries, as to a part that is restored (cep/stage/stage_state.h).
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/base/assert.h"
#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/compile/program.h"
#include "cep/engine/restore_report.h"
#include "cep/engine/state_shares.h"
#include "cep/record/engine_stats.h"
#include "cep/stage/outbox.h"
#include "cep/stage/stage_state.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// Whether parts that run `now` can go over to `next`, both by pass. Errors: kUnsupported where
/// `next` cannot be spread; kInvalidArgument where it is the same plan, or where state would have
/// to move to another pass.
Result<void> check_change(const Program& now, const Program& next);
/// Whether a stage that has come to `reached` can take on another change at `from`; `waits`: one
/// waits already. Errors: kInvalidArgument, kConflict.
Result<void> check_change_time(EventTime from, EventTime reached, bool waits);
/// The change that is prepared is the one that the state waits for, where it waits for one.
Result<void> check_same_change(const std::optional<StageChange>& awaited,
                               const StageChange& prepared);
Error unknown_plan();
Error change_not_prepared(EventTime from);
Error change_passed();

/// A sink that keeps what it is given, to be given on later.
class KeptEntries : public StageSink {
 public:
  void put(KeyGroup group, std::string_view key, std::string_view value) override {
    entries_.push_back({group, std::string(key), std::string(value), true});
  }
  void remove(KeyGroup group, std::string_view key) override {
    entries_.push_back({group, std::string(key), {}, false});
  }
  void clear(KeyGroup group) override { entries_.push_back({group, {}, {}, false}); }
  /// Gives the next ones until they have `bytes_max` bytes; true when there are no more.
  bool give(StageSink& sink, std::size_t bytes_max);

 private:
  struct Entry {
    KeyGroup group;
    std::string key;  // empty: the group is cleared
    std::string value;
    bool is_put = true;
  };
  std::vector<Entry> entries_;
  std::size_t next_ = 0;
};

/// Gives what goes over to the stage that goes on.
template <typename Stage>
class RestoreSink : public StageSink {
 public:
  explicit RestoreSink(Stage& to) : to_(to) {}
  void put(KeyGroup group, std::string_view key, std::string_view value) override {
    if (restored_) restored_ = to_.restore(group, key, value, std::nullopt);
  }
  void remove(KeyGroup /*group*/, std::string_view /*key*/) override {}
  void clear(KeyGroup /*group*/) override {}
  const Result<void>& restored() const { return restored_; }

 private:
  Stage& to_;
  Result<void> restored_;
};

/// A part of a stage, StagePass or StageHold, and the one that it goes over to.
template <typename Stage>
class ChangingStage {
 public:
  ChangingStage(Program program, std::uint32_t pass, KeyGroupRange own, std::uint64_t hash_seed)
      : program_(std::move(program)), pass_(pass), own_(own), hash_seed_(hash_seed) {
    stage_ = make();
  }

  Result<void> put(std::string_view block) {
    BlockReader reader(block);
    if (next_ && reader.ok() && reader.plan() == plan_tag(next_->impl())) {
      return next_stage_->put(reader, std::nullopt);
    }
    if (reader.ok() && reader.plan() != plan_tag(program_.impl())) {
      return tl::unexpected(unknown_plan());
    }
    return stage_->put(reader, end());
  }

  Result<bool> advance(EventTime watermark, std::size_t work_max) {
    if (next_ && watermark >= change_.from) {
      Result<bool> is_over = go_over(work_max);
      if (!is_over || !*is_over) return is_over;
    }
    return stage_->advance(watermark, work_max);
  }

  Result<void> prepare(Program next, EventTime from) {
    const StageChange change{from, next.impl().plan_digest};
    if (auto same = check_same_change(awaited_, change); !same) return same;
    if (auto can = check_change_time(from, stage_->reached(), next_.has_value()); !can) return can;
    if (auto can = check_change(program_, next); !can) return can;
    next_ = std::move(next);
    next_stage_ = std::make_unique<Stage>(*next_, pass_, own_, hash_seed_, outbox_);
    next_stage_->begin_at({from.us - 1});
    change_ = change;
    awaited_.reset();
    return {};
  }
  const StageChange* awaited() const { return awaited_ ? &*awaited_ : nullptr; }
  std::optional<RestoreReport> take_report() { return std::exchange(report_, std::nullopt); }

  StageOutbox& outbox() { return outbox_; }
  EventTime watermark() const { return stage_->watermark(); }
  EngineStats stats() const {
    EngineStats stats = stage_->stats();
    stats += stats_before_;
    // What has gone over is there twice.
    if (next_stage_) stats.state_bytes += next_stage_->stats().state_bytes;
    return stats;
  }
  void add_shares(StateShares& shares) {
    stage_->add_shares(shares);
    if (next_stage_) next_stage_->add_shares(shares);
  }
  std::size_t waiting() const { return stage_->waiting() + (next_ ? next_stage_->waiting() : 0); }
  std::size_t waiting_bytes() const {
    return stage_->waiting_bytes() + (next_ ? next_stage_->waiting_bytes() : 0);
  }

  void track_changes() {
    tracks_ = true;
    stage_->track_changes();
  }
  void begin_cut() {
    TOCSIN_ASSERT(outbox_.empty(), "what there was to send was taken");
    stage_->begin_cut(change(), next_stage_.get());
    is_cut_open_ = true;
  }
  bool write_cut(StageSink& sink, std::size_t bytes_max) {
    TOCSIN_ASSERT(is_cut_open_, "a cut was begun");
    const bool is_over =
        rest_of_cut_ ? rest_of_cut_->give(sink, bytes_max) : stage_->write_cut(sink, bytes_max);
    if (!is_over) return false;
    rest_of_cut_.reset();
    is_cut_open_ = false;
    return true;
  }
  void mark_all_changed() {
    rest_of_cut_.reset();
    is_cut_open_ = false;
    stage_->mark_all_changed();
  }

  Result<RestoreReport> begin_restore(const std::map<std::uint32_t, std::string>& heads,
                                      std::string_view layout) {
    const Result<StageOrigin> origin = stage_origin(heads, layout);
    if (!origin) return tl::unexpected(origin.error());
    if (next_ && origin->watermark >= change_.from) {
      // The change is behind: what was before it is not needed any more.
      if (origin->plan != change_.plan) return tl::unexpected(change_passed());
      program_ = *std::exchange(next_, std::nullopt);
      next_stage_.reset();
      stage_ = make();
    } else if (next_) {
      if (auto same = check_same_change(origin->change, change_); !same) {
        return tl::unexpected(same.error());
      }
    } else {
      awaited_ = origin->change;
    }
    return stage_->begin_restore(heads, layout);
  }
  Result<void> restore(KeyGroup group, std::string_view key, std::string_view value) {
    if (key.empty() || static_cast<StageEntry>(key.front()) != StageEntry::kWaitingNext) {
      return stage_->restore(group, key, value, end());
    }
    if (!next_) {
      return tl::unexpected(change_not_prepared(awaited_ ? awaited_->from : kEventTimeMin));
    }
    stage_->note_stored(group, key);
    BlockReader reader(value);
    return next_stage_->put(reader, std::nullopt);
  }
  Result<void> finish_restore() {
    if (awaited_) return tl::unexpected(change_not_prepared(awaited_->from));
    stage_->finish_restore();
    return {};
  }

 private:
  // Of a row that is worked on: an entry of state that goes over takes about as long.
  static constexpr std::size_t kBytesOfRow = 128;

  std::unique_ptr<Stage> make() {
    auto stage = std::make_unique<Stage>(program_, pass_, own_, hash_seed_, outbox_);
    if (tracks_) stage->track_changes();
    return stage;
  }
  const StageChange* change() const { return next_ ? &change_ : nullptr; }
  std::optional<EventTime> end() const {
    return next_ ? std::optional(change_.from) : std::nullopt;
  }

  // All before the change is done, then state goes over; true when the stage is the next one.
  Result<bool> go_over(std::size_t work_max) {
    if (!is_going_over_) {
      Result<bool> is_done = stage_->advance({change_.from.us - 1}, work_max);
      if (!is_done || !*is_done) return is_done;
      if (is_cut_open_ && !rest_of_cut_) {
        rest_of_cut_ = std::make_unique<KeptEntries>();
        stage_->write_cut(*rest_of_cut_, SIZE_MAX);
      }
      Result<RestoreReport> report = stage_->begin_going_over(*next_stage_);
      if (!report) return tl::unexpected(report.error());
      going_over_ = *std::move(report);
      is_going_over_ = true;
    }
    const std::size_t bytes = std::min(work_max, SIZE_MAX / kBytesOfRow) * kBytesOfRow;
    Result<bool> is_over = stage_->go_over(*next_stage_, bytes);
    if (!is_over || !*is_over) return is_over;
    next_stage_->finish_restore();
    // From here on, so that no store is taken to have what went over.
    if (tracks_) {
      next_stage_->track_changes();
      next_stage_->mark_all_changed();
      next_stage_->clear_first();
    }
    stats_before_ += counts_of(stage_->stats());
    stage_ = std::move(next_stage_);
    program_ = *std::exchange(next_, std::nullopt);
    report_ = std::move(going_over_);
    is_going_over_ = false;
    return true;
  }
  // Without what is a level.
  static EngineStats counts_of(EngineStats stats) {
    stats.keys = stats.values = stats.runs = stats.timers = stats.state_bytes = 0;
    return stats;
  }

  Program program_;
  std::uint32_t pass_;
  KeyGroupRange own_;
  std::uint64_t hash_seed_;
  StageOutbox outbox_;  // of both
  bool tracks_ = false;
  std::unique_ptr<Stage> stage_;
  std::optional<Program> next_;
  std::unique_ptr<Stage> next_stage_;
  StageChange change_;                  // if there is a next one
  std::optional<StageChange> awaited_;  // of the state that is restored: to be prepared
  bool is_going_over_ = false;
  RestoreReport going_over_;
  std::optional<RestoreReport> report_;
  EngineStats stats_before_;  // of programs before
  bool is_cut_open_ = false;
  std::unique_ptr<KeptEntries> rest_of_cut_;  // of a cut of the program before
};
}  // namespace tocsin::cep
