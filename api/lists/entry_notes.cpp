#include "api/lists/entry_notes.h"

#include <utility>

#include "cep/base/byte_codec.h"
#include "runtime/effects/effect_codec.h"

namespace tocsin::api {
namespace {
using runtime::kTriageFamily;
using runtime::ListAction;
using runtime::ListName;
using runtime::StoreBatch;
// Entries of one write: the memory of a batch stays small beside that of the change.
constexpr std::size_t kEntriesOfWrite = 10'000;
constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;

std::string list_bytes(const ListName& name) {
  return (name.is_table ? "1" : "0") + name.name + '\0';
}
std::string list_prefix(const ListName& name) { return "l" + list_bytes(name); }
std::string entry_key(const ListName& name, std::string_view key) {
  return list_prefix(name) + 'e' + std::string(key);
}
std::string whole_key(const ListName& name) { return list_prefix(name) + 'w'; }
std::string change_key(const ListName& name, std::uint64_t record) {
  std::string key = list_prefix(name) + 'c';
  runtime::append_key_u64(key, record);
  return key;
}
// In the order of time: of times before 1970 too.
std::string end_key(const EndingEntry& entry) {
  std::string key = "u";
  runtime::append_key_u64(key, static_cast<std::uint64_t>(entry.until.us) ^ kSignBit);
  return key + list_bytes(entry.name) + entry.key;
}

tl::unexpected<Error> foreign() {
  return fail(Errc::kCorrupt,
              "the alert store holds a note of an entry that this program did not write");
}
struct KeptEntry {
  std::uint64_t record = 0;
  cep::EventTime until;
};
Result<KeptEntry> read_entry(std::string_view value) {
  ByteReader reader(value);
  KeptEntry entry;
  entry.record = reader.u64();
  entry.until.us = reader.i64();
  if (!reader.is_done()) return foreign();
  return entry;
}
struct KeptChange {
  std::uint64_t entries = 0;
  EntryNote note;
};
Result<KeptChange> read_change(std::string_view value) {
  ByteReader reader(value);
  KeptChange change;
  change.entries = reader.u64();
  change.note.who = reader.text();
  change.note.at.us = reader.i64();
  change.note.comment = reader.text();
  if (!reader.is_done()) return foreign();
  return change;
}
Result<std::uint64_t> read_record(std::string_view value) {
  ByteReader reader(value);
  const std::uint64_t record = reader.u64();
  if (!reader.is_done()) return foreign();
  return record;
}
Result<EndingEntry> read_end(std::string_view key) {
  constexpr std::size_t kHead = 1 + sizeof(std::uint64_t);
  const std::size_t zero = key.size() <= kHead ? std::string_view::npos : key.find('\0', kHead);
  if (zero == std::string_view::npos) return foreign();
  EndingEntry entry;
  entry.until.us = static_cast<std::int64_t>(runtime::read_key_u64(key.substr(1)) ^ kSignBit);
  entry.name.is_table = key[kHead] == '1';
  entry.name.name = key.substr(kHead + 1, zero - kHead - 1);
  entry.key = key.substr(zero + 1);
  return entry;
}

// Changes of notes that are written together: entries first, then how many entries still name each
// change.
class NoteWriter {
 public:
  explicit NoteWriter(runtime::Store& store) : store_(store) {}

  void drop_all(const ListName& name) {
    const std::string prefix = list_prefix(name);
    batch_.remove_range(kTriageFamily, prefix, *runtime::StoreRange::of_prefix(prefix).end);
  }
  void put_whole(const NotedChange& change) {
    batch_.put_written(kTriageFamily, whole_key(change.name),
                       [&](ByteWriter& to) { to.u64(change.record); });
    put_change(change.name, change.record, {1, change.note});
  }
  // One that is noted takes the place of what was noted before.
  Result<void> put_entry(const NotedChange& change, const cep::Entry& entry) {
    if (auto dropped = drop_entry(change.name, entry.key, std::nullopt); !dropped) return dropped;
    pending_[entry_key(change.name, entry.key)] = {change.record, entry.until};
    if (entry.until != cep::kEventTimeMax)
      batch_.put(kTriageFamily, end_key({change.name, entry.key, entry.until}), {});
    ++named_[{change.name, change.record}];
    return {};
  }
  // With `until`, only if it ends then.
  Result<void> drop_entry(const ListName& name, std::string_view key,
                          std::optional<cep::EventTime> until) {
    const std::string stored_key = entry_key(name, key);
    std::optional<KeptEntry> before;
    if (const auto found = pending_.find(stored_key); found != pending_.end()) {
      before = found->second;
    } else {
      const auto value = store_.get(kTriageFamily, stored_key);
      if (!value) return tl::unexpected(value.error());
      if (!*value) return {};
      const Result<KeptEntry> entry = read_entry(**value);
      if (!entry) return tl::unexpected(entry.error());
      before = *entry;
    }
    if (!before || (until && before->until != *until)) return {};
    if (before->until != cep::kEventTimeMax)
      batch_.remove(kTriageFamily, end_key({name, std::string(key), before->until}));
    pending_[stored_key] = std::nullopt;
    --named_[{name, before->record}];
    return {};
  }
  void drop_end(const EndingEntry& entry) { batch_.remove(kTriageFamily, end_key(entry)); }

