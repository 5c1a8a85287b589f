/// A folder of files that put_file() keeps, as it is read at a start.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "cep/base/result.h"
#include "runtime/io/files.h"

namespace tocsin::runtime {
struct KeptFile {
  std::string name;  // within the folder
  std::string path;
  std::string text;
};
/// Makes the folder where it is not there, removes what a crash left unfinished, and gives each
/// file whose name `is_kept`, whole. `take` may remove it. Fails with kIo, and as `take` does.
Result<void> read_kept_files(Files& files, const std::string& folder,
                             const std::function<bool(std::string_view name)>& is_kept,
                             const std::function<Result<void>(const KeptFile& file)>& take);
}  // namespace tocsin::runtime
