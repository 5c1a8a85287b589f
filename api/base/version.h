/// What this program is made of.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace tocsin::api {
/// The program, the compiler and the main libraries, and the versions that run.
std::vector<std::pair<std::string, std::string>> version_parts();
/// "tocsin 0.1.0", the compiler, and the main libraries with the versions that run, a line each.
std::string version_text();
}  // namespace tocsin::api
