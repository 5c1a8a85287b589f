#include "runtime/unique/recent_ids.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "cep/base/assert.h"
#include "cep/base/prefetch.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kFirstCapacity = 16;  // of the first segment, which then doubles
}  // namespace

std::uint64_t RecentIds::hash_of(const IdBits& id) const {
  return XXH3_64bits_withSeed(id.data(), sizeof(id), seed_);
}

void RecentIds::Numbered::prefetch(std::uint32_t number) const {
  const Entry& wanted = entry(number);
  tocsin::prefetch(&wanted.id);
}

const RecentIds::Entry* RecentIds::find(const IdBits& id, std::uint64_t hash) const {
  const Numbered numbered{*this};
  const Entry* found = nullptr;
  index_.find(hash, [&](std::uint32_t number) {
    const Entry& entry = numbered.entry(number);
    if (entry.id != id) return false;
    found = &entry;
    return true;
  });
  return found;
}

bool RecentIds::take(cep::EventTime time, const IdBits& id, std::uint64_t hash) {
  if (find(id, hash) != nullptr) return false;
  *place_for_next() = {time, id};
  index_.insert(hash, number_of(first_ + size_), Numbered{*this});
  ++size_;
  return true;
}

void RecentIds::forget_oldest() {
  TOCSIN_ASSERT(size_ > 0, "there is one to forget");
  // Those that will be forgotten next are fetched together.
  constexpr std::size_t kAhead = 16;
  if (size_ > kAhead) index_.prefetch(hash_of(at(kAhead).id));
  index_.erase(hash_of(oldest().id), number_of(first_), Numbered{*this});
  ++first_;
  --size_;
  if (size_ == 0) {
    clear();
  } else if (first_ == kSegment) {
    segments_.erase(segments_.begin());
    first_ = 0;
    base_ += static_cast<std::uint32_t>(kSegment);
  }
}

void RecentIds::clear() {
  index_.clear();
  std::vector<Segment>().swap(segments_);
  first_ = 0;
  size_ = 0;
  base_ = 0;
}

// Memory behind the newest entry.
RecentIds::Entry* RecentIds::place_for_next() {
  const std::size_t end = first_ + size_;
  if (segments_.empty() || end == (segments_.size() - 1) * kSegment + segments_.back().capacity) {
    if (segments_.size() <= 1 && (segments_.empty() || segments_.back().capacity < kSegment)) {
      grow_only_segment();
    } else {
      segments_.push_back({make_pages(kSegment * sizeof(Entry)), kSegment});
    }
  }
  const std::size_t place = first_ + size_;
  std::byte* const memory = segments_[place / kSegment].memory.get();
  return new (memory + place % kSegment * sizeof(Entry)) Entry;
}

// The forgotten entries at its begin are left behind.
void RecentIds::grow_only_segment() {
  std::size_t capacity = kFirstCapacity;
  while (capacity < 2 * size_) capacity *= 2;
  capacity = std::min(capacity, kSegment);
  Segment grown{make_pages(capacity * sizeof(Entry)), capacity};
  if (size_ > 0) std::memcpy(grown.memory.get(), &entry(first_), size_ * sizeof(Entry));
  segments_.clear();
  segments_.push_back(std::move(grown));
  base_ += static_cast<std::uint32_t>(std::exchange(first_, 0));
}

std::size_t RecentIds::bytes() const {
  std::size_t sum = index_.bytes() + segments_.capacity() * sizeof(Segment);
  for (const Segment& segment : segments_) sum += segment.capacity * sizeof(Entry);
  return sum;
}
}  // namespace tocsin::runtime
