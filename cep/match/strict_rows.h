/// Groups of strict rules at rows as most are: all that a row asks of the key's last events is a
/// few comparisons of words, it completes no match, and what is kept of it takes the place of what
/// no partial match reaches any more. The group is laid out flat for that, its predicates as bits
/// of a row's mask. StrictMatcher takes every other row.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cep/alert/current_row.h"
#include "cep/compile/program.h"
#include "cep/record/engine_stats.h"
#include "cep/record/event_capture.h"
#include "cep/record/key_record.h"

namespace tocsin::cep {
/// Invariant: where it takes a row, the record, the count of partial matches and what follows are
/// those that StrictMatcher::on_event() would leave.
class StrictRows {
 public:
  /// The most events before the current one that a group keeps here.
  static constexpr std::uint32_t kDepthMax = 3;
  /// Nothing for a group that has to be matched in another way: longer rules, and predicates that
  /// are not bits of a row's mask.
  static std::optional<StrictRows> of(const ProgramImpl& program, const StrictGroup& group);

  /// Offers the row to the group. False where it was not taken; nothing has changed then.
  bool take(CurrentRow& row, EventCapture& capture, EngineStats& stats) const;

 private:
  // By step; those of steps that no rule has are 0.
  using Masks = std::array<std::uint32_t, kDepthMax + 1>;
  struct Bit {
    std::uint32_t word = 0;
    std::uint64_t bit = 0;
    bool is_set(const std::uint64_t* words) const { return (words[word] & bit) != 0; }
  };
  struct Take {
    Bit predicate;
    Masks rules{};
  };
  // The current event and those before it, the latest first.
  struct Events {
    std::array<const std::uint64_t*, kDepthMax + 1> words{};  // of their fields
    std::array<std::uint16_t, kDepthMax + 1> types{};
    std::array<std::int64_t, kDepthMax + 1> times_us{};
  };
  enum class Answer : std::uint8_t { kPass, kFail, kUnsure };

  explicit StrictRows(const StrictGroup& group) : group_(&group) {}
  static bool read(const WordTerm& term, std::uint32_t back, const Events& events,
                   std::int64_t& out);
  bool read_pair(std::uint32_t pair, const Events& events, std::int64_t& left,
                 std::int64_t& right) const;
  Answer answer(const StrictGroup::Test& test, std::int64_t left, std::int64_t right) const;
  bool climb(const StrictStep::Ladder& ladder, const Events& events, std::uint32_t& rules) const;
  bool pass(const StrictStep& step, const Events& events, std::uint32_t& rules) const;
  static bool find_events(const std::byte* record, const Offset* events, std::uint32_t reached,
                          Events& out);
  bool keep(CurrentRow& row, const EventCapture& capture, Offset state, const Masks& alive) const;

  const StrictGroup* group_;
  std::uint32_t op_ = 0;
  Bit considered_;
  std::vector<Take> takes_;
};
}  // namespace tocsin::cep
