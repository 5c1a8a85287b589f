/// How keys are divided into shards: neighbouring key groups are one.
#pragma once
#include <cstdint>

#include "cep/value/key.h"

namespace tocsin::cep {
inline constexpr std::uint32_t kShardCount = 64;
inline constexpr std::uint32_t kGroupsOfShard = kKeyGroupCount / kShardCount;
static_assert(kGroupsOfShard * kShardCount == kKeyGroupCount, "all shards have as many groups");

/// The shard of a key group, less than kShardCount.
constexpr std::uint32_t shard_of(KeyGroup group) { return group.value / kGroupsOfShard; }
}  // namespace tocsin::cep
