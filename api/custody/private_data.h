/// How every command takes a data directory: whatever it makes from then on is its owner's alone.
#pragma once
#include <string>

#include "cep/base/result.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/io/files.h"

namespace tocsin::api {
/// As DataDirectory::open(). From then on the process makes private files (use_private_umask()),
/// and whatever lies in the folder with wider permissions loses them, which is told; so is what
/// belongs to somebody else and cannot lose them.
Result<runtime::DataDirectory> take_data_directory(runtime::Files& files, const std::string& path,
                                                   bool may_make);
}  // namespace tocsin::api
