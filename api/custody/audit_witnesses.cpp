#include "api/custody/audit_witnesses.h"

#include <optional>
#include <utility>

#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/checkpoint_witness.h"

namespace tocsin::api {
namespace {
Result<void> add(runtime::Files& files, const std::string& directory,
                 std::vector<AuditWitnessText>& all) {
  Result<std::string> text = runtime::read_witness_of(files, directory);
  if (!text) {
    if (text.error().code == Errc::kIo) return tl::unexpected(text.error());
    return {};
  }
  if (!text->empty()) all.push_back({directory, *std::move(text)});
  return {};
}
}  // namespace

Result<std::vector<AuditWitnessText>> audit_witnesses(runtime::Files& files,
                                                      const runtime::DataPaths& paths) {
  std::vector<AuditWitnessText> all;
  const auto numbers = runtime::list_checkpoints(files, paths.checkpoints);
  if (!numbers) return tl::unexpected(numbers.error());
  for (auto number = numbers->rbegin(); number != numbers->rend(); ++number) {  // the newest first
    const std::string path = runtime::checkpoint_path(paths.checkpoints, *number);
    if (auto added = add(files, path, all); !added) return tl::unexpected(added.error());
  }
  const auto names = files.list(paths.savepoints);
  if (!names) {
    if (names.error().code == runtime::FileErrc::kNotFound) return all;
    return tl::unexpected(runtime::to_error(names.error()));
  }
  for (const std::string& name : *names) {
    if (auto added = add(files, paths.savepoints + "/" + name, all); !added)
      return tl::unexpected(added.error());
  }
  return all;
}

Result<std::optional<std::string>> newest_audit_witness(runtime::Files& files,
                                                        const runtime::DataPaths& paths) {
  const auto numbers = runtime::list_checkpoints(files, paths.checkpoints);
  if (!numbers) return tl::unexpected(numbers.error());
  if (numbers->empty()) return std::nullopt;
  std::vector<AuditWitnessText> all;
  const std::string path = runtime::checkpoint_path(paths.checkpoints, numbers->back());
  if (auto added = add(files, path, all); !added) return tl::unexpected(added.error());
  if (all.empty()) return std::nullopt;
  return std::move(all.front().text);
}
}  // namespace tocsin::api
