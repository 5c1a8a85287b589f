#include <fmt/format.h>

#include <algorithm>

#include "runtime/journal/journal_reader.h"
#include "runtime/node/list_changes.h"
#include "runtime/node/node.h"
#include "runtime/node/node_commands.h"

namespace tocsin::runtime {
namespace {
// Of the newest checkpoint whose manifest can be read: what is damaged is found when it is loaded.
Result<std::optional<Manifest>> newest_manifest(Files& files, const DataPaths& paths) {
  Result<std::vector<std::uint64_t>> numbers = list_checkpoints(files, paths.checkpoints);
  if (!numbers) return tl::unexpected(numbers.error());
  std::ranges::reverse(*numbers);
  for (const std::uint64_t number : *numbers) {
    Result<Manifest> manifest = read_manifest(files, checkpoint_path(paths.checkpoints, number));
    if (manifest) return std::optional(*std::move(manifest));
    if (manifest.error().code == Errc::kOtherVersion) return tl::unexpected(manifest.error());
  }
  return std::nullopt;
}

Result<void> take_settings(const Command& command, const DataPaths& paths,
                           std::optional<Beginning>& beginning) {
  Result<NodeSettings> settings = read_settings(command.arguments);
  if (!settings) {
    return fail(settings.error().code,
                fmt::format("{}: {}", paths.journal, settings.error().message));
  }
  beginning.emplace();
  beginning->settings = *std::move(settings);
  for (const BlobReference& blob : command.blobs) {
    if (is_entries(blob.role)) continue;
    beginning->blobs.push_back({std::string(blob.role), blob.bytes, blob.digest});
  }
  return {};
}
}  // namespace

Result<Beginning> beginning_of(const CheckpointMeta& meta, const std::string& directory) {
  Result<NodeSettings> settings = read_settings(meta.settings);
  if (!settings) {
    return fail(settings.error().code, fmt::format("{}: {}", directory, settings.error().message));
  }
  return Beginning{*std::move(settings), rule_blobs(meta.blobs)};
}

Result<std::optional<Beginning>> find_beginning(Files& files, const DataPaths& paths,
                                                bool is_latest) {
  std::optional<Beginning> beginning;
  Result<std::optional<Manifest>> manifest = newest_manifest(files, paths);
  if (!manifest) return tl::unexpected(manifest.error());
  std::uint64_t position = 1;
  if (*manifest) {
    Result<Beginning> found = beginning_of((*manifest)->meta, paths.checkpoints);
    if (!found) return tl::unexpected(found.error());
    beginning = *std::move(found);
    position = (*manifest)->meta.position;
    if (!is_latest) return beginning;
  }
  const FileResult<std::vector<std::string>> names = files.list(paths.journal);
  if (!names && names.error().code == FileErrc::kNotFound) return beginning;
  Result<JournalReader> reader = JournalReader::open(files, paths.journal, position);
  if (!reader) {
    if (reader.error().code == Errc::kNotFound) return beginning;
    return tl::unexpected(reader.error());
  }
  for (;;) {
    const Result<std::optional<JournalEntry>> entry = reader->next();
    if (!entry) return tl::unexpected(entry.error());
    if (!*entry) return beginning;
    const auto* command = std::get_if<Command>(&(*entry)->record);
    if (command != nullptr && (command->name == kBeginCommand || command->name == kPresentCommand ||
                               command->name == kDeployCommand)) {
      auto taken = take_settings(*command, paths, beginning);
      if (!taken) return tl::unexpected(taken.error());
    }
    if (!is_latest) return beginning;
  }
}

Result<std::vector<NamedContents>> read_texts(const BlobStore& blobs,
                                              const std::vector<CheckpointBlob>& references) {
  std::vector<NamedContents> texts;
  for (const CheckpointBlob& reference : references) {
    Result<std::string> contents = blobs.get(reference.digest);
    if (!contents) return tl::unexpected(contents.error());
    texts.push_back({reference.role, *std::move(contents)});
  }
  return texts;
}
}  // namespace tocsin::runtime
