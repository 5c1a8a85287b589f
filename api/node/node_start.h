/// What `tocsin run --data` and `tocsin serve` have in common when a node comes up.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "runtime/node/node.h"

namespace tocsin::api {
/// The id of a new timeline, which no other has.
std::array<std::uint8_t, 16> new_timeline_id();
/// Says which checkpoints were set aside as damaged, each on a line of standard error.
void tell_damaged(const runtime::Recovery& recovery);
/// "continuing in FOLDER: checkpoint 3 with 1,000 keys loaded in 0.1 s, then 5 journal records …",
/// or that it is new.
std::string recovery_text(const runtime::Recovery& recovery, const std::string& folder);
}  // namespace tocsin::api
