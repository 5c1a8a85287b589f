/// What the stages of a job send to each other, by exchange: who reads what of whom.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/base/index.h"
#include "cep/compile/compile.h"

namespace tocsin::cep {
struct SpreadStage {
  enum class Kind : std::uint8_t { kFront, kPass, kHold, kAlerts };
  Kind kind = Kind::kFront;
  std::uint32_t pass = 0;  // 0 of kFront and kAlerts
  friend auto operator<=>(const SpreadStage&, const SpreadStage&) = default;
};
struct SpreadExchange {
  SpreadStage from;
  SpreadStage to;
  struct Rows {
    EventTypeIndex type;        // of events, or of alerts that are taken as events
    std::size_t fields = 0;     // that anything reads
    std::size_t row_bytes = 0;  // about: texts as if they had 12 bytes
  };
  std::vector<Rows> rows;            // ascending by type
  std::vector<FeatureIndex> values;  // features that `to` reads at rows
  std::vector<RuleIndex> marks;      // rules at whose alerts a feature of `to` looks
  std::vector<RuleIndex> matches;    // rules whose matches a hold decides
  bool has_alerts = false;           // raised alerts
};
/// Of a program by pass (compile_by_pass()), ascending by `from`, then `to`; each has something.
std::vector<SpreadExchange> spread_exchanges(const Program& program);
}  // namespace tocsin::cep
