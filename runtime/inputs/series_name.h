/// The name of the source that a directory, or a followed file, is in a journal.
#pragma once
#include <string>

namespace tocsin::runtime {
/// The path, without slashes at its end; with "./" before it where it would name a producer or a
/// partition.
std::string series_name(const std::string& path);
}  // namespace tocsin::runtime
