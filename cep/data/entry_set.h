/// The entries of a list or the rows of a table, which change while an engine runs: by what a value
/// is found, until when it holds, and where it is from.
///
///   base   what was declared, or what took its place as a whole: immutable, shared, sorted by
///          key, with an index by hash
///   delta  what was changed since, by key: an entry that holds, or the mark of one that is gone
///
/// A lookup asks the delta first, where there is one, then the base. A change costs by the entries
/// that it changes. Invariants: size() is the number of entries that a walk gives; a mark stands
/// only where the base has the key.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// One entry. It holds for events whose engine time is before `until`; kEventTimeMax: for all.
struct Entry {
  std::string key;  // canonical bytes (ListProgram::key_of(), LookupTable::key_of())
  EventTime until = kEventTimeMax;
  std::shared_ptr<const TableRow> row = {};  // of a table; null for a list's
};

/// A set of bytes, a bit each.
using LastBytes = std::array<std::uint64_t, 4>;

/// Entries that no longer change.
class EntryBase {
 public:
  static constexpr std::uint32_t kNowhere = UINT32_MAX;
  /// Of several entries with one key the last one counts. At most 2^31 of them.
  explicit EntryBase(std::vector<Entry> entries);
  EntryBase(const EntryBase&) = delete;
  EntryBase& operator=(const EntryBase&) = delete;

  std::size_t size() const { return keys_.size(); }
  /// The place of a key; kNowhere.
  std::uint32_t find(std::string_view key) const;
  /// The place of the first key behind `key`; size() where there is none.
  std::uint32_t behind(std::string_view key) const;
  std::string_view key(std::uint32_t place) const { return keys_[place]; }
  EventTime until(std::uint32_t place) const {
    return untils_.empty() ? kEventTimeMax : untils_[place];
  }
  const std::shared_ptr<const TableRow>& row(std::uint32_t place) const;
  /// Whether some entry ends.
  bool has_ends() const { return !untils_.empty(); }
  /// Those in which some key ends.
  const LastBytes& last_bytes() const { return last_bytes_; }

 private:
  LastBytes last_bytes_{};
  std::string bytes_;                                  // of all keys
  std::vector<std::string_view> keys_;                 // ascending
  std::vector<EventTime> untils_;                      // by place; empty where no entry ends
  std::vector<std::shared_ptr<const TableRow>> rows_;  // by place; empty for a list
  std::vector<std::uint32_t> slots_;                   // place + 1; a power of two of them
};

class EntrySet {
 public:
  /// A walk's entry.
  struct Seen {
    std::string_view key;
    EventTime until;
    const TableRow* row = nullptr;
    bool is_declared = true;  // by the rules; false: it came by a change
  };
  explicit EntrySet(std::vector<Entry> declared);
  // A copy shares the base.
  EntrySet(const EntrySet& other) { *this = other; }
  EntrySet& operator=(const EntrySet& other);
  EntrySet(EntrySet&&) noexcept = default;
  ~EntrySet() = default;

  /// Whether an entry with this key holds at `at`.
  bool contains(std::string_view key, EventTime at) const;
  /// Its row; null where none holds.
  const TableRow* row(std::string_view key, EventTime at) const;
  /// Nothing where there is no such entry, whether or not its time is over.
  std::optional<Seen> find(std::string_view key) const;

  /// Adds the entry, or puts it in the place of the one with its key.
  void add(Entry entry);
  /// Removes the entry with this key, if there is one; says whether there was.
  bool remove(std::string_view key);
  /// These and no others hold from now on; gives the whole that they take the place of.
  std::shared_ptr<const EntryBase> replace(std::shared_ptr<const EntryBase> entries);
  /// What the rules declare holds again.
  void reset();
  /// Takes over the changes of another set: what it has added and removed, and what took the place
  /// of its declared entries.
  void take_changes(EntrySet&& other);
  /// Lets go of entries that ended at or before `time`: nobody asks for so early any more. Says
  /// whether there were any.
  bool forget(EventTime time);

  /// How many entries there are, those with an end that is over included until forget().
  std::size_t size() const { return size_; }
  std::size_t declared() const { return declared_->size(); }
  std::size_t added() const { return added_; }
  std::size_t removed() const { return delta_.size() - added_; }
  /// Whether anything is other than declared, and whether nothing of it counts.
  bool is_changed() const { return is_replaced_ || !delta_.empty(); }
  bool is_replaced() const { return is_replaced_; }
  /// Adds `number` to `changed` once, as soon as is_changed() is true for the first time. `changed`
  /// outlives this; copies do not report, nor what this is moved to.
  void report_change_to(std::vector<std::uint32_t>& changed, std::uint32_t number);
  /// Whether some entry ends.
  bool has_ends() const { return base_->has_ends() || !ends_.empty(); }
  /// The bytes in which some key ends, or one that was there since the base began.
  LastBytes last_bytes() const;

  /// Calls `visit` for entries in the order of their keys, behind `after` where it is given, until
  /// it gives false.
  void walk(const std::optional<std::string>& after,
            const std::function<bool(const Seen&)>& visit) const;
  /// What was changed since the base began: an entry each, or nothing for one that is gone.
  void walk_changes(
      const std::function<void(std::string_view key, const std::optional<Entry>&)>& visit) const;

 private:
  struct Change {
    bool is_gone = false;
    EventTime until = kEventTimeMax;
    std::shared_ptr<const TableRow> row;
  };
  // Where the first change is reported; null when that is done, or for nobody. Copies have none.
  struct Report {
    Report() = default;
    Report(const Report&) {}
    Report& operator=(const Report&) { return *this; }  // NOLINT: it has nothing to take
    ~Report() = default;
    std::vector<std::uint32_t>* changed = nullptr;
    std::uint32_t number = 0;
  };
  const Change* changed(std::string_view key) const;
  void erase_end(const std::string& key, const Change& change);
  void put(std::string_view key, Change change);
  void report_change();

  std::shared_ptr<const EntryBase> declared_;
  std::shared_ptr<const EntryBase> base_;  // declared_, or what took its place
  bool is_replaced_ = false;
  std::map<std::string, Change, std::less<>> delta_;
  LastBytes delta_last_bytes_{};
  std::set<std::pair<EventTime, std::string>> ends_;  // of the delta's entries
  std::size_t added_ = 0;                             // of the delta, not gone
  std::size_t size_ = 0;
  Report report_;
};
}  // namespace tocsin::cep
