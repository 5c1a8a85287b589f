/// The ids that a part of the intake knows of `unique` types, as entries of its state: a cut writes
/// those that were taken since the one before, an entry for each type and key group.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/plan/plan_fwd.h"
#include "cep/value/key.h"
#include "runtime/stages/stage_entries.h"
#include "runtime/unique/unique_filter.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class StoredIds {
 public:
  /// Both outlive it.
  StoredIds(const cep::Plan& plan, UniqueFilter& filter);
  /// Puts into a cut what was taken since the one before, and removes entries of which all ids are
  /// forgotten.
  void cut(FrontCut& cut);
  void mark_all_changed();
  /// Takes an entry that a cut put; finish_restore() comes after the last. False for bytes that no
  /// cut wrote.
  bool restore(cep::KeyGroup group, std::string_view key, std::string_view value);
  /// Gives the filter all ids that were restored, in the order of their times; false where one was
  /// restored twice.
  bool finish_restore();
  /// Goes on from those of other rules, whose filter's ids this one's filter has taken over.
  void take_over(StoredIds& before);

 private:
  using Place = std::pair<cep::KeyGroup, std::string>;
  struct Type {
    std::uint64_t next = 0;                 // the number of the first id that no cut has written
    std::map<std::uint64_t, Place> stored;  // entries, by the number of their newest id
  };
  struct Restored {
    RecentIds::Entry id;
    std::size_t entry = 0;
  };
  void cut_type(cep::EventTypeIndex index, FrontCut& cut);
  std::optional<cep::EventTypeIndex> find_type(std::string_view name,
                                               std::string_view id_field) const;

  const cep::Plan& plan_;
  UniqueFilter& filter_;
  std::vector<Type> types_;       // by event type
  std::uint64_t next_entry_ = 0;  // a number that no entry of these groups has
  std::vector<Place> of_others_;  // entries of types that are not `unique` here: to be removed
  std::vector<std::vector<Restored>> restored_;  // by event type
  std::vector<Place> restored_entries_;
};
}  // namespace tocsin::runtime
