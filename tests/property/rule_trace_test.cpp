// What a trace says of a key is what the oracle finds: alerts are those of the rule; a step that is
// told to be taken, refused, ended or expired belongs to a partial match that the oracle has then;
// and a condition that is told to be false is.
#include "cep/diagnose/rule_trace.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "cep/engine/engine.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "tests/support/engine_run.h"
#include "tests/support/oracle.h"
#include "tests/support/oracle_expr.h"
#include "tests/support/oracle_match.h"
#include "tests/support/oracle_rule.h"
#include "tests/support/oracle_world.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"

namespace tocsin::tests {
namespace {
using cep::TraceNote;
using Kind = cep::TraceNote::Kind;
// Positions with the variables that took them.
using Sequence = std::vector<std::pair<oracle::Position, cep::VarIndex>>;

Sequence sequence_of(const oracle::Match& match) {
  Sequence sequence;
  for (const oracle::Taken& taken : match) sequence.emplace_back(taken.position, taken.var);
  return sequence;
}

// "$0 at 3, $1 at 5".
std::string sequence_text(const Sequence& sequence) {
  std::string text;
  for (const auto& [position, var] : sequence) {
    text += fmt::format("{}${} at {}", text.empty() ? "" : ", ", var.value, position);
  }
  return text;
}

bool has_alert_types(const cep::Plan& plan) {
  return std::ranges::any_of(plan.event_types, &cep::EventType::is_alert);
}
bool has_roles(const cep::Rule& rule) {
  return std::ranges::any_of(rule.key.parts, [](const cep::KeyPart& part) {
    return std::ranges::any_of(part.members, [](const auto& m) { return !m.role.empty(); });
  });
}
// Whether matches that gave an alert end others.
bool consumes(const cep::Rule& rule) {
  return rule.selection.kind != cep::SelectionKind::kDefault &&
         rule.selection.kind != cep::SelectionKind::kNoSkip;
}

struct TraceCounts {
  std::map<Kind, std::size_t> notes;
  std::size_t conditions = 0, values = 0;
  std::size_t taken = 0, not_told = 0;  // steps that the oracle took; of them, without a note
};

// One rule and one key of it, as the oracle sees them.
class KeyCase {
 public:
  KeyCase(const cep::Plan& plan, const oracle::World& world, cep::RuleIndex rule, std::string key)
      : plan_(plan), world_(world), rule_(plan.rules[rule.value]), key_(std::move(key)) {
    for (oracle::Position at = 0; at < world.rows().size(); ++at) {
      const auto [place, is_new] = positions_.try_emplace(
          std::tuple(world.row(at).type, world.row(at).ts, oracle::identity_of(world, at).bytes),
          at);
      if (!is_new) place->second = std::nullopt;  // an id that repeats
    }
  }

  void check(const std::vector<cep::TracedMoment>& moments, TraceCounts& counts) {
    const oracle::Pattern pattern(world_, rule_);
    std::vector<oracle::Way> ways;
    auto moment = moments.begin();
    for (oracle::Position at = 0; at < world_.rows().size(); ++at) {
      const oracle::Row& row = world_.row(at);
      for (const oracle::KeyAt& key : world_.keys_of(rule_.key, at)) {
        if (key.bytes != key_) continue;
        if (world_.subset_of(rule_.considered, at, key.roles) == nullptr) continue;
        for (; moment != moments.end() && moment->moment.time <= row.engine_time &&
               moment->moment.phase == cep::Phase::kTimer;
             ++moment) {
          check_deadline(*moment, ways, counts);
        }
        std::erase_if(ways, [&](const oracle::Way& way) {
          return way.limit && *way.limit <= row.engine_time;
        });
        const std::vector<oracle::Way> before = ways;
        const std::vector<oracle::Match> matches = pattern.offer(ways, {at, key.roles});
        std::set<Sequence> taken;
        for (const oracle::Way& way : ways) {
          if (way.taken.back().position == at) taken.insert(sequence_of(way.taken));
        }
        for (const oracle::Match& match : matches) {
          if (match.back().position == at) taken.insert(sequence_of(match));
        }
        const bool is_told = moment != moments.end() &&
                             moment->moment.phase == cep::Phase::kEvent &&
                             moment->moment.time == row.engine_time && is_at(*moment, at);
        check_event(is_told ? &*moment : nullptr, at, before, taken, counts);
        if (is_told) ++moment;
      }
    }
  }

