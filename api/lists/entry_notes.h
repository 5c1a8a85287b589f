/// Who wrote the entries of lists and tables, when, and with which comment: kept in the alert
/// store's family `triage`, beside what people made of alerts. The node knows nothing of it: no
/// alert depends on it.
///
///   'l' LIST 'c' u64 record    u64 number of entries | the note of the change
///   'l' LIST 'e' key           u64 record | i64 until: the change that wrote the entry last
///   'l' LIST 'w'               u64 record: the change that replaced the whole
///   'u' u64 until | LIST key   nothing: entries that end, by their ends
///
///   LIST: '0' of a list or '1' of a table, its name, a zero byte
///
/// Invariants: a change is kept as long as an entry, or the whole, names it. What is noted of
/// entries since the whole was replaced stands over the note of the whole.
///
/// Notes are written behind the change that they are of, and not synced by themselves: the entry of
/// the audit log that ends the request is, in the same store and before the answer. A crash between
/// both leaves a change without its note; nobody was answered then.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/data/entry_set.h"
#include "cep/value/time.h"
#include "runtime/journal/list_change.h"
#include "runtime/store/store.h"

namespace tocsin::api {
struct EntryNote {
  std::string who;      // a token's name
  cep::EventTime at;    // of the wall clock
  std::string comment;  // may be empty
};
/// A change that was carried out.
struct NotedChange {
  runtime::ListName name;
  runtime::ListAction action = runtime::ListAction::kAdd;
  std::uint64_t record = 0;  // of the journal
  EntryNote note;
  bool is_first = false;  // nothing was changed before, or the rules have let go of it
};
/// An entry that was noted, and ends.
struct EndingEntry {
  runtime::ListName name;
  std::string key;
  cep::EventTime until;
};
/// The notes of some entries of one list.
class NotesOfEntries {
 public:
  /// Null where nothing is known of it.
  const EntryNote* find(std::string_view key) const;

 private:
  friend class EntryNotes;
  std::map<std::uint64_t, EntryNote> changes_;                    // by record
  std::map<std::string, std::uint64_t, std::less<>> of_entries_;  // record, by key
  std::optional<std::uint64_t> of_whole_;
};

/// Threading: any may read. Changes are noted in the order in which they were carried out, one at a
/// time: who calls sees to it. Errors of all here: kCorrupt, kIo, kLimit without space.
class EntryNotes {
 public:
  /// Over a store that was opened with runtime::effect_families(), which must outlive this.
  explicit EntryNotes(runtime::Store& store) : store_(store) {}

  /// `entries` are those of the change: its keys, and the ends of those that were added. `gone` are
  /// entries that no longer exist since they ended. Takes time by the entries that were added or
  /// removed one by one.
  Result<void> note(const NotedChange& change, std::span<const cep::Entry> entries,
                    std::span<const EndingEntry> gone);
  /// Noted entries that end at some time, the first to end first; at most `most`.
  Result<std::vector<EndingEntry>> first_to_end(std::size_t most) const;
  /// The notes of the list's entries from the key `first` to the key `last`.
  Result<NotesOfEntries> find(const runtime::ListName& name, std::string_view first,
                              std::string_view last) const;

 private:
  runtime::Store& store_;
};
}  // namespace tocsin::api
