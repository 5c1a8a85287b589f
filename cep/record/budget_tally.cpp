#include "cep/record/budget_tally.h"

#include <algorithm>

#include "cep/record/budget_bytes.h"

namespace tocsin::cep {
bool BudgetTally::stays_within(std::string_view key, BudgetShare more, std::uint64_t runs,
                               BudgetShare limit) {
  if (key_ != key) return false;
  const BudgetShare most{most_.bytes + more.bytes, most_.events + more.events};
  if (most.events > limit.events || most.bytes + runs * kPartialMatchBytes > limit.bytes) {
    return false;
  }
  most_ = most;
  marks_.clear();
  return true;
}

bool BudgetTally::shares_of(std::span<const RunMark> now, std::span<const std::uint32_t> from,
                            std::vector<BudgetShare>& out) const {
  // Time may have ended the oldest since.
  if (now.empty() || now.size() > marks_.size()) return false;
  const std::size_t ended = marks_.size() - now.size();
  if (!std::equal(now.begin(), now.end(), marks_.begin() + static_cast<std::ptrdiff_t>(ended),
                  [](const RunMark& a, const RunMark& b) { return a.is_same(b); })) {
    return false;
  }
  out.assign(from.size(), {kPartialMatchBytes, 0});
  std::size_t next = now.size();  // of those, from the newest on: their shares are given
  for (std::size_t i = from.size(); i-- > 0;) {
    if (from[i] == kFresh || from[i] == next) continue;
    if (from[i] > next) return false;
    BudgetShare share;
    while (next-- > from[i]) {
      const BudgetShare& of_run = shares_[ended + next];
      share.bytes += of_run.bytes;
      share.events += of_run.events;
      if (next == from[i]) break;
      // It ends: what it shared is the next older one's.
      if (!now[next - 1].holds_all_of(now[next])) return false;
      share.bytes -= kPartialMatchBytes;
    }
    out[i] = share;
  }
  return true;
}
}  // namespace tocsin::cep