 private:
  bool is_at(const cep::TracedMoment& moment, oracle::Position at) const {
    return moment.event && position(*moment.event) == at;
  }
  std::optional<oracle::Position> position(const cep::SeenEvent& event) const {
    const auto found = positions_.find(std::tuple(event.type, event.ts, event.identity));
    return found == positions_.end() ? std::nullopt : found->second;
  }
  // Nothing where it cannot be told which events these are.
  std::optional<Sequence> sequence_of_note(const TraceNote& note) const {
    if (note.events_more != 0) return std::nullopt;
    Sequence sequence;
    for (const cep::TracedEvent& event : note.events) {
      const auto at = position(event.event);
      if (!at) return std::nullopt;
      sequence.emplace_back(*at, event.var);
    }
    return sequence;
  }
  static bool has(const std::vector<oracle::Way>& ways, const Sequence& sequence) {
    return std::ranges::any_of(
        ways, [&](const oracle::Way& way) { return sequence_of(way.taken) == sequence; });
  }

  void check_deadline(const cep::TracedMoment& moment, const std::vector<oracle::Way>& ways,
                      TraceCounts& counts) const {
    for (const TraceNote& note : moment.notes) {
      ++counts.notes[note.kind];
      if (note.kind != Kind::kExpired) continue;
      const auto sequence = sequence_of_note(note);
      if (!sequence) continue;
      const bool has_ended = std::ranges::any_of(ways, [&](const oracle::Way& way) {
        return sequence_of(way.taken) == *sequence && way.limit == moment.moment.time;
      });
      CAPTURE(sequence_text(*sequence));
      CAPTURE(cep::format_time(moment.moment.time));
      std::string known;
      for (const oracle::Way& way : ways) {
        known += fmt::format("{} until {}; ", sequence_text(sequence_of(way.taken)),
                             way.limit ? cep::format_time(*way.limit) : "ever");
      }
      CAPTURE(known);
      CHECK(has_ended);
    }
  }

  void check_event(const cep::TracedMoment* moment, oracle::Position at,
                   const std::vector<oracle::Way>& before, const std::set<Sequence>& taken,
                   TraceCounts& counts) const {
    std::set<cep::VarIndex> told;
    if (moment != nullptr) {
      for (const TraceNote& note : moment->notes) {
        ++counts.notes[note.kind];
        if (note.kind == Kind::kAlert) continue;
        const auto sequence = sequence_of_note(note);
        if (!sequence) continue;
        CAPTURE(static_cast<int>(note.kind));
        CAPTURE(at);
        CAPTURE(sequence_text(*sequence));
        std::string known;
        for (const oracle::Way& way : before) known += sequence_text(sequence_of(way.taken)) + "; ";
        CAPTURE(known);
        if (note.kind == Kind::kTaken || note.kind == Kind::kNoAlert) {
          // `no next` is decided by the event after the last one taken.
          const bool is_before = note.kind == Kind::kNoAlert && sequence->back().first != at;
          CHECK((is_before || taken.contains(*sequence)));
          if (!sequence->empty()) told.insert(sequence->back().second);
        } else {
          const bool is_too_late = !note.hindrances.empty() &&
                                   note.hindrances.front().kind == cep::Hindrance::Kind::kGap;
          CHECK((sequence->empty() || is_too_late || has(before, *sequence)));
        }
        if (note.kind == Kind::kRefused) check_conditions(note, *sequence, at, counts);
      }
    }
    for (const Sequence& sequence : taken) {
      ++counts.taken;
      if (!told.contains(sequence.back().second)) ++counts.not_told;
    }
  }

  void check_conditions(const TraceNote& note, const Sequence& before, oracle::Position at,
                        TraceCounts& counts) const {
    std::vector<oracle::Taken> taken;
    for (const auto& [position, var] : before) taken.push_back({position, var, ""});
    taken.push_back({at, note.step->var(), ""});
    for (const cep::Hindrance& hindrance : note.hindrances) {
      if (!hindrance.condition) continue;
      oracle::Context context{world_, at};
      if (hindrance.kind == cep::Hindrance::Kind::kWhere) {
        context.rule = &rule_;
        context.taken = &taken;
        context.own = note.step->var();
      }
      const cep::Value truth = oracle::evaluate(*hindrance.condition, context);
      CAPTURE(cep::describe(plan_, *hindrance.condition));
      CHECK_FALSE(truth.is_true());
      CHECK(truth.is_missing() == hindrance.unknown);
      ++counts.conditions;
      for (const cep::SeenValue& seen : hindrance.values) {
        const cep::Value value = oracle::evaluate(*seen.expr, context);
        CHECK(cep::to_text(oracle::as_kept(value)) ==
              cep::to_text(oracle::as_kept(seen.value.view())));
        ++counts.values;
      }
    }
  }

