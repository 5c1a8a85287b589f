#include "cep/engine/state_targets.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace tocsin::cep {
namespace {
// A part, and the table that it is in.
struct Place {
  std::uint32_t table = 0;
  std::uint32_t part = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};
struct Match {
  Place from;
  bool keeps_state = true;
  bool keeps_suppression = true;
};
using Matches = std::map<Place, Match>;  // by part of this program

const StatePart& part_at(const StateLayout& layout, Place place) {
  return layout.tables[place.table].parts[place.part];
}
std::vector<Place> parts_of(const StateLayout& layout) {
  std::vector<Place> places;
  for (std::uint32_t t = 0; t < layout.tables.size(); ++t) {
    for (std::uint32_t p = 0; p < layout.tables[t].parts.size(); ++p) places.push_back({t, p});
  }
  return places;
}
bool holds_back(const StatePart& part) {
  return part.kind == StateKind::kRuns || part.kind == StateKind::kPattern;
}

std::string text_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
std::string what_is_kept(const StatePart& part) {
  return std::string(1, static_cast<char>(part.kind)) + (part.is_rule ? 'r' : 'f') +
         text_of(part.state);
}

// Which written part each part of this program continues. A written part serves at most one; among
// several with the same meaning, the one of the same name is preferred.
Matches match_parts(const StateLayout& written, const StateLayout& own) {
  Matches matches;
  std::set<Place> taken;
  // `name_of` says what has to be equal; empty: nothing is.
  const auto match_all = [&](auto&& name_of, bool keeps_state) {
    std::map<std::string, std::vector<Place>> free;  // the first one last
    const std::vector<Place> places = parts_of(written);
    for (std::size_t i = places.size(); i-- > 0;) {
      if (!taken.contains(places[i])) {
        free[name_of(part_at(written, places[i]))].push_back(places[i]);
      }
    }
    for (const Place place : parts_of(own)) {
      const std::string name = name_of(part_at(own, place));
      if (matches.contains(place) || name.empty() || free[name].empty()) continue;
      const Place from = free[name].back();
      free[name].pop_back();
      taken.insert(from);
      const bool same_suppression =
          part_at(written, from).suppression == part_at(own, place).suppression;
      matches[place] = {from, keeps_state, same_suppression};
    }
  };
  match_all([](const StatePart& part) { return what_is_kept(part) + part.name; }, true);
  match_all(what_is_kept, true);
  // A rule's suppression continues even if its pattern has changed.
  match_all(
      [](const StatePart& part) {
        return part.is_rule && holds_back(part) ? text_of(part.suppression) : std::string();
      },
      false);
  return matches;
}

// The operators of this program's parts, by table.
std::vector<std::vector<PartTarget>> targets_of_parts(const ProgramImpl& program) {
  std::vector<std::vector<PartTarget>> all;
  for (const TableProgram& table : program.tables) {
    std::vector<PartTarget>& targets = all.emplace_back();
    const std::vector<std::vector<std::uint32_t>> parts = parts_of_operators(table, program);
    for (std::uint32_t op = 0; op < parts.size(); ++op) {
      for (std::uint32_t place = 0; place < parts[op].size(); ++place) {
        if (targets.size() <= parts[op][place]) targets.resize(parts[op][place] + std::size_t{1});
        targets[parts[op][place]].op = op + 1;
        targets[parts[op][place]].place = place;
      }
    }
  }
  return all;
}

TableTarget empty_target(const StateTable& written, const ProgramImpl& program,
                         const TableProgram& table) {
  TableTarget target;
  target.written = &written;
  target.parts.resize(written.parts.size());
  target.events = targets_of_events(written.events, program, table);
  return target;
}

void report_on(const StateLayout& written, const StateLayout& own, const Matches& matches,
               const Matches& past, RestoreReport& report) {
  for (const bool rules : {true, false}) {
    std::vector<Place> places;
    for (const Place place : parts_of(own)) {
      if (part_at(own, place).is_rule == rules) places.push_back(place);
    }
    std::sort(places.begin(), places.end(),
              [&](Place a, Place b) { return part_at(own, a).index < part_at(own, b).index; });
    for (const Place place : places) {
      RestoreReport::Line line;
      line.is_rule = rules;
      line.name = part_at(own, place).name;
      const auto match = matches.find(place);
      const bool is_kept = match != matches.end() && match->second.keeps_state;
      line.fate = is_kept                ? RestoreReport::Fate::kKept
                  : past.contains(place) ? RestoreReport::Fate::kReplayed
                                         : RestoreReport::Fate::kStarted;
      line.suppression_lost = is_kept && !match->second.keeps_suppression;
      report.lines.push_back(std::move(line));
    }
  }
  std::set<Place> kept;
  for (const auto& [place, match] : matches) {
    if (match.keeps_state) kept.insert(match.from);
  }
  for (const Place place : parts_of(written)) {
    if (kept.contains(place)) continue;
    report.lines.push_back({part_at(written, place).is_rule, part_at(written, place).name,
                            RestoreReport::Fate::kLost});
  }
}
StateTargets targets_of(const Matches& matches, const StateLayout& written, const StateLayout& own,
                        const ProgramImpl& program) {
  StateTargets targets;
  targets.tables.resize(written.tables.size());
  const std::vector<std::vector<PartTarget>> operators = targets_of_parts(program);
  for (const auto& one : matches) {
    const Place place = one.first;
    const Match& match = one.second;
    const StatePart& part = part_at(own, place);
    if (part.kind == StateKind::kNone) continue;
    const StatePart& from = part_at(written, match.from);
    auto& takers = targets.tables[match.from.table];
    auto taker = std::find_if(takers.begin(), takers.end(), [&](const auto& candidate) {
      return candidate.first == place.table;
    });
    if (taker == takers.end()) {
      takers.emplace_back(place.table, empty_target(written.tables[match.from.table], program,
                                                    program.tables[place.table]));
      taker = takers.end() - 1;
    }
    PartTarget& target = taker->second.parts[match.from.part];
    target = operators[place.table][place.part];
    target.keeps_state = match.keeps_state;
    target.keeps_suppression = match.keeps_suppression;
    for (const Digest& value : from.values) {
      const auto found = std::find(part.values.begin(), part.values.end(), value);
      target.values.push_back(found == part.values.end()
                                  ? PartTarget::kNone
                                  : static_cast<std::uint32_t>(found - part.values.begin()));
    }
  }
  targets.values.assign(written.values.size(), StateTargets::kNone);
  return targets;
}

void take_values(const StateLayout& written, const StateLayout& own, StateTargets& targets) {
  for (std::size_t i = 0; i < written.values.size(); ++i) {
    const ValueTable& value = written.values[i];
    const auto found =
        std::find_if(own.values.begin(), own.values.end(), [&](const ValueTable& candidate) {
          return candidate.at_most == value.at_most && candidate.suppression == value.suppression;
        });
    if (found == own.values.end()) continue;
    targets.values[i] = static_cast<std::uint32_t>(found - own.values.begin());
  }
}

bool are_same(const StateLayout& a, const StateLayout& b) {
  std::string bytes_of_a;
  std::string bytes_of_b;
  ByteWriter write_a(bytes_of_a);
  ByteWriter write_b(bytes_of_b);
  a.write(write_a);
  b.write(write_b);
  return bytes_of_a == bytes_of_b;
}
}  // namespace

