// What kinds of state a checkpoint has, from its entries, read as the decision record draws them.
#include <algorithm>
#include <string>

#include "cep/aggregate/quantile.h"
#include "cep/base/byte_codec.h"
#include "cep/compile/plan_digest.h"
#include "cep/plan/feature.h"
#include "cep/plan/rule.h"
#include "cep/record/key_record.h"
#include "cep/value/short_text.h"
#include "runtime/event_time/intake.h"
#include "runtime/node/list_changes.h"
#include "runtime/node/node_state.h"
#include "runtime/store/state_store.h"
#include "tests/state/entry_reader.h"
#include "tests/state/kind_names.h"
#include "tests/state/state_kinds.h"

namespace tocsin::tests {
namespace {
class StateCounter {
 public:
  StateCounter(const StateFile& state, KindCounts& kinds)
      : state_(state),
        program_(state.rules.rules.program->impl()),
        digests_(cep::digests(program_)),
        kinds_(kinds) {}

  Result<void> count() {
    for (const auto& [key, value] : state_.bytes.entries) {
      if (!count_entry(runtime::parse_store_key(key), value)) {
        return fail(Errc::kCorrupt,
                    state_.directory + ": an entry is not as it is drawn: key " + key);
      }
    }
    return count_globals();
  }

 private:
  bool count_entry(const cep::StateKey& key, std::string_view value) {
    const std::size_t tables = state_.layout.tables.size();
    if (key.table >= tables) {
      const cep::ValueTable& values = state_.layout.values.at(key.table - tables);
      count_suppression(rule_of(values.name), value, !values.at_most, values.at_most, " by values");
      return true;
    }
    const cep::StateTable& table = state_.layout.tables[key.table];
    Entry entry;
    if (!read_entry(table, value, entry)) return false;
    for (const EntryEvent& event : entry.events) count_event(table.events[event.type], event);
    for (const EntryBlock& block : entry.blocks) {
      const cep::StatePart& part = table.parts[block.part];
      const bool is_read = part.is_rule ? count_rule(part, block) : count_feature(part, block);
      if (!is_read) return false;
    }
    return true;
  }

  void count_event(const cep::StateEvents& type, const EntryEvent& event) {
    add("event/apart from its own time", event.has_ts);
    add("event/identity", type.keeps_identity);
    add("event/role", event.roles != 0);
    add("event/of an alert", event.arrival.after > 0);
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      const EntryEvent::Field& field = event.fields[i];
      add("event/missing field", !field.is_known);
      if (!field.is_known) continue;
      add("event/long text", field.text_bytes > cep::kShortTextMax);
      add("event/step value", type.fields[i].name.starts_with('$'));
      add_named("field", name_of_declared_type(type.fields[i].kind));
    }
  }

  // ---- features

  bool count_feature(const cep::StatePart& part, const EntryBlock& block) {
    const auto found =
        std::ranges::find_if(program_.features, [&](const cep::FeatureProgram& feature) {
          return digests_.features[feature.index.value] == part.state;
        });
    if (found == program_.features.end() || block.state.empty()) return false;
    const cep::FeatureProgram& program = *found;
    const cep::Feature& feature = *program.feature;
    add_named("state", name_of_state(part.kind));
    add_named("operator", name_of_operator(program.is_shared ? cep::OperatorKind::kGroup
                                                             : cep::OperatorKind::kFeature));
    if (program.is_shared) add_named("operator", name_of_operator(cep::OperatorKind::kRing));
    add_named("window", name_of_window(feature.window.kind()));
    add("window form/" + form_of(program));
    add("window form/takes all", feature.takes_all());
    count_accumulator(program, block.state);
    return true;
  }
  static std::string form_of(const cep::FeatureProgram& program) {
    const cep::Feature& feature = *program.feature;
    if (program.is_shared) return feature.argument ? "shared ring with sums" : "shared ring";
    if (program.in_ring) return "ring";
    if (feature.window.every()) return "panes";
    switch (feature.window.kind()) {
      case cep::WindowKind::kLast:
      case cep::WindowKind::kPrevious:
      case cep::WindowKind::kLastEvents:
      case cep::WindowKind::kPreviousEvents:
        return "slides";
      case cep::WindowKind::kCalendar:
        return feature.window.zone()->op == cep::Op::kLiteral ? "grows" : "zone of the row";
      case cep::WindowKind::kTumbling:
      case cep::WindowKind::kSession:
      case cep::WindowKind::kEver:
      case cep::WindowKind::kPreviousEver:
        break;
    }
    return "grows";
  }
  void count_accumulator(const cep::FeatureProgram& program, std::string_view state) {
    const cep::Feature& feature = *program.feature;
    const std::string form = form_of(program);
    const std::string name = std::string("aggregate/") + cep::aggregate_name(feature.aggregate);
    const bool is_kept = form == "grows" || form == "panes";
    if (form == "grows") add(name + " grows");
    if (form == "slides" || program.in_ring) add(name + " slides");
    if (form == "panes") {
      add(name + " panes");
      add(name + " pane");
    }
    add(std::string("sketch/") + cep::aggregate_name(feature.aggregate),
        is_kept && cep::traits_of(feature.aggregate).estimates_many &&
            first_count(state) > cep::kExactValuesMax);
    if (!feature.argument) return;
    const char* const type = name_of_declared_type(feature.argument->type.kind);
    if (form == "slides" || form == "zone of the row") add_named("value in order", type);
    if (!is_kept) return;
    if (feature.aggregate == cep::Aggregate::kDistinct) add_named("value in a set", type);
    if (feature.aggregate == cep::Aggregate::kMode) add_named("value counted", type);
  }

