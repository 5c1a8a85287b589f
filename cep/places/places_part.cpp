#include "cep/places/places_part.h"

#include <memory>
#include <utility>
#include <vector>

#include "cep/plan/expr.h"

namespace tocsin::cep {
static_assert(PlacesChain::kStepsMax <= ComparedChain::kStepsMax);

PlacesPart make_part(const RuleProgram& rule) {
  PlacesPart part;
  part.places.resize(rule.places->place_count);
  part.loops = std::vector<LoopRecord>(rule.places->loops.size());
  for (std::size_t loop = 0; loop < part.loops.size(); ++loop) {
    std::vector<LoopSeries>& series = part.loops[loop].series;
    series.resize(rule.places->totals[loop].size());
    for (std::size_t i = 0; i < series.size(); ++i) {
      const Expr& aggregate = *rule.places->totals[loop][i];
      const Aggregate kind = aggregate.as_validated<VariableAggregate>().aggregate;
      if (kind == Aggregate::kMin || kind == Aggregate::kMax) {
        series[i].numbers = std::make_unique<RangeLeast>(kind == Aggregate::kMax);
      }
      if (kind == Aggregate::kDistinct) series[i].distinct = std::make_unique<DistinctCount>();
      if (rule.places->sum && rule.places->sum->sum == &aggregate) {
        series[i].ranges = std::make_unique<RangeSums>(rule.steps[rule.places->loops[loop]].min);
      }
    }
  }
  for (std::size_t step = 1; step + 1 < rule.steps.size(); ++step) {
    if (rule.steps[step].has_until) part.lengths = std::make_unique<RangeLeast>(true);
  }
  if (const auto& pair = rule.places->pair) {
    std::vector<FirstBeyond::Side> sides;
    for (const EventComparison& comparison : pair->ordered) {
      const Op op = comparison.op;
      sides.push_back({op == Op::kLess || op == Op::kLessEqual,
                       op == Op::kLessEqual || op == Op::kGreaterEqual});
    }
    if (!sides.empty()) part.compared = std::make_unique<FirstBeyond>(sides);
    if (pair->other) part.others = std::make_unique<FirstOther>();
  }
  if (const auto& chain = rule.places->chain) {
    std::vector<ComparedChain::Step> steps;
    for (const PlacesChain::Step& of : chain->steps) {
      steps.push_back({of.condition != nullptr, of.carried != nullptr,
                       of.op == Op::kGreater || of.op == Op::kGreaterEqual,
                       of.op == Op::kLessEqual || of.op == Op::kGreaterEqual});
    }
    part.chain = std::make_unique<ComparedChain>(std::move(steps));
  }
  return part;
}

void push_length(PlacesPart& part, std::uint32_t first_place, std::uint64_t last) {
  const PlaceEntry& entry = part.places[first_place + 1].ring[last];
  const PlaceEntry& first = part.places[first_place].ring[entry.low];
  part.lengths->push(static_cast<Int128>(entry.taken - first.taken + 1));
}

void skip_full_loops(PlacesPart& part, const RuleProgram& rule, std::uint32_t loop) {
  const std::uint32_t step = rule.places->loops[loop];
  const std::uint64_t most = rule.steps[step].max;
  const Ring<LoopEvent>& taken = part.loops[loop].taken;
  if (most == kUnbounded || taken.empty()) return;
  const std::uint32_t place = rule.places->first_place[step];
  part.places[place + 1].low = part.places[place].ring.first(
      [&](const PlaceEntry& first) { return first.taken + most > taken.end() - 1; });
}

PlacesPart& part_with(PlacesState& state, const RuleProgram& rule, const std::string& value) {
  const auto known = state.by_value.find(value);
  if (known != state.by_value.end()) return known->second;
  const auto at = state.by_value.emplace(value, make_part(rule)).first;
  at->second.value = &at->first;
  return at->second;
}
}  // namespace tocsin::cep