StateTargets make_targets(const StateLayout& written, const StateLayout& own,
                          const ProgramImpl& program) {
  const Matches matches = match_parts(written, own);
  StateTargets targets = targets_of(matches, written, own, program);
  take_values(written, own, targets);
  targets.report.is_same_program = are_same(written, own);
  report_on(written, own, matches, {}, targets.report);
  return targets;
}

TargetsOfTwo make_targets(const StateLayout& last, const StateLayout& past, const StateLayout& own,
                          const ProgramImpl& program) {
  Matches of_last = match_parts(last, own);
  Matches of_past;
  for (auto& [place, match] : match_parts(past, own)) {
    const auto kept = of_last.find(place);
    if (!match.keeps_state || (kept != of_last.end() && kept->second.keeps_state)) continue;
    if (kept != of_last.end()) of_last.erase(kept);  // the suppression alone
    of_past[place] = {match.from, true, false};
  }
  TargetsOfTwo targets{targets_of(of_last, last, own, program),
                       targets_of(of_past, past, own, program)};
  take_values(last, own, targets.last);
  std::set<std::pair<std::uint32_t, std::uint32_t>> of_last_operators;  // tables and operators
  for (StateTargets* const of_one : {&targets.last, &targets.past}) {
    for (auto& takers : of_one->tables) {
      for (auto& [table, target] : takers) {
        target.is_of_past = of_one == &targets.past;
        for (const PartTarget& part : target.parts) {
          if (part.op == 0) continue;
          if (!target.is_of_past) {
            of_last_operators.emplace(table, part.op);
          } else if (of_last_operators.contains({table, part.op})) {
            targets.last.report.joins_states = true;
          }
        }
      }
    }
  }
  targets.last.report.is_same_program = of_past.empty() && are_same(last, own);
  report_on(last, own, of_last, of_past, targets.last.report);
  return targets;
}
}  // namespace tocsin::cep