  // ---- rules

  const cep::RuleProgram& rule_of(const std::string& id) const {
    return *std::ranges::find_if(program_.rules,
                                 [&](const cep::RuleProgram& rule) { return rule.rule->id == id; });
  }

  bool count_rule(const cep::StatePart& part, const EntryBlock& block) {
    const cep::RuleProgram& rule = rule_of(part.name);
    if (!block.suppression.empty()) {
      count_suppression(rule, block.suppression, true, true, " by key");
    }
    if (block.state.empty()) return !block.suppression.empty();
    add_named("state", name_of_state(part.kind));
    add_named("method", name_of_method(rule.method));
    const bool is_strict = part.kind == cep::StateKind::kStrict;
    add_named("operator",
              name_of_operator(is_strict ? cep::OperatorKind::kStrict : cep::OperatorKind::kRule));
    add_named("selection", name_of_selection(rule.rule->selection.kind));
    add("matches/prefer latest", rule.rule->selection.prefer_latest);
    if (is_strict) return true;
    MatchesBlock matches;
    const bool is_read =
        part.kind == cep::StateKind::kRuns
            ? read_runs(block.state, part.values.size(), matches)
            : read_pattern(block.state, part.values.size(), rule.pattern->counter_count, matches);
    if (!is_read) return false;
    for (const cep::ValueKind value : matches.values) {
      add_named("value of a match", name_of_value(value));
    }
    add("matches/lost runs", matches.lost_runs > 0);
    if (part.kind == cep::StateKind::kRuns) {
      count_runs(rule, matches);
    } else {
      count_pattern(rule, matches);
    }
    return true;
  }

  void count_runs(const cep::RuleProgram& rule, const MatchesBlock& matches) {
    for (const MatchesBlock::Run& run : matches.runs) {
      add("matches/waits for a step", (run.flags & cep::Run::kWaits) != 0);
      add("matches/collects in a loop", (run.flags & cep::Run::kCollects) != 0);
      add("matches/waits for its deadline", (run.flags & cep::Run::kFinal) != 0);
      add("matches/anchor", run.has_anchor);
    }
    if (matches.rest == 0) return;
    const cep::PlacesProgram& places = *rule.places;
    add("matches/places");
    add("matches/places by value", places.value.has_value());
    add("matches/places compared with the first", places.pair.has_value());
    add("matches/places with a bound on a sum", places.sum.has_value());
    add("matches/places with one loop", places.loops.size() == 1);
    add("matches/places with two loops", places.loops.size() == 2);
    add("matches/places with three loops", places.loops.size() >= 3);
  }

  void count_pattern(const cep::RuleProgram& rule, const MatchesBlock& matches) {
    add("matches/general runs", !matches.runs.empty());
    for (const MatchesBlock::Run& run : matches.runs) {
      add("matches/fresh", run.is_fresh);
      add("matches/end of a gap or deadline", run.has_end);
      add("matches/greedy loop over", run.greedy_over != 0);
      add("matches/counters", run.counters > 0);
      const cep::PatternTransition& transition = rule.pattern->transitions.at(run.transition);
      if (transition.target == cep::PatternTransition::kEnd) {
        add_named("ending", name_of_ending(transition.ending));
      }
    }
    add("matches/complete matches that wait", matches.waiting > 0);
    add("matches/compact automaton", rule.pattern->is_compact && !matches.runs.empty());
    if (matches.has_window) {
      const cep::ClosingWindow& window = *rule.rule->window;
      add("matches/open session", window.is_session());
      add("matches/open unit of the calendar", rule.pattern->window_zone != nullptr);
      add("matches/open tumbling window",
          !window.is_session() && rule.pattern->window_zone == nullptr);
      add("matches/window that no event of its own has set", !matches.is_window_set);
    }
    if (matches.rest == 0) return;
    add("matches/members", rule.members.has_value());
    add("matches/paths", rule.pattern->is_by_paths);
    add("matches/steps in a row",
        rule.pattern->sequence != nullptr && rule.pattern->sequence->method == cep::Method::kRuns);
  }

