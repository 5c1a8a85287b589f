#include "cep/record/budget_tally.h"

#include <utility>

#include "cep/record/budget_bytes.h"

namespace tocsin::cep {
namespace {
// The shares of partial matches that end, the newest first, on their way to the next older one.
class PassedOn {
 public:
  explicit PassedOn(BudgetShare& slack) : slack_(slack) {}
  /// One ends, and the next older one has all its places.
  void pass(const BudgetShare& share) {
    certain_ += share;
    certain_.bytes -= kPartialMatchBytes;
  }
  /// One ends, and older ones may have its events. `has_older`: and, with its first event, its
  /// places.
  void end(const BudgetShare& share, bool has_older) {
    pass(share);
    if (!has_older) {
      certain_.bytes = certain_.event_bytes;
      open_.bytes = open_.event_bytes;
    }
    slack_ += certain_;
    open_ += std::exchange(certain_, {});
  }
  /// What one has that does not end.
  BudgetShare given_to(BudgetShare share) {
    share += std::exchange(certain_, {});
    share += std::exchange(open_, {});
    return share;
  }

 private:
  BudgetShare certain_;  // the next older one has it
  BudgetShare open_;     // it may have it; in the slack
  BudgetShare& slack_;
};
}  // namespace

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

// Leaves the shares and marks of those of `now`; others have ended. False where there are more.
bool BudgetTally::bring_up_to(std::span<const RunMark> now) {
  if (now.empty() || now.size() > marks_.size()) return false;
  PassedOn passed(slack_);
  std::size_t kept = marks_.size();  // from there on those of `now`
  std::size_t left = now.size();     // of them, to be found
  for (std::size_t i = marks_.size(); i-- > 0;) {
    if (left > 0 && marks_[i].is_same(now[left - 1])) {
      --left;
      --kept;
      shares_[kept] = passed.given_to(shares_[i]);
      marks_[kept] = marks_[i];
      continue;
    }
    // Which of two that look the same has ended cannot be told, unless their places are the same.
    if (left < now.size() && marks_[i].is_same(marks_[kept]) &&
        marks_[i].place != marks_[kept].place) {
      return false;
    }
    if (left == 0) break;
    passed.end(shares_[i], i > 0 && marks_[i - 1].start == marks_[i].start);
  }
  if (left > 0) return false;
  // The oldest have gone with all that they took.
  shares_.erase(shares_.begin(), shares_.begin() + static_cast<std::ptrdiff_t>(kept));
  marks_.erase(marks_.begin(), marks_.begin() + static_cast<std::ptrdiff_t>(kept));
  return true;
}

bool BudgetTally::shares_of(std::span<const RunMark> now, std::span<const std::uint32_t> from,
                            std::vector<BudgetShare>& out, BudgetShare& slack) {
  if (!bring_up_to(now)) {
    marks_.clear();
    return false;
  }
  slack = slack_;
  PassedOn passed(slack);
  out.assign(from.size(), {kPartialMatchBytes, 0, 0});
  std::size_t next = now.size();  // of those, from the newest on: their shares are given
  for (std::size_t i = from.size(); i-- > 0;) {
    if (from[i] == kFresh || from[i] == next) continue;
    if (from[i] > next) return false;
    while (next-- > from[i]) {
      if (next == from[i]) {
        out[i] = passed.given_to(shares_[next]);
        break;
      }
      if (now[next - 1].holds_all_of(now[next])) {
        passed.pass(shares_[next]);
      } else {
        passed.end(shares_[next], now[next - 1].start == now[next].start);
      }
    }
  }
  return true;
}
}  // namespace tocsin::cep