  const cep::Plan& plan_;
  const oracle::World& world_;
  const cep::Rule& rule_;
  std::string key_;
  std::map<std::tuple<cep::EventTypeIndex, cep::EventTime, std::string>,
           std::optional<oracle::Position>>
      positions_;
};

// The alerts that a trace tells of, and those of the rule without it.
void check_alerts(const std::vector<cep::TracedMoment>& moments, cep::RuleIndex rule,
                  const std::vector<cep::OwnedValue>& key, const std::vector<cep::Alert>& alerts) {
  std::vector<std::string> told, raised;
  for (const cep::TracedMoment& moment : moments) {
    for (const TraceNote& note : moment.notes) {
      if (note.kind == Kind::kAlert) told.push_back(note.alert);
    }
  }
  for (const cep::Alert& alert : alerts) {
    const bool is_of_key = !alert.budget && alert.rule == rule &&
                           std::ranges::equal(alert.key, key, [](const auto& a, const auto& b) {
                             return cep::same_value(a.view(), b.view());
                           });
    if (is_of_key) raised.push_back(cep::alert_id(alert.digest));
  }
  CAPTURE(fmt::format("told {}, raised {}", fmt::join(told, " "), fmt::join(raised, " ")));
  CHECK(told == raised);
}
}  // namespace

TEST_CASE("rule trace: what is told of a key is what the oracle finds") {
  TraceCounts counts;
  for_all_seeds("RULE_TRACE", 300, [&](Random& random) {
    const cep::Plan plan = random_language_plan(random);
    const std::vector<oracle::PlacedEvent> events = oracle::place_events(
        plan, random_events(random, plan, {.count_min = 5, .count_max = 25, .crowds = 0}), {});
    const auto shared = std::make_shared<const cep::Plan>(plan);
    const Result<cep::Program> program = cep::compile(shared);
    if (!program || has_alert_types(plan)) return;
    constexpr Cut kWhole{10'000, 0x5eed, false};
    const std::vector<cep::Alert> alerts = run_engine(*program, events, cep::kEventTimeMax, kWhole);
    oracle::World world(plan, 1'000'000);
    std::vector<oracle::Row> rows;
    for (const oracle::PlacedEvent& event : events) {
      oracle::Row row;
      row.number = rows.size();
      row.type = event.type;
      row.engine_time = event.engine_time;
      row.ts = event.ts;
      row.fields = event.fields;
      row.equal_number = event.equal_number;
      row.arrival = event.arrival;
      rows.push_back(std::move(row));
    }
    world.add_rows(std::move(rows));
    for (std::size_t i = 0; i < plan.rules.size(); ++i) {
      const cep::Rule& rule = plan.rules[i];
      std::map<std::string, std::vector<cep::OwnedValue>> keys;
      for (oracle::Position at = 0; at < world.rows().size(); ++at) {
        for (const oracle::KeyAt& key : world.keys_of(rule.key, at)) {
          std::vector<cep::OwnedValue>& values = keys[key.bytes];
          values.clear();
          for (const cep::Value& part : key.parts) values.emplace_back(part);
        }
      }
      for (const auto& [bytes, values] : keys) {
        Result<cep::RuleTracer> tracer = cep::RuleTracer::of(shared, {{cep::RuleIndex(i), values}});
        REQUIRE(tracer.has_value());
        const Result<cep::Program> traced = cep::compile(tracer->plan());
        if (!traced) FAIL_CHECK(traced.error().message << '\n' << cep::describe(plan));
        if (!traced) return;
        tracer->take(run_engine(*traced, events, cep::kEventTimeMax, kWhole));
        const std::vector<cep::TracedMoment> moments = tracer->give(cep::kEventTimeMax);
        CAPTURE(cep::describe(plan));
        CAPTURE(events_text(plan, events));
        CAPTURE(i);
        check_alerts(moments, cep::RuleIndex(i), values, alerts);
        if (rule.window || has_roles(rule) || consumes(rule)) continue;
        KeyCase(plan, world, cep::RuleIndex(i), bytes).check(moments, counts);
      }
    }
  });
  for (const auto& [kind, count] : counts.notes) MESSAGE(static_cast<int>(kind) << ": " << count);
  MESSAGE(counts.conditions << " conditions and " << counts.values
                            << " values asked of the oracle; " << counts.not_told << " of "
                            << counts.taken << " steps taken are not told");
  // Optional steps, and events of loops beyond the least count, are told with what follows.
  if (counts.taken > 500) CHECK(3 * counts.not_told < counts.taken);
  if (counts.taken > 500) CHECK(counts.conditions > 100);
  if (counts.taken > 500) CHECK(counts.notes[Kind::kInterrupted] > 10);
  if (counts.taken > 500) CHECK(counts.notes[Kind::kExpired] > 10);
}
}  // namespace tocsin::tests
