#include "api/custody/private_data.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "api/base/command.h"
#include "api/base/named_file.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
namespace {
namespace fs = std::filesystem;

struct Narrowed {
  std::size_t count = 0;
  std::string first;
  std::size_t failures = 0;
  std::string failure;  // the first
};

void narrow(const std::string& path, Narrowed& all) {
  struct stat found {};
  // What a link leads to is not of this folder.
  if (::lstat(path.c_str(), &found) != 0 || S_ISLNK(found.st_mode)) return;
  if ((found.st_mode & (S_IRWXG | S_IRWXO)) == 0) return;
  if (::chmod(path.c_str(), found.st_mode & S_IRWXU) == 0) {
    if (all.count++ == 0) all.first = path;
  } else if (all.failures++ == 0) {
    all.failure = fmt::format("{} ({})", path, std::strerror(errno));
  }
}
}  // namespace

Result<runtime::DataDirectory> take_data_directory(runtime::Files& files, const std::string& path,
                                                   bool may_make) {
  use_private_umask();
  Result<runtime::DataDirectory> directory = runtime::DataDirectory::open(files, path, may_make);
  if (!directory) return directory;
  const std::string& folder = directory->paths().directory;
  Narrowed all;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
    narrow(entry->path().string(), all);
  if (all.count > 0) {
    tell(fmt::format("tocsin: took the permissions of others from {} in {}, such as {}\n",
                     rules::format_count(all.count, "file"), folder, all.first));
  }
  if (all.failures > 0) {
    tell(fmt::format("tocsin: others may read {} in {}, which cannot be changed, such as {}\n",
                     rules::format_count(all.failures, "file"), folder, all.failure));
  }
  return directory;
}
}  // namespace tocsin::api
