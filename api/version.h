/// What this program is made of.
#pragma once
#include <string>

namespace tocsin::api {
/// "tocsin 0.1.0", the compiler, and the main libraries with the versions that run, a line each.
std::string version_text();
}  // namespace tocsin::api
