/// The state of a part of a stage as entries by key group, so that any number of parts may go on
/// from it. Every key group that a part owns has a head and a layout, under keys of their own; all
/// other entries can be read once those are known.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/base/result.h"
#include "cep/compile/program.h"
#include "cep/data/state_entry.h"
#include "cep/engine/restore_report.h"
#include "cep/engine/state_targets.h"
#include "cep/record/state_cut.h"
#include "cep/record/state_layout.h"
#include "cep/value/group_range.h"
#include "cep/value/identity.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// Takes the changes of a cut. Texts are valid during the call; no key comes twice in a cut.
class StageSink {
 public:
  StageSink() = default;
  StageSink(const StageSink&) = delete;
  StageSink& operator=(const StageSink&) = delete;
  virtual ~StageSink() = default;
  virtual void put(KeyGroup group, std::string_view key, std::string_view value) = 0;
  virtual void remove(KeyGroup group, std::string_view key) = 0;
  /// All that cuts before gave of the group is to be forgotten; before anything else of it.
  virtual void clear(KeyGroup group) = 0;
};
/// The first byte of an entry's key.
enum class StageEntry : std::uint8_t {
  kHead = 0,         // alone: how far the group has come
  kLayout = 1,       // alone: how the others are read; the same in all groups, and does not change
  kKey = 2,          // table u16, big endian, then key bytes: as the engine's (decision 11)
  kValues = 3,       // clause u16, big endian, then values: what is held back by values
  kWaiting = 4,      // what waits for its turn
  kBudgets = 5,      // which hours have had their alert of a budget
  kWaitingNext = 6,  // what waits, and was written under the rules of a change that waits
  kEngine = 7,       // none: what WholeEngine holds
  kGiven = 8,        // alone: ids of alerts that were given at the time that a group has begun
};
/// Entries of an engine as those of a stage (kKey).
class KeyEntries : public StateSink {
 public:
  explicit KeyEntries(StageSink& to) : to_(to) {}
  void put(const StateKey& key, std::string_view value) override;
  void remove(const StateKey& key) override;
  void shard_done(std::uint32_t /*shard*/) override {}

 private:
  StageSink& to_;
};
/// The key of a head or layout.
std::string stage_entry_key(StageEntry kind);
/// That of an entry of a table or clause.
std::string stage_entry_key(StageEntry kind, std::uint16_t number, std::string_view key);
/// The other way round, for the kind; `group` is passed on. Nothing for bytes that are none.
std::optional<StateKey> read_stage_key(StageEntry kind, KeyGroup group, std::string_view bytes);
/// What rows, matches and alerts that wait are refused with under other rules: kInvalidArgument.
Error waits_under_other_rules(std::string_view what);

/// Rules that a stage goes over to: all that happens from an engine time on is of the next ones.
struct StageChange {
  EventTime from;
  Digest plan{};  // of the next rules
  friend bool operator==(const StageChange&, const StageChange&) = default;
};
/// How far a group has come.
struct GroupTime {
  EventTime reached;     // all up to here is done
  bool is_open = false;  // but more may come at this very time, as to an engine
  /// No row at or before this comes.
  EventTime watermark() const { return is_open ? EventTime{reached.us - 1} : reached; }
  friend bool operator==(const GroupTime&, const GroupTime&) = default;
};
/// What stages write of themselves. `change`: one that waits, null if none does; `tables`: the
/// program's tables that the stage has, none for entries of an engine, of whose tables each may
/// have state of several passes.
std::string stage_head(GroupTime time, const StageChange* change = nullptr);
std::string stage_layout(const ProgramImpl& program, const StateLayout& layout, StageEntry holds,
                         const std::vector<std::uint32_t>& tables);
/// What the head of a group says; kCorrupt, kOtherVersion.
struct StageHead {
  GroupTime time;
  std::optional<StageChange> change;
};
Result<StageHead> read_stage_head(std::string_view bytes);
/// The same of a layout. `engine`: the layout of the entries, as engines write it.
struct StageLayout {
  StageEntry holds = StageEntry::kKey;
  Digest plan{};
  std::string_view engine;
};
Result<StageLayout> read_stage_layout(std::string_view bytes);

