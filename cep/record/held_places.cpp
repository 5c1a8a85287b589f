#include "cep/record/held_places.h"

#include <algorithm>

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

void HeldPlaces::replace(std::span<const Offset> before, std::span<const Offset> now) {
  // The oldest go first: what is left then begins the same.
  if (!now.empty()) {
    const auto first = std::ranges::find(before, now.front());
    if (first != before.end()) {
      const auto gone = static_cast<std::size_t>(first - before.begin());
      const auto [old_end, new_end] = std::ranges::mismatch(before.subspan(gone), now);
      const auto same = static_cast<std::size_t>(new_end - now.begin());
      for (const Offset node : before.first(gone)) release(node);
      before = before.subspan(gone + same);
      now = now.subspan(same);
    }
  }
  while (!before.empty() && !now.empty() && before.back() == now.back()) {
    before = before.first(before.size() - 1);
    now = now.first(now.size() - 1);
  }
  for (const Offset node : now) hold(node);
  for (const Offset node : before) release(node);
}

std::size_t HeldPlaces::memory() const {
  constexpr std::size_t kMapNode = sizeof(ArrivalNumber) + 4 * sizeof(void*);
  return holders_.capacity() * sizeof(holders_[0]) + captured_.size() * kMapNode +
         captured_.bucket_count() * sizeof(void*);
}
}  // namespace tocsin::cep
