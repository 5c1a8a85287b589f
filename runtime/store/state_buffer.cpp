#include "runtime/store/state_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "cep/base/assert.h"
#include "cep/base/prefetch.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kBlockBytes = std::size_t{64} << 10;
constexpr std::size_t kHeadBytes = 8;
constexpr std::uint32_t kRemoved = UINT32_MAX;

std::uint32_t load_u32(const char* from) {
  std::uint32_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return value;
}
void store_u32(char* to, std::uint32_t value) { std::memcpy(to, &value, sizeof value); }

std::string_view key_at(const char* entry) { return {entry + kHeadBytes, load_u32(entry)}; }
std::size_t value_bytes_at(const char* entry) {
  const std::uint32_t bytes = load_u32(entry + 4);
  return bytes == kRemoved ? 0 : bytes;
}

// Eight bytes of a key from `at` on, zeros past its end, as a number in the order of the bytes.
std::uint64_t prefix_of(std::string_view key, std::size_t at) {
  std::uint64_t prefix = 0;
  for (std::size_t i = at; i < at + sizeof prefix; ++i) {
    prefix = prefix << 8 | (i < key.size() ? static_cast<unsigned char>(key[i]) : 0U);
  }
  return prefix;
}
constexpr unsigned kTableShift = 48;
constexpr std::uint64_t kGroupMask = 0xffff;
constexpr unsigned kGroupShift = 32;
}  // namespace

char* StateBuffer::add(const cep::StateKey& key, std::size_t value_bytes, bool is_removed) {
  const std::size_t key_bytes = kStoreKeyHeadBytes + key.key.size();
  TOCSIN_ASSERT(key_bytes < kRemoved && value_bytes < kRemoved, "budgets keep pieces far smaller");
  const std::size_t needed = kHeadBytes + key_bytes + value_bytes;
  if (needed > room_) {
    const std::size_t size = std::max(kBlockBytes, needed);
    blocks_.push_back({std::unique_ptr<char[]>(new char[size]), 0});
    room_ = size;
  }
  Block& block = blocks_.back();
  char* at = block.bytes.get() + block.used;
  block.used += needed;
  room_ -= needed;
  ++entries_;
  bytes_ += key_bytes + value_bytes;
  store_u32(at, static_cast<std::uint32_t>(key_bytes));
  store_u32(at + 4, is_removed ? kRemoved : static_cast<std::uint32_t>(value_bytes));
  at += kHeadBytes;
  *at++ = static_cast<char>(key.table >> 8);
  *at++ = static_cast<char>(key.table & 0xff);
  *at++ = static_cast<char>(key.group.value >> 8);
  *at++ = static_cast<char>(key.group.value & 0xff);
  key.key.copy(at, key.key.size());
  return at + key.key.size();
}

void StateBuffer::put(const cep::StateKey& key, std::string_view value) {
  char* at = add(key, value.size(), false);
  value.copy(at, value.size());
}

void StateBuffer::remove(const cep::StateKey& key) { add(key, 0, true); }

void StateBuffer::append(StateBuffer later) {
  for (Block& block : later.blocks_) blocks_.push_back(std::move(block));
  room_ = later.room_;
  entries_ += later.entries_;
  bytes_ += later.bytes_;
}

// The first bytes of the key stand beside the entry, since a look at the entry is a cache miss.
struct SortedState::Place {
  std::uint64_t first = 0;  // table, group and four bytes more
  std::uint64_t second = 0;
  const char* entry = nullptr;
};

class SortedState::Run : public StateRun {
 public:
  Run(const Stretch* begin, const Stretch* end) : at_(begin), end_(end) {
    if (at_ != end_) place_ = at_->begin;
  }
  bool next(StateEntry& entry) override {
    while (at_ != end_ && place_ == at_->end) {
      if (++at_ != end_) place_ = at_->begin;
    }
    if (at_ == end_) return false;
    if (at_->end - place_ > kAhead) {
      prefetch(place_[kAhead].entry);
      prefetch(place_[kAhead].entry + kLineBytes);
    }
    const char* bytes = place_->entry;
    entry.key = key_at(bytes);
    entry.value = {entry.key.data() + entry.key.size(), value_bytes_at(bytes)};
    entry.is_removed = load_u32(bytes + 4) == kRemoved;
    ++place_;
    return true;
  }

 private:
  static constexpr std::ptrdiff_t kAhead = 8;
  static constexpr std::size_t kLineBytes = 64;
  const Stretch* at_;
  const Stretch* end_;
  const Place* place_ = nullptr;
};

SortedState::Part SortedState::sorted(const StateBuffer& buffer) {
  Part part;
  part.reserve(buffer.entries_);
  for (const StateBuffer::Block& block : buffer.blocks_) {
    const char* at = block.bytes.get();
    const char* end = at + block.used;
    while (at < end) {
      const std::string_view key = key_at(at);
      part.push_back({prefix_of(key, 0), prefix_of(key, sizeof(std::uint64_t)), at});
      at = key.data() + key.size() + value_bytes_at(at);
    }
  }
  const auto is_before = [](const Place& a, const Place& b) {
    if (a.first != b.first) return a.first < b.first;
    if (a.second != b.second) return a.second < b.second;
    return key_at(a.entry) < key_at(b.entry);
  };
  if (!std::is_sorted(part.begin(), part.end(), is_before)) {
    std::stable_sort(part.begin(), part.end(), is_before);
  }
  // The last of equal ones stays.
  const auto kept = std::unique(part.rbegin(), part.rend(), [](const Place& a, const Place& b) {
    return a.first == b.first && a.second == b.second && key_at(a.entry) == key_at(b.entry);
  });
  part.erase(part.begin(), kept.base());
  return part;
}

SortedState::SortedState(std::vector<StateBuffer> buffers) : buffers_(std::move(buffers)) {
  for (const StateBuffer& buffer : buffers_) {
    if (!buffer.empty()) parts_.push_back(sorted(buffer));
  }
  const auto group_of = [](const Part& part) {
    return part.front().first >> kGroupShift & kGroupMask;
  };
  std::ranges::sort(parts_, {}, group_of);
  for (const Part& part : parts_) {
    const Place* const end = part.data() + part.size();
    for (const Place* begin = part.data(); begin != end;) {
      const std::uint64_t table = begin->first >> kTableShift;
      const Place* const next = std::find_if(
          begin, end, [&](const Place& place) { return place.first >> kTableShift != table; });
      stretches_.push_back({table, begin, next});
      begin = next;
    }
  }
  std::ranges::stable_sort(stretches_, {}, &Stretch::table);
}
SortedState::~SortedState() = default;

std::unique_ptr<StateRun> SortedState::whole() const {
  return std::make_unique<Run>(stretches_.data(), stretches_.data() + stretches_.size());
}

std::vector<SortedState::TableRun> SortedState::by_table() const {
  std::vector<TableRun> runs;
  const Stretch* const end = stretches_.data() + stretches_.size();
  for (const Stretch* begin = stretches_.data(); begin != end;) {
    const Stretch* const next = std::find_if(
        begin, end, [&](const Stretch& stretch) { return stretch.table != begin->table; });
    runs.push_back({begin->table, std::make_unique<Run>(begin, next)});
    begin = next;
  }
  return runs;
}
}  // namespace tocsin::runtime