  // `change` is the one that may not be stored yet.
  Result<void> write(const NotedChange& change) {
    for (const auto& [key, entry] : pending_) {
      if (!entry) {
        batch_.remove(kTriageFamily, key);
        continue;
      }
      batch_.put_written(kTriageFamily, key, [&kept = *entry](ByteWriter& to) {
        to.u64(kept.record);
        to.i64(kept.until.us);
      });
    }
    for (const auto& [of, difference] : named_) {
      if (difference == 0) continue;
      KeptChange kept{0, change.note};
      const auto value = store_.get(kTriageFamily, change_key(of.first, of.second));
      if (!value) return tl::unexpected(value.error());
      if (*value) {
        Result<KeptChange> before = read_change(**value);
        if (!before) return tl::unexpected(before.error());
        kept = *std::move(before);
      }
      kept.entries += static_cast<std::uint64_t>(difference);
      put_change(of.first, of.second, kept);
    }
    if (batch_.empty()) return {};
    if (auto written = store_.write(batch_, false); !written) return written;
    batch_.clear();
    pending_.clear();
    named_.clear();
    return {};
  }

 private:
  void put_change(const ListName& name, std::uint64_t record, const KeptChange& change) {
    const std::string key = change_key(name, record);
    if (change.entries == 0) {
      batch_.remove(kTriageFamily, key);
      return;
    }
    batch_.put_written(kTriageFamily, key, [&](ByteWriter& to) {
      to.u64(change.entries);
      to.text(change.note.who);
      to.i64(change.note.at.us);
      to.text(change.note.comment);
    });
  }

  runtime::Store& store_;
  StoreBatch batch_;
  std::map<std::string, std::optional<KeptEntry>> pending_;           // nothing: it goes
  std::map<std::pair<ListName, std::uint64_t>, std::int64_t> named_;  // entries more, or fewer
};
}  // namespace

const EntryNote* NotesOfEntries::find(std::string_view key) const {
  const auto own = of_entries_.find(key);
  if (own == of_entries_.end() && !of_whole_) return nullptr;
  const auto change = changes_.find(own == of_entries_.end() ? *of_whole_ : own->second);
  return change == changes_.end() ? nullptr : &change->second;
}

Result<void> EntryNotes::note(const NotedChange& change, std::span<const cep::Entry> entries,
                              std::span<const EndingEntry> gone) {
  NoteWriter writer(store_);
  for (const EndingEntry& entry : gone) {
    writer.drop_end(entry);
    if (auto dropped = writer.drop_entry(entry.name, entry.key, entry.until); !dropped)
      return dropped;
  }
  const bool is_whole = change.action == ListAction::kReplace;
  if (is_whole || change.action == ListAction::kReset || change.is_first) {
    if (auto written = writer.write(change); !written) return written;
    writer.drop_all(change.name);
    if (is_whole) writer.put_whole(change);
    if (auto written = writer.write(change); !written) return written;
  }
  if (is_whole) return {};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto noted = change.action == ListAction::kAdd
                     ? writer.put_entry(change, entries[i])
                     : writer.drop_entry(change.name, entries[i].key, std::nullopt);
    if (!noted) return noted;
    if ((i + 1) % kEntriesOfWrite != 0) continue;
    if (auto written = writer.write(change); !written) return written;
  }
  return writer.write(change);
}

Result<std::vector<EndingEntry>> EntryNotes::first_to_end(std::size_t most) const {
  std::vector<EndingEntry> found;
  std::optional<Error> fault;
  auto scanned = store_.scan(kTriageFamily, runtime::StoreRange::of_prefix("u"),
                             [&](std::string_view key, std::string_view /*value*/) {
                               Result<EndingEntry> entry = read_end(key);
                               if (!entry) {
                                 fault = entry.error();
                                 return false;
                               }
                               found.push_back(*std::move(entry));
                               return found.size() < most;
                             });
  if (!scanned) return tl::unexpected(scanned.error());
  if (fault) return tl::unexpected(*fault);
  return found;
}

Result<NotesOfEntries> EntryNotes::find(const ListName& name, std::string_view first,
                                        std::string_view last) const {
  NotesOfEntries notes;
  std::optional<Error> fault;
  const std::size_t prefix = entry_key(name, {}).size();
  // The next key behind `last`.
  const runtime::StoreRange range{entry_key(name, first), entry_key(name, last) + '\0'};
  auto scanned =
      store_.scan(kTriageFamily, range, [&](std::string_view key, std::string_view value) {
        const Result<KeptEntry> entry = read_entry(value);
        if (!entry) {
          fault = entry.error();
          return false;
        }
        notes.of_entries_.emplace_hint(notes.of_entries_.end(), key.substr(prefix), entry->record);
        notes.changes_.try_emplace(entry->record);
        return true;
      });
  if (!scanned) return tl::unexpected(scanned.error());
  if (fault) return tl::unexpected(*fault);
  const auto whole = store_.get(kTriageFamily, whole_key(name));
  if (!whole) return tl::unexpected(whole.error());
  if (*whole) {
    const Result<std::uint64_t> record = read_record(**whole);
    if (!record) return tl::unexpected(record.error());
    notes.of_whole_ = *record;
    notes.changes_.try_emplace(*record);
  }
  for (auto change = notes.changes_.begin(); change != notes.changes_.end();) {
    const auto value = store_.get(kTriageFamily, change_key(name, change->first));
    if (!value) return tl::unexpected(value.error());
    if (!*value) {  // it went since the entries were read
      change = notes.changes_.erase(change);
      continue;
    }
    Result<KeptChange> kept = read_change(**value);
    if (!kept) return tl::unexpected(kept.error());
    change->second = std::move(kept->note);
    ++change;
  }
  return notes;
}
}  // namespace tocsin::api
