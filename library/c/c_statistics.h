/// Counts of a run as JSON.
#pragma once
#include <string>

#include "library/c/c_handles.h"

namespace tocsin::library {
/// One JSON object, as docs/c.md describes it.
std::string statistics_json(const tocsin_run& run);
}  // namespace tocsin::library