/// What heads and layout say before it is known under which program they are to be read.
struct StageOrigin {
  Digest plan{};
  EventTime watermark = kEventTimeMin;  // the least of the groups
  std::optional<StageChange> change;    // that waited
};
/// Errors: as those of StageWritten::begin().
Result<StageOrigin> stage_origin(const std::map<std::uint32_t, std::string>& heads,
                                 std::string_view layout);

/// The heads and the layout that a part goes on from.
class StageWritten {
 public:
  /// `heads` are those of the part's groups that have one. `holds` and `tables` are of the part
  /// that goes on: it must be of the same kind. Fails with kCorrupt for bytes of no stage,
  /// kOtherVersion for those of other formats or semantics, kInvalidArgument where state would
  /// have to move to another pass. `own` outlives this.
  Result<void> begin(const std::map<std::uint32_t, std::string>& heads, std::string_view layout,
                     const ProgramImpl& program, const StateLayout& own, StageEntry holds,
                     const std::vector<std::uint32_t>& tables);
  /// Of what the stage has.
  const RestoreReport& report() const { return report_; }
  const StateTargets& targets() const { return targets_; }
  /// Whether it is the same plan, so that what waits can be read.
  bool is_same_plan() const { return is_same_plan_; }
  /// How far the group had come; nothing of a group without a head.
  const EventTime* reached(KeyGroup group) const {
    const auto found = times_.find(group.value);
    return found == times_.end() ? nullptr : &found->second.reached;
  }
  EventTime least_watermark() const;
  /// The time that groups have come to and at which more may come; nothing if none has one.
  std::optional<EventTime> open_at() const;

 private:
  Result<void> check_passes(const ProgramImpl& program, const std::set<std::uint32_t>& written,
                            const std::vector<std::uint32_t>& tables) const;
  void report_on(const StateLayout& own, const std::set<std::uint32_t>& written,
                 const std::vector<std::uint32_t>& tables);

  StateLayout layout_;
  StateTargets targets_;
  RestoreReport report_;
  bool is_same_plan_ = false;
  std::map<std::uint32_t, GroupTime> times_;
};

/// What a cut writes beside tables: entries that are made when it begins.
class StageCut {
 public:
  /// Begins: heads of all groups of `own`, layouts where they were not written yet, and then the
  /// entries that add() gives. After clear_first() all groups are cleared before.
  void begin(KeyGroupRange own, std::string head, std::string layout);
  void add(KeyGroup group, std::string key, std::string value);
  /// Whether begin() writes layouts.
  bool needs_layout() const { return !has_layout_; }
  /// All were added: of those of the cut before that add() gave, the others are removed.
  void end();
  /// Gives the next entries until the chunk is over; true when there are no more.
  bool write(StageSink& sink, Chunk& chunk);
  /// The next cut writes all that there is.
  void forget() {
    const bool clears = clears_;
    *this = {};
    clears_ = clears;
  }
  /// The next cut begins with the forgetting of all that cuts before gave, of another stage too.
  void clear_first() { clears_ = true; }
  /// An entry that add() gave was restored: a store has it.
  void note_stored(KeyGroup group, std::string_view key) {
    stored_.emplace_back(group.value, std::string(key));
  }
  /// So are head and layout.
  void note_layout_stored() { has_layout_ = true; }

 private:
  using Place = std::pair<std::uint32_t, std::string>;  // group and key
  struct Entry {
    Place place;
    std::string value;
    bool is_put = true;
  };
  KeyGroupRange groups_ = {0, 0};  // whose heads and layouts are to be given
  std::string head_;
  std::string layout_;  // empty: they were written
  std::vector<Entry> entries_;
  std::size_t next_ = 0;
  std::vector<Place> stored_;  // by the cut before, of what add() gave
  std::vector<Place> adding_;
  bool has_layout_ = false;
  bool clears_ = false;
};
}  // namespace tocsin::cep
