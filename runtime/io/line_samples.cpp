#include "runtime/io/line_samples.h"

#include <algorithm>
#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

namespace tocsin::runtime {
namespace {
constexpr std::uint64_t kKept = 512;  // of each level
constexpr unsigned kStrideBits = 4;
constexpr std::size_t kLevelsMax = 64 / kStrideBits;

// White space at a line's end is not part of it.
std::uint32_t fingerprint(std::string_view line) {
  line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
  return static_cast<std::uint32_t>(XXH3_64bits(line.data(), line.size()));
}
unsigned shift_of(std::size_t level) { return kStrideBits * static_cast<unsigned>(level); }
}  // namespace

void LineSamples::add(std::string_view lines) {
  const auto count = static_cast<std::uint64_t>(std::ranges::count(lines, '\n'));
  const std::uint64_t end = end_ + count;
  for (; end_ < end; ++end_) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(line.size() + 1);
    // What these lines themselves drive out again is not worth a fingerprint.
    if (end_ % (1 << kStrideBits) != 0 && end - end_ > kKept) continue;
    put(end_, fingerprint(line));
  }
}

void LineSamples::put(std::uint64_t number, std::uint32_t fingerprint) {
  if (levels_.empty()) levels_.emplace_back();
  // A level begins when the one before it is full, with what that one still has all of.
  while (number >> shift_of(levels_.size() - 1) >= kKept && levels_.size() < kLevelsMax) {
    const std::vector<std::uint32_t>& full = levels_.back();
    std::vector<std::uint32_t> next;
    for (std::size_t i = 0; i < full.size(); i += 1 << kStrideBits) next.push_back(full[i]);
    levels_.push_back(std::move(next));
  }
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    const std::uint64_t place = number >> shift_of(level);
    if (place << shift_of(level) != number) return;
    std::vector<std::uint32_t>& kept = levels_[level];
    const auto index = static_cast<std::size_t>(place % kKept);
    if (index >= kept.size()) kept.resize(index + 1);
    kept[index] = fingerprint;
  }
}

std::optional<std::uint32_t> LineSamples::find(std::uint64_t number) const {
  if (number < from_ || number >= end_) return std::nullopt;
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    const std::uint64_t place = number >> shift_of(level);
    if (place << shift_of(level) != number) return std::nullopt;
    const std::uint64_t newest = (end_ - 1) >> shift_of(level);
    if (newest - place >= kKept) continue;
    const auto index = static_cast<std::size_t>(place % kKept);
    if (index < levels_[level].size()) return levels_[level][index];
  }
  return std::nullopt;
}

LineSamples::Comparison LineSamples::compare(std::uint64_t first, std::string_view lines) const {
  Comparison comparison;
  comparison.is_unsampled = first < std::min(from_, end_);
  for (std::uint64_t number = first; number < end_ && !lines.empty(); ++number) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    const std::optional<std::uint32_t> known = find(number);
    if (!known) continue;
    ++comparison.compared;
    if (*known == fingerprint(line)) continue;
    comparison.differing = number;
    break;
  }
  return comparison;
}

void LineSamples::save(ByteWriter& to) const {
  to.varint(from_);
  to.varint(end_);
  to.varint(levels_.size());
  for (const std::vector<std::uint32_t>& level : levels_) {
    to.varint(level.size());
    for (const std::uint32_t fingerprint : level) to.u32(fingerprint);
  }
}

LineSamples LineSamples::restore(ByteReader& from) {
  LineSamples samples;
  samples.from_ = from.varint();
  samples.end_ = from.varint();
  const std::uint64_t levels = from.varint_up_to(kLevelsMax);
  for (std::uint64_t i = 0; i < levels && from.ok(); ++i) {
    std::vector<std::uint32_t>& level = samples.levels_.emplace_back();
    const std::uint64_t count = from.varint_up_to(std::min<std::uint64_t>(kKept, from.left() / 4));
    for (std::uint64_t k = 0; k < count; ++k) level.push_back(from.u32());
  }
  return samples;
}
}  // namespace tocsin::runtime
