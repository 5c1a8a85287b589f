#include "runtime/journal/kept_files.h"

#include <utility>

#include "runtime/journal/file_tree.h"

namespace tocsin::runtime {
Result<void> read_kept_files(Files& files, const std::string& folder,
                             const std::function<bool(std::string_view name)>& is_kept,
                             const std::function<Result<void>(const KeptFile& file)>& take) {
  if (auto made = make_durable_directory(files, folder); !made)
    return tl::unexpected(to_error(made.error()));
  const auto names = files.list(folder);
  if (!names) return tl::unexpected(to_error(names.error()));
  for (const std::string& name : *names) {
    const std::string path = folder + "/" + name;
    if (!is_kept(name)) {
      if (!name.ends_with(kUnfinishedEnding)) continue;
      if (auto removed = remove_tree(files, path); !removed) return removed;
      continue;
    }
    auto text = read_whole(files, path);
    if (!text) return tl::unexpected(to_error(text.error()));
    if (auto taken = take({name, path, *std::move(text)}); !taken) return taken;
  }
  return {};
}
}  // namespace tocsin::runtime
