#include "runtime/node/list_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/base/byte_codec.h"
#include "cep/compile/program.h"
#include "runtime/node/node_commands.h"

namespace tocsin::runtime {
namespace {
using cep::Entry;

// Rules' texts have other roles (api/rules/rule_texts.h).
constexpr std::string_view kEntriesRole = "entries:";
constexpr std::uint8_t kFormat = 1;  // 0, of builds before the first release, has the same bytes

std::string changes_of(const ListName& name) {
  return fmt::format("the changes of {}", describe(name));
}
Error not_there(const ListName& name) {
  return {Errc::kNotFound,
          fmt::format("the rules have no {} {}", name.is_table ? "table" : "list", name.name)};
}

// How long after its time an event may be looked at again: the longest that a rule waits.
std::int64_t longest_wait(const cep::Program& program) {
  std::int64_t longest = 0;
  for (const cep::TableProgram& table : program.impl().tables) {
    longest = std::max(longest, table.longest_us);
  }
  return longest;
}

std::size_t add(cep::EntrySet& to, std::vector<Entry>& entries) {
  std::size_t changed = 0;
  for (Entry& entry : entries) {
    const auto before = to.find(entry.key);
    const bool is_same =
        before && !before->is_declared && entry.row == nullptr && before->until == entry.until;
    if (is_same) continue;
    to.add(std::move(entry));
    ++changed;
  }
  return changed;
}
}  // namespace

Result<ListChange> prepare_list_change(const cep::Program& program, ListName name,
                                       ListAction action, std::string who,
                                       std::vector<Entry> entries) {
  const ListOrTable what = find_list(program.data(), name);
  if (what.list == nullptr && what.table == nullptr) return tl::unexpected(not_there(name));
  if (what.list != nullptr && !what.list->may_change()) {
    return fail(Errc::kUnsupported,
                fmt::format("{} is of phrases or patterns, which are compiled with the rules: "
                            "change it in the rule pack (PUT or PATCH /v1/pack)",
                            describe(name)));
  }
  ListChange change;
  change.name = std::move(name);
  change.action = action;
  change.who = std::move(who);
  change.shape = shape_of(what);
  change.count = entries.size();
  if (action != ListAction::kReset) change.text = write_entries(what, entries);
  if (action == ListAction::kReplace) {
    change.whole = std::make_shared<const cep::EntryBase>(std::move(entries));
    change.count = change.whole->size();
  } else {
    change.entries = std::move(entries);
  }
  return change;
}

ListChanged ListChanges::apply(ListChange& change, std::uint64_t record,
                               const cep::Program& program) {
  cep::EntrySet& entries = find_list(program.data(), change.name).entries();
  State& state = states_[change.name];
  ListChanged done;
  done.record = record;
  switch (change.action) {
    case ListAction::kAdd:
      done.changed = add(entries, change.entries);
      break;
    case ListAction::kRemove:
      for (const Entry& entry : change.entries) done.changed += entries.remove(entry.key) ? 1 : 0;
      break;
    case ListAction::kReplace:
      done.changed = change.count;
      change.whole = entries.replace(std::move(change.whole));
      state.whole = std::move(change.blob);
      break;
    case ListAction::kReset:
      done.changed = entries.is_replaced() ? entries.size() : entries.added() + entries.removed();
      entries.reset();
      state.whole.reset();
      break;
  }
  state.revision = record;
  state.is_saved = false;
  done.size = entries.size();
  return done;
}

Result<ListChange> ListChanges::read(std::string_view arguments,
                                     const std::vector<BlobReference>& blobs,
                                     const BlobStore& store, const cep::Program& program) {
  Result<ListCommand> command = read_list_command(arguments);
  if (!command) return tl::unexpected(command.error());
  std::string text = std::move(command->entries);
  if (!blobs.empty()) {
    Result<std::string> contents = store.get(blobs.front().digest);
    if (!contents) return tl::unexpected(contents.error());
    text = *std::move(contents);
  }
  const ListOrTable what = find_list(program.data(), command->name);
  if (what.list == nullptr && what.table == nullptr) {
    return tl::unexpected(not_there(command->name));
  }
  std::vector<Entry> entries;
  if (command->action != ListAction::kReset) {
    Result<std::vector<Entry>> read = read_entries(what, text);
    if (!read) return tl::unexpected(read.error());
    entries = *std::move(read);
  }
  // A row without cells can only be removed.
  const bool has_bare = std::ranges::any_of(
      entries, [](const Entry& entry) { return entry.row && entry.row->lists.empty(); });
  if (has_bare && command->action != ListAction::kRemove) {
    return fail(Errc::kCorrupt, "a row of a table has no cells");
  }
  Result<ListChange> change =
      prepare_list_change(program, std::move(command->name), command->action,
                          std::move(command->who), std::move(entries));
  if (change && !blobs.empty()) {
    const BlobReference& blob = blobs.front();
    change->blob = CheckpointBlob{std::string(blob.role), blob.bytes, blob.digest};
  }
  return change;
}

std::uint64_t ListChanges::revision(const ListName& name) const {
  const auto found = states_.find(name);
  return found == states_.end() ? 0 : found->second.revision;
}

void ListChanges::forget(const cep::Program& program, cep::EventTime watermark) {
  const std::int64_t longest = longest_wait(program);
  if (watermark.us <= cep::kEventTimeMin.us + longest) return;
  const cep::EventTime before{watermark.us - longest};
  for (auto& [name, state] : states_) {
    const ListOrTable what = find_list(program.data(), name);
    if (what.list == nullptr && what.table == nullptr) continue;
    if (what.entries().forget(before)) state.is_saved = false;
  }
}

std::vector<std::string> ListChanges::state_migration(const cep::Program& before,
                                                      const cep::Program& now) {
  std::vector<std::string> lost;
  for (auto state = states_.begin(); state != states_.end();) {
    const ListOrTable old = find_list(before.data(), state->first);
    const ListOrTable next = find_list(now.data(), state->first);
    const bool is_there = next.list != nullptr || next.table != nullptr;
    if (is_there && shape_of(old) == shape_of(next)) {
      next.entries().take_changes(std::move(old.entries()));
      state->second.is_saved = false;
      ++state;
      continue;
    }
    if (old.entries().is_changed()) lost.push_back(changes_of(state->first));
    state = states_.erase(state);
  }
  return lost;
}

std::string ListChanges::save(const cep::Program& program) {
  if (states_.empty()) return {};
  std::string bytes;
  ByteWriter writer(bytes);
  writer.u8(kFormat);
  writer.varint(states_.size());
  for (auto& [name, state] : states_) {
    const ListOrTable what = find_list(program.data(), name);
    writer.u8(name.is_table ? 1 : 0);
    writer.text(name.name);
    writer.text(shape_of(what));
    writer.varint(state.revision);
    writer.u8(state.whole ? 1 : 0);
    if (state.whole) {
      writer.varint(state.whole->bytes);
      writer.text(
          {reinterpret_cast<const char*>(state.whole->digest.data()), state.whole->digest.size()});
    }
    if (!state.is_saved) {
      std::vector<Entry> added;
      std::vector<Entry> removed;
      what.entries().walk_changes([&](std::string_view key, const std::optional<Entry>& entry) {
        if (entry) {
          added.push_back(*entry);
        } else {
          removed.push_back({std::string(key)});
        }
      });
      state.saved.clear();
      ByteWriter changes(state.saved);
      changes.text(write_entries(what, added));
      changes.varint(removed.size());
      for (const Entry& entry : removed) changes.text(entry.key);
      state.is_saved = true;
    }
    bytes += state.saved;
  }
  return bytes;
}

Result<std::vector<std::string>> ListChanges::restore(std::string_view bytes,
                                                      const cep::Program& program,
                                                      const BlobStore& store) {
  states_.clear();
  std::vector<std::string> lost;
  if (bytes.empty()) return lost;
  const auto corrupt = [] {
    return fail(Errc::kCorrupt, "the changes of lists in a checkpoint are damaged");
  };
  ByteReader reader(bytes);
  if (const std::uint8_t format = reader.u8(); format > kFormat) {
    return fail(Errc::kOtherVersion,
                fmt::format("the changes of lists have format {}, and this program knows formats "
                            "up to {}: use the version of tocsin that wrote it, or a later one",
                            format, kFormat));
  }
  const std::uint64_t count = reader.varint_up_to(reader.left());
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    ListName name;
    name.is_table = reader.u8() != 0;
    name.name = reader.text();
    const std::string shape(reader.text());
    State state;
    state.revision = reader.varint();
    if (reader.u8() != 0) {
      CheckpointBlob& blob = state.whole.emplace();
      blob.role = role_of(name);
      blob.bytes = reader.varint();
      const std::string_view digest = reader.text();
      if (digest.size() != blob.digest.size()) return corrupt();
      std::ranges::copy(digest, blob.digest.begin());
    }
    const std::string_view added = reader.text();
    std::vector<std::string> removed(reader.varint_up_to(reader.left()));
    for (std::string& key : removed) key = reader.text();
    if (!reader.ok()) return corrupt();
    const ListOrTable what = find_list(program.data(), name);
    const bool is_there = what.list != nullptr || what.table != nullptr;
    if (!is_there || shape_of(what) != shape) {
      lost.push_back(changes_of(name));
      continue;
    }
    if (state.whole) {
      Result<std::string> text = store.get(state.whole->digest);
      if (!text) return tl::unexpected(text.error());
      Result<std::vector<Entry>> entries = read_entries(what, *text);
      if (!entries) return tl::unexpected(entries.error());
      what.entries().replace(std::make_shared<const cep::EntryBase>(*std::move(entries)));
    }
    Result<std::vector<Entry>> entries = read_entries(what, added);
    if (!entries) return tl::unexpected(entries.error());
    for (Entry& entry : *entries) what.entries().add(std::move(entry));
    for (const std::string& key : removed) what.entries().remove(key);
    states_[std::move(name)] = std::move(state);
  }
  if (!reader.is_done()) return corrupt();
  return lost;
}

