/// `unique [within D]`: leaves out events whose id was taken before.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/data/batch.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"
#include "runtime/unique/recent_ids.h"

namespace tocsin::runtime {
/// What an id is known by; `scratch` is of no meaning.
IdBits bits_of_id(const cep::Value& id, std::string& scratch);

/// Knows the ids taken lately, by event type: those of the last `within`, or all, at most `ids_max`
/// of a type, the newest. Ids are known by 128 bits of their hash. Threading: one caller at a time.
class UniqueFilter {
 public:
  /// `hash_seed` only chooses the layout of memory.
  UniqueFilter(const cep::Plan& plan, std::size_t ids_max, std::uint64_t hash_seed);
  /// Takes the repeats out of the slice's rows: events whose id an event of their type had that was
  /// taken less than `within` earlier in engine time. A missing id is none. Slices come in order.
  /// Gives how many there were, and tells `repeated`, where there is one, of each.
  std::uint64_t drop_repeats(cep::Batch& slice,
                             const std::function<void(cep::ArrivalNumber)>& repeated = {});
  /// To be told of each event that begins to wait for its turn, in the order of arrival: whether it
  /// will be a repeat, whatever may yet come before its turn (save more than `ids_max` other ids).
  /// False where that is not sure: with `within`, an event that is still to come may take the place
  /// of the one that it would repeat.
  bool foresee(const cep::Batch& batch, const cep::Row& row);
  /// Ids forgotten because there were more than `ids_max`.
  std::uint64_t forgotten() const { return forgotten_; }

  /// Ids that are known, of all types, and the memory that they take.
  std::size_t known() const;
  std::size_t bytes() const;
  /// Forgets what no later event can repeat: time is at `now`, and no slice is earlier.
  void forget_until(cep::EventTime now);

  /// The ids of a `unique` type are numbered from 0 on, in the order of their taking: those from
  /// first_number() on, to before next_number(), are known. 0 and 0 of other types.
  std::uint64_t first_number(cep::EventTypeIndex type) const;
  std::uint64_t next_number(cep::EventTypeIndex type) const;
  /// The id of this number, which is known.
  const RecentIds::Entry& numbered(cep::EventTypeIndex type, std::uint64_t number) const;
  /// Takes up an id that another filter knew, in the order of times, before any slice. False where
  /// it is known already, or the type is not `unique`.
  bool take_up(cep::EventTypeIndex type, const RecentIds::Entry& entry);
  /// Takes over the ids that a filter of other rules knew, with their numbers, where this one knows
  /// nothing and nothing waits: of each type that is `unique` by the same id field in both.
  void take_over(UniqueFilter& before);

  /// Cuts here; requires that a cut before is written.
  void begin_save();
  /// Appends what was known at the cut, type by type, oldest first, until `to` has `bytes_end`
  /// bytes or more; true once all of it is there.
  bool write_save(std::string& to, std::size_t bytes_end);
  /// Gives up a cut that is not yet written.
  void end_save();
  /// Takes up what save() gave, in a filter that knows nothing. Types that are not `unique` by the
  /// same id field here are left out. False for other bytes.
  bool restore(ByteReader& reader);

 private:
  struct Type {
    explicit Type(std::uint64_t hash_seed) : taken(hash_seed), waiting(0, WaitingHash{hash_seed}) {}

    std::optional<cep::Duration> within;
    cep::FieldIndex id_field;
    RecentIds taken;
    std::uint64_t forgotten = 0;  // all that are no longer known
    // Of events that foresee() was told of and that wait: the least time of each id; with `within`
    // each time of its own, as ids of waiting_key().
    struct WaitingHash {
      std::uint64_t seed = 0;
      std::size_t operator()(const IdBits& id) const;
    };
    std::unordered_map<IdBits, cep::EventTime, WaitingHash> waiting;
    // Of the cut: how many ids it has, how many of them are written, to `early` or behind it, and
    // how many have been forgotten since, all from the oldest on. An id that is forgotten before
    // its turn is written first.
    std::size_t of_cut = 0;
    std::size_t written = 0;
    std::size_t gone = 0;
    std::optional<cep::EventTime> written_time;
    std::string early;
  };
  // A row's id, and its hash in the ids of the row's type.
  struct RowId {
    bool is_known = false;
    IdBits id{};
    std::uint64_t hash = 0;
  };
  static void write_next(Type& type, std::string& to);
  static IdBits waiting_key(const Type& type, IdBits id, cep::EventTime time);
  RowId fetch(const cep::Batch& slice, const cep::Row& row);
  bool is_repeat(const cep::Row& row, const RowId& id);
  void forget_until(Type& type, cep::EventTime now);
  void forget_oldest(Type& type);
  Type* find(std::string_view type, std::string_view id_field);

  const cep::Plan& plan_;
  std::size_t ids_max_;
  std::uint64_t forgotten_ = 0;
  bool any_ = false;
  std::vector<std::unique_ptr<Type>> types_;  // by event type; null: not `unique`
  std::string bytes_;
  // The cut under way: the type that is being written, and whether its head is.
  bool is_saving_ = false;
  std::uint64_t cut_forgotten_ = 0;
  std::size_t saved_types_ = 0;
  bool has_head_ = false;
};
}  // namespace tocsin::runtime