  void count_suppression(const cep::RuleProgram& rule, std::string_view bytes, bool is_once,
                         bool is_at_most, const std::string& by) {
    const cep::Suppression& clause = rule.rule->suppression;
    for (int bit = 1; bit < 256; bit *= 2) {
      if ((static_cast<unsigned char>(bytes[0]) & bit) == 0) continue;
      add_named("suppression remembers",
                name_of_remembered(static_cast<cep::Remembered::Bit>(bit)));
    }
    const char* const once = name_of_once(clause.kind());
    if (is_once && once != nullptr) add(std::string("suppression/once ") + once + by);
    if (is_at_most && clause.at_most) add("suppression/at most" + by);
  }

  // ---- what is of no key

  Result<void> count_globals() {
    ByteReader from(state_.bytes.engine);
    cep::StateLayout layout;
    layout.read(from);
    from.signed_varint();
    constexpr int kCounts = 7;
    for (int i = 0; i < kCounts; ++i) from.varint();
    const std::uint64_t ids = from.varint();
    for (std::uint64_t i = 0; i < ids && from.ok(); ++i) {
      from.text();
      from.varint();
    }
    const std::uint64_t budgets = from.varint();
    add("globals/ids at the watermark", ids > 0);
    add("globals/budget reported", budgets > 0);
    if (!from.ok()) return fail(Errc::kCorrupt, state_.directory + "/engine is not as it is drawn");
    if (auto counted = count_intake(); !counted) return counted;
    return count_node();
  }

  Result<void> count_intake() {
    runtime::IntakeOptions options = state_.rules.intake;
    options.is_saved = true;
    runtime::RunSummary summary;
    runtime::Intake intake(runtime::UsedEvents::of(*state_.rules.rules.program), options, {},
                           summary, [](cep::Batch&, cep::EventTime) { return Result<void>(); });
    if (auto restored = intake.restore(state_.bytes.intake); !restored) return restored;
    for (std::size_t i = 0; i < intake.source_count(); ++i) {
      const runtime::SourceStatus status = intake.status(i);
      add_named("source", name_of_source_state(status.state));
      add_named("late policy", name_of_late_policy(status.policy.late));
      add("inputs/late_max", status.policy.late_max.has_value());
      add("inputs/held jump", status.held > 0);
    }
    add("inputs/waiting events", intake.waiting_events() > 0);
    add("inputs/unique ids", intake.unique().known() > 0);
    return {};
  }

  Result<void> count_node() {
    const cep::Plan& plan = state_.rules.rules.program->plan();
    runtime::RunSummary summary;
    summary.alerts_by_rule.resize(plan.rules.size());
    const Result<runtime::NodeState> node =
        runtime::NodeState::restore(state_.bytes.node, plan, summary);
    if (!node) return tl::unexpected(node.error());
    for (const runtime::NodeSource& source : node->sources) {
      add_named("source kind", name_of_source_kind(source.kind));
      add("inputs/producer", runtime::is_producer(source));
      add("inputs/file series", source.series && !source.series->done.empty());
    }
    for (const runtime::CheckpointBlob& blob : runtime::entry_blobs(state_.meta.blobs)) {
      add("list change/replace", !blob.role.empty());
    }
    ByteReader lists(node->lists);
    if (node->lists.empty()) return {};
    lists.u8();
    const std::uint64_t count = lists.varint();
    for (std::uint64_t i = 0; i < count && lists.ok(); ++i) count_list(lists, plan);
    return {};
  }
  void count_list(ByteReader& from, const cep::Plan& plan) {
    const bool is_table = from.u8() != 0;
    const std::string_view name = from.text();
    from.text();    // its shape
    from.varint();  // its revision
    if (from.u8() != 0) {
      from.varint();
      from.text();
    }
    from.text();  // what was added
    for (std::uint64_t removed = from.varint(); removed > 0 && from.ok(); --removed) from.text();
    add(is_table ? "inputs/changed table" : "inputs/changed list");
    const auto list = std::ranges::find(plan.lists, name, &cep::List::name);
    if (!is_table && list != plan.lists.end()) {
      add_named("list kind", name_of_list_kind(list->kind));
    }
  }

  void add(const std::string& kind, bool is_there = true) {
    if (is_there) kinds_.add(kind);
  }
  void add_named(const std::string& group, const char* name) {
    if (name != nullptr) kinds_.add(group + "/" + name);
  }

  const StateFile& state_;
  const cep::ProgramImpl& program_;
  cep::PlanDigests digests_;
  KindCounts& kinds_;
};
}  // namespace

Result<void> count_state(const StateFile& state, KindCounts& kinds) {
  return StateCounter(state, kinds).count();
}
}  // namespace tocsin::tests