std::vector<CheckpointBlob> ListChanges::blobs() const {
  std::vector<CheckpointBlob> blobs;
  for (const auto& [name, state] : states_) {
    if (!state.whole) continue;
    blobs.push_back(*state.whole);
    blobs.back().role = role_of(name);
  }
  return blobs;
}

bool is_entries(std::string_view role) { return role.starts_with(kEntriesRole); }

bool may_go(const Command& command, const BlobReference& blob) {
  return command.name == kListCommand || command.name == kEraseCommand || is_entries(blob.role);
}

std::vector<CheckpointBlob> entry_blobs(const std::vector<CheckpointBlob>& blobs) {
  std::vector<CheckpointBlob> entries;
  for (const CheckpointBlob& blob : blobs) {
    if (is_entries(blob.role)) entries.push_back(blob);
  }
  return entries;
}

std::string role_of(const ListName& name) {
  return fmt::format("{}{} {}", kEntriesRole, name.is_table ? "table" : "list", name.name);
}

std::vector<CheckpointBlob> rule_blobs(const std::vector<CheckpointBlob>& blobs) {
  std::vector<CheckpointBlob> rules;
  for (const CheckpointBlob& blob : blobs) {
    if (!is_entries(blob.role)) rules.push_back(blob);
  }
  return rules;
}
}  // namespace tocsin::runtime
