/// Entries of a state as a caller keeps them, by key group and key.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "cep/stage/stage_state.h"
#include "cep/value/key.h"

namespace tocsin::tests {
using StageEntryMap = std::map<std::pair<std::uint32_t, std::string>, std::string>;

/// Applies cuts to a map.
class StageEntryMapWriter : public cep::StageSink {
 public:
  explicit StageEntryMapWriter(StageEntryMap& to) : to_(to) {}
  void put(cep::KeyGroup group, std::string_view key, std::string_view value) override {
    to_[{group.value, std::string(key)}] = value;
  }
  void remove(cep::KeyGroup group, std::string_view key) override {
    to_.erase({group.value, std::string(key)});
  }
  void clear(cep::KeyGroup group) override {
    std::erase_if(to_, [&](const auto& entry) { return entry.first.first == group.value; });
  }

 private:
  StageEntryMap& to_;
};
}  // namespace tocsin::tests
