#include "cep/record/held_places.h"

#include <utility>

#include "cep/record/budget_bytes.h"

namespace tocsin::cep {
std::size_t HeldPlaces::Hash::operator()(const ArrivalNumber& arrival) const {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  const std::uint64_t rest = std::uint64_t{arrival.index} << 32U | arrival.after;
  return static_cast<std::size_t>((arrival.record * kOdd ^ rest) * kOdd >> 16U);
}

void HeldPlaces::look_at(const Plan& plan, const Rule& rule,
                         const std::vector<CaptureLayout>& layouts, const std::byte* base,
                         std::size_t words) {
  plan_ = &plan;
  rule_ = &rule;
  layouts_ = &layouts;
  base_ = base;
  const std::size_t most = words / kWordsLeast + 1;
  if (holders_.size() < most) holders_.resize(most, 0);
}

void HeldPlaces::hold(Offset node) {
  for (Offset at = node; at != 0;) {
    ++work_;
    if (holders(at)++ > 0) return;
    const Node* const place = RecordStore::at<Node>(base_, at);
    bytes_ += kPlaceBytes;
    hold_event(place->event);
    at = place->parent;
  }
}

void HeldPlaces::release(Offset node) {
  for (Offset at = node; at != 0;) {
    ++work_;
    if (--holders(at) > 0) return;
    const Node* const place = RecordStore::at<Node>(base_, at);
    bytes_ -= kPlaceBytes;
    release_event(place->event);
    at = place->parent;
  }
}

void HeldPlaces::hold_event(Offset offset) {
  if (holders(offset)++ > 0) return;
  const auto* const event = RecordStore::at<KeptEvent>(base_, offset);
  if (captured_[event->arrival()]++ > 0) return;
  ++events_;
  bytes_ += bytes_of(*event);
}

void HeldPlaces::release_event(Offset offset) {
  if (--holders(offset) > 0) return;
  const auto* const event = RecordStore::at<KeptEvent>(base_, offset);
  const auto captured = captured_.find(event->arrival());
  if (--captured->second > 0) return;
  captured_.erase(captured);
  --events_;
  bytes_ -= bytes_of(*event);
}

std::uint64_t HeldPlaces::bytes_of(const KeptEvent& event) const {
  return budget_bytes(*plan_, *rule_, (*layouts_)[event.type], event);
}

void HeldPlaces::replace(std::span<const HeldEnd> before, std::span<const HeldEnd> now) {
  // Those of one first event at the begin.
  const auto group = [](std::span<const HeldEnd> ends) {
    std::size_t count = 0;
    while (count < ends.size() && ends[count].start == ends.front().start) ++count;
    return count;
  };
  while (!before.empty() || !now.empty()) {
    const bool is_old =
        now.empty() || (!before.empty() && before.front().start < now.front().start);
    const bool is_new =
        before.empty() || (!now.empty() && now.front().start < before.front().start);
    const std::size_t old_count = is_new ? 0 : group(before);
    const std::size_t new_count = is_old ? 0 : group(now);
    replace_some(before.first(old_count), now.first(new_count));
    before = before.subspan(old_count);
    now = now.subspan(new_count);
  }
}

void HeldPlaces::replace_some(std::span<const HeldEnd> before, std::span<const HeldEnd> now) {
  while (!before.empty() && !now.empty() && before.front() == now.front()) {
    before = before.subspan(1);
    now = now.subspan(1);
  }
  while (!before.empty() && !now.empty() && before.back() == now.back()) {
    before = before.first(before.size() - 1);
    now = now.first(now.size() - 1);
  }
  for (const HeldEnd& end : now) hold(end.node);
  for (const HeldEnd& end : before) release(end.node);
}

void HeldMatches::replace(std::vector<HeldEnd> now) {
  places.replace(ends(), now);
  partial = std::move(now);
  gone = 0;
}

void HeldMatches::release_oldest(std::size_t matches) {
  for (const HeldEnd& end : ends().first(matches)) places.release(end.node);
  gone += matches;
  if (gone < partial.size() / 2) return;
  partial.erase(partial.begin(), partial.begin() + static_cast<std::ptrdiff_t>(gone));
  gone = 0;
}

std::size_t HeldPlaces::memory() const {
  constexpr std::size_t kMapNode = sizeof(ArrivalNumber) + 4 * sizeof(void*);
  return holders_.capacity() * sizeof(holders_[0]) + captured_.size() * kMapNode +
         captured_.bucket_count() * sizeof(void*);
}
}  // namespace tocsin::cep
