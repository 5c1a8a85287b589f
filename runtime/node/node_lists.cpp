#include "runtime/node/node_lists.h"

#include <fmt/format.h>

#include <utility>

#include "runtime/io/crash_point.h"
#include "runtime/journal/file_tree.h"
#include "runtime/node/node_commands.h"

namespace tocsin::runtime {
namespace {
// The largest entries that a command contains itself; larger ones are blobs.
constexpr std::size_t kArgumentBytesMax = std::size_t{16} << 10;
}  // namespace

Result<void> NodeLists::check(const ListChange& change) const {
  if (auto may = parts_.may_take(); !may) return may;
  const ListOrTable what = find_list(parts_.program.data(), change.name);
  const bool is_there = what.list != nullptr || what.table != nullptr;
  if (!is_there || shape_of(what) != change.shape) {
    return fail(Errc::kConflict,
                fmt::format("the rules have changed meanwhile, and {} with them: read it again",
                            describe(change.name)));
  }
  const std::size_t most = parts_.options.list_entries_max;
  const std::size_t added = change.action == ListAction::kAdd ? change.count : 0;
  const std::size_t after =
      change.action == ListAction::kReplace ? change.count : what.entries().size() + added;
  if (change.action != ListAction::kRemove && change.action != ListAction::kReset && after > most) {
    return fail(Errc::kLimit,
                fmt::format("{} would have {} entries, and may have {} (lists.entries_max): "
                            "nothing was changed. Raise the limit, or remove entries first",
                            describe(change.name), after, most));
  }
  return {};
}

Result<ListChanged> NodeLists::carry_out(ListChange& change) {
  // Whoever wrote it may have found one that was there, and has been let go of since.
  if (change.blob) {
    const Result<bool> is_there =
        exists(parts_.ports.files, parts_.paths.blobs + "/" + cep::hex(change.blob->digest));
    if (!is_there) return tl::unexpected(is_there.error());
    if (!*is_there) change.blob.reset();
  }
  // A whole is always a blob, so that checkpoints can name it.
  const bool is_long = change.text.size() > kArgumentBytesMax;
  if (!change.blob && (is_long || change.action == ListAction::kReplace)) {
    const Result<cep::Digest> digest = parts_.blob_store->put(change.text);
    if (!digest) return tl::unexpected(digest.error());
    change.blob = CheckpointBlob{role_of(change.name), change.text.size(), *digest};
  }
  ListCommand command{change.name, change.action, change.who, change.count, {}};
  if (!change.blob) command.entries = change.text;
  const std::string arguments = write_list_command(command);
  Command record{parts_.ports.clock.now(), kListCommand, arguments, {}};
  if (change.blob) {
    record.blobs.push_back({change.blob->role, change.blob->bytes, change.blob->digest});
  }
  record_.begin(parts_.log->next_sequence(), record.given_at, false);
  if (auto appended = record_.append(record); !appended) return tl::unexpected(appended.error());
  blob_keeper_.note(record_.sequence(), record);
  crash_point("node.list_changed");
  parts_.log->hurry();  // somebody waits for it
  const ListChanged done = parts_.lists.apply(change, record_.sequence(), parts_.program);
  parts_.lists.forget(parts_.program, parts_.intake->watermark());
  if (auto ended = record_.end(); !ended) return tl::unexpected(ended.error());
  return done;
}

// A command of the journal.
Result<void> NodeLists::take(const Command& command) {
  Result<ListChange> change =
      ListChanges::read(command.arguments, command.blobs, *parts_.blob_store, parts_.program);
  if (!change) {
    return fail(change.error().code, fmt::format("{}, record {}: {}", parts_.paths.journal,
                                                 record_.sequence(), change.error().message));
  }
  parts_.lists.apply(*change, record_.sequence(), parts_.program);
  return {};
}

// What a checkpoint has of them, for the rules that hold.
Result<void> NodeLists::restore() {
  Result<std::vector<std::string>> lost =
      parts_.lists.restore(parts_.state.lists, parts_.program, *parts_.blob_store);
  if (!lost) return tl::unexpected(lost.error());
  if (parts_.recovery.restored) parts_.recovery.restored->data_lost = *std::move(lost);
  return {};
}
}  // namespace tocsin::runtime
