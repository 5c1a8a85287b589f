/// Files that people name themselves, beside those of a data directory: they follow the umask that
/// the process was started with, also after it has taken a stricter one for all others.
#pragma once
#include <string>

namespace tocsin::api {
/// From here on files and folders that are made are their owner's alone, but for named ones. Once
/// is enough; before other threads make files.
void use_private_umask();
/// Opens a file as open(2) does with `flags`, and makes it where it is missing. Below 0: errno says
/// why.
int open_named_file(const std::string& path, int flags);
}  // namespace tocsin::api
