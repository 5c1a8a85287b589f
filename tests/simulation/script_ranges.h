/// The files that a journal points at, by what a world's sources will ever send.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/decode/decoder.h"
#include "runtime/node/node.h"
#include "tests/simulation/world.h"

namespace tocsin::simulation {
class ScriptRanges : public runtime::RangeReader {
 public:
  explicit ScriptRanges(const World& world) {
    for (const ScriptedSource& source : world.sources) {
      std::string text = source.text();
      texts_[source.name] = {text.size(), text + std::string(runtime::kLinePadding, '\0')};
    }
  }
  Result<std::string_view> read(const runtime::NodeSource& source, std::uint64_t first,
                                std::uint64_t next) override {
    const auto found = texts_.find(source.name);
    if (found == texts_.end()) return fail(Errc::kNotFound, source.name + " is not there");
    const auto& [size, text] = found->second;
    const std::uint64_t end = std::min<std::uint64_t>(next, size);
    if (first > end) return std::string_view();
    // Padding behind a range in the middle is whatever comes next in the file.
    held_ = text.substr(first, end - first) + std::string(runtime::kLinePadding, '\0');
    return std::string_view(held_).substr(0, end - first);
  }

 private:
  std::map<std::string, std::pair<std::size_t, std::string>> texts_;
  std::string held_;
};
}  // namespace tocsin::simulation
