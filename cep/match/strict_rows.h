/// Groups of strict rules at rows as most are: all that a row asks of the key's last events is a
/// few comparisons of words, it completes no match, and what is kept of it takes the place of what
/// no partial match reaches any more. The group is laid out flat for that, its predicates as bits
/// of a row's mask. StrictMatcher takes every other row.
#pragma once
#include <array>
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
  bool take(CurrentRow& row, RecordStore& store, EventCapture& capture, EngineStats& stats) {
    switch (group_->depth) {
      case 1:
        return take_at_depth<1>(row, store, capture, stats);
      case 2:
        return take_at_depth<2>(row, store, capture, stats);
      default:
        return take_at_depth<3>(row, store, capture, stats);
    }
  }

 private:
  // By step: rules of the group.
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
  // A side of a comparison: a word of one of the last events, by its type.
  struct Side {
    const std::uint16_t* place_of_type = nullptr;
    std::uint32_t back = 0;  // events before the current one; StrictGroup::Pair::kConstant
    std::int64_t factor = 1;
  };
  // A comparison, and the rules that ask it at a step.
  struct Ask {
    std::uint32_t rules = 0;
    Op op = Op::kEqual;
    bool is_text = false;
    Side left;
    Side right;
  };
  struct Step {
    std::uint32_t asks_more = 0;  // rules that ask what is no such comparison
    std::uint32_t completes = 0;
    std::vector<Ask> asks;
    std::vector<StrictStep::Ladder> ladders;
  };
  // The current event and those before it, the latest first.
  struct Events {
    std::array<const KeptEvent*, kDepthMax + 1> at;
    std::array<const std::uint64_t*, kDepthMax + 1> words;  // of their fields
  };

  explicit StrictRows(const StrictGroup& group) : group_(&group) {}
  Side side_of(const WordTerm& term, std::uint32_t back, std::int64_t factor) const;
  Ask ask_of(const StrictGroup::Test& test, std::uint32_t rules) const;
  template <std::uint32_t kDepth>
  bool take_at_depth(CurrentRow& row, RecordStore& store, EventCapture& capture,
                     EngineStats& stats);
  static bool read(const Side& side, const Events& events, std::int64_t& out);
  bool climb(const StrictStep::Ladder& ladder, const Events& events, std::uint32_t& rules) const;
  bool pass(const Step& step, const Events& events, std::uint32_t& rules) const;
  bool take_first(std::uint32_t rules, CurrentRow& row, RecordStore& store, EventCapture& capture,
                  EngineStats& stats);
  template <std::uint32_t kDepth>
  static bool keep(CurrentRow& row, const EventCapture& capture, Offset state_place,
                   const Masks& alive);

  const StrictGroup* group_;
  std::uint32_t op_ = 0;
  std::uint32_t list_place_ = 0;  // of the operator in most records' lists
  Bit considered_;
  std::vector<Take> takes_;
  std::array<Step, kDepthMax + 1> steps_;
};
}  // namespace tocsin::cep
