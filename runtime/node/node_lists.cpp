// Lists and tables whose entries change between two records.
#include <fmt/format.h>

#include <utility>

#include "runtime/io/crash_point.h"
#include "runtime/journal/file_tree.h"
#include "runtime/node/node_impl.h"

namespace tocsin::runtime {
namespace {
// The largest entries that a command contains itself; larger ones are blobs.
constexpr std::size_t kArgumentBytesMax = std::size_t{16} << 10;
}  // namespace

Result<ListChanged> Node::Impl::change_list(ListChange& change) {
  if (auto may = may_take(); !may) return tl::unexpected(may.error());
  const ListOrTable what = find_list(program_.data(), change.name);
  const bool is_there = what.list != nullptr || what.table != nullptr;
  if (!is_there || shape_of(what) != change.shape) {
    return fail(Errc::kConflict,
                fmt::format("the rules have changed meanwhile, and {} with them: read it again",
                            describe(change.name)));
  }
  const std::size_t most = options_.list_entries_max;
  const std::size_t added = change.action == ListAction::kAdd ? change.count : 0;
  const std::size_t after =
      change.action == ListAction::kReplace ? change.count : what.entries().size() + added;
  if (change.action != ListAction::kRemove && change.action != ListAction::kReset && after > most) {
    return fail(Errc::kLimit,
                fmt::format("{} would have {} entries, and may have {} (lists.entries_max): "
                            "nothing was changed. Raise the limit, or remove entries first",
                            describe(change.name), after, most));
  }
  return noted(carry_out(change));
}

Result<ListChanged> Node::Impl::carry_out(ListChange& change) {
  // Whoever wrote it may have found one that was there, and has been let go of since.
  if (change.blob) {
    const Result<bool> is_there =
        exists(ports_.files, paths_.blobs + "/" + cep::hex(change.blob->digest));
    if (!is_there) return tl::unexpected(is_there.error());
    if (!*is_there) change.blob.reset();
  }
  // A whole is always a blob, so that checkpoints can name it.
  const bool is_long = change.text.size() > kArgumentBytesMax;
  if (!change.blob && (is_long || change.action == ListAction::kReplace)) {
    const Result<cep::Digest> digest = blob_store_->put(change.text);
    if (!digest) return tl::unexpected(digest.error());
    change.blob = CheckpointBlob{role_of(change.name), change.text.size(), *digest};
  }
  ListCommand command{change.name, change.action, change.who, change.count, {}};
  if (!change.blob) command.entries = change.text;
  const std::string arguments = write_list_command(command);
  Command record{ports_.clock.now(), kListCommand, arguments, {}};
  if (change.blob) {
    record.blobs.push_back({change.blob->role, change.blob->bytes, change.blob->digest});
  }
  begin_record(log_->next_sequence(), record.given_at, false);
  if (auto appended = append(record); !appended) return tl::unexpected(appended.error());
  note_blobs(record);
  crash_point("node.list_changed");
  log_->hurry();  // somebody waits for it
  const ListChanged done = lists_.apply(change, sequence_, program_);
  lists_.forget(program_, intake_->watermark());
  if (auto ended = end_record(); !ended) return tl::unexpected(ended.error());
  if (auto polled = poll(); !polled) return tl::unexpected(polled.error());
  return done;
}

// A command of the journal.
Result<void> Node::Impl::take_list(const Command& command) {
  Result<ListChange> change =
      ListChanges::read(command.arguments, command.blobs, *blob_store_, program_);
  if (!change) {
    return fail(change.error().code, fmt::format("{}, record {}: {}", paths_.journal, sequence_,
                                                 change.error().message));
  }
  lists_.apply(*change, sequence_, program_);
  return {};
}

// What a checkpoint has of them, for the rules that hold.
Result<void> Node::Impl::restore_lists() {
  Result<std::vector<std::string>> lost = lists_.restore(state_.lists, program_, *blob_store_);
  if (!lost) return tl::unexpected(lost.error());
  if (recovery_.restored) recovery_.restored->data_lost = *std::move(lost);
  return {};
}
}  // namespace tocsin::runtime
