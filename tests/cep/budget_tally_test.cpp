// What budgets know of partial matches from event to event, without counting their places afresh.
#include "cep/record/budget_tally.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "cep/record/budget.h"

namespace tocsin::tests {
namespace {
using cep::BudgetShare;
using cep::BudgetTally;
using cep::kPartialMatchBytes;
using cep::RunMark;

constexpr std::uint32_t kFresh = BudgetTally::kFresh;

// A partial match of `length` events; its last place, and the one before.
RunMark mark(std::uint64_t start, std::uint32_t length, std::uint32_t place,
             std::uint32_t place_before) {
  RunMark of;
  of.start = start;
  of.length = length;
  of.last_time_us = static_cast<std::int64_t>(place) * 1'000'000;
  of.place = place;
  of.place_before = place_before;
  return of;
}

struct Shares {
  std::vector<std::uint64_t> bytes;
  std::vector<std::uint64_t> events;
  std::uint64_t slack_bytes = 0;
  std::uint64_t slack_events = 0;
  friend bool operator==(const Shares&, const Shares&) = default;
};

// Of partial matches `before` with 1,000, 2,000, … bytes, 100, 200, … of them of 1, 2, … events,
// beyond a partial match itself: the shares of drafts that come from those of `now`; nothing where
// they are not known.
std::optional<Shares> shares_of(std::vector<RunMark> before, const std::vector<RunMark>& now,
                                const std::vector<std::uint32_t>& from) {
  std::vector<BudgetShare> shares;
  for (std::uint64_t i = 1; i <= before.size(); ++i) {
    shares.push_back({kPartialMatchBytes + 1'000 * i, i, 100 * i});
  }
  BudgetTally tally;
  tally.set(shares, before, {});
  std::vector<BudgetShare> found;
  BudgetShare slack;
  if (!tally.shares_of(now, from, found, slack)) return std::nullopt;
  Shares out;
  out.slack_bytes = slack.bytes;
  out.slack_events = slack.events;
  for (const BudgetShare& share : found) {
    REQUIRE(share.bytes >= kPartialMatchBytes);
    out.bytes.push_back(share.bytes - kPartialMatchBytes);
    out.events.push_back(share.events);
  }
  return out;
}

// Three beginnings, each later one another's.
std::vector<RunMark> three() { return {mark(1, 1, 10, 0), mark(2, 1, 20, 0), mark(3, 1, 30, 0)}; }
// The first goes on in the second, the second in the third: the oldest holds all.
std::vector<RunMark> nested() {
  return {mark(1, 3, 30, 20), mark(1, 2, 20, 10), mark(1, 1, 10, 0)};
}
}  // namespace

TEST_CASE("budget tally: shares follow partial matches that go on") {
  // Each in one draft, and a fresh one.
  CHECK(shares_of(three(), three(), {0, 1, 2, kFresh}) ==
        Shares{{1'000, 2'000, 3'000, 0}, {1, 2, 3, 0}});
  // Of two drafts of one the newer has all that both hold.
  CHECK(shares_of(three(), three(), {0, 1, 1, 2}) ==
        Shares{{1'000, 0, 2'000, 3'000}, {1, 0, 2, 3}});
  // The oldest ended.
  CHECK(shares_of(three(), three(), {2}) == Shares{{3'000}, {3}});
  // Time ended the oldest before.
  CHECK(shares_of(three(), {three()[1], three()[2]}, {0, 1}) == Shares{{2'000, 3'000}, {2, 3}});
}

TEST_CASE("budget tally: the share of one that ends is the next older one's, which holds it") {
  CHECK(shares_of(nested(), nested(), {0, 1}) == Shares{{1'000, 5'000}, {1, 5}});
  CHECK(shares_of(nested(), nested(), {0, 2}) == Shares{{3'000, 3'000}, {3, 3}});
  CHECK(shares_of(nested(), nested(), {0}) == Shares{{6'000}, {6}});
}

TEST_CASE("budget tally: of one that ends among others, the places go, and events may") {
  CHECK(shares_of(three(), three(), {0, 1}) == Shares{{1'000, 2'300}, {1, 5}, 300, 3});
  CHECK(shares_of(three(), three(), {0, 2}) == Shares{{1'200, 3'000}, {3, 3}, 200, 2});
  CHECK(shares_of(three(), three(), {0}) == Shares{{1'500}, {6}, 500, 5});
  // The same, where they ended before the event.
  CHECK(shares_of(three(), {three()[0], three()[1]}, {0, 1}) ==
        Shares{{1'000, 2'300}, {1, 5}, 300, 3});
  CHECK(shares_of(three(), {three()[0], three()[2]}, {0, 1}) ==
        Shares{{1'200, 3'000}, {3, 3}, 200, 2});
  CHECK(shares_of(three(), {three()[0]}, {0}) == Shares{{1'500}, {6}, 500, 5});
  // An older one with the same first event may have its places too.
  const std::vector<RunMark> parted = {mark(1, 1, 10, 0), mark(2, 2, 21, 20), mark(2, 3, 40, 30)};
  CHECK(shares_of(parted, parted, {0, 1}) == Shares{{1'000, 5'000}, {1, 5}, 3'000, 3});
  CHECK(shares_of(parted, parted, {0, 2}) == Shares{{1'200, 3'000}, {3, 3}, 200, 2});
  CHECK(shares_of(parted, {parted[0], parted[1]}, {0}) == Shares{{1'500}, {6}, 3'500, 8});
}

TEST_CASE("budget tally: others than those that were counted are not known") {
  CHECK(!shares_of(three(), {}, {kFresh}));
  std::vector<RunMark> more = three();
  more.push_back(mark(4, 1, 40, 0));
  CHECK(!shares_of(three(), more, {0, 1, 2, 3}));
  std::vector<RunMark> other = three();
  other[1] = mark(2, 2, 25, 20);
  CHECK(!shares_of(three(), other, {0, 1, 2}));
  // Two look the same, and one of them has ended.
  const std::vector<RunMark> alike = {mark(1, 2, 20, 10), mark(1, 2, 20, 11)};
  std::vector<RunMark> apart = alike;
  apart[1].place = 21;
  CHECK(shares_of(alike, {alike[0]}, {0}) == Shares{{2'000}, {2}});
  CHECK(!shares_of(apart, {alike[0]}, {0}));
  // Drafts do not stand in the order of what they come from.
  CHECK(!shares_of(three(), three(), {1, 0}));
}
}  // namespace tocsin::tests
