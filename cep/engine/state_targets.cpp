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
std::map<Place, Match> match_parts(const StateLayout& written, const StateLayout& own) {
  std::map<Place, Match> matches;
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

void report_on(const StateLayout& written, const StateLayout& own,
               const std::map<Place, Match>& matches, RestoreReport& report) {
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
      line.fate = is_kept ? RestoreReport::Fate::kKept : RestoreReport::Fate::kStarted;
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
}  // namespace

StateTargets make_targets(const StateLayout& written, const StateLayout& own,
                          const ProgramImpl& program) {
  StateTargets targets;
  targets.tables.resize(written.tables.size());
  const std::map<Place, Match> matches = match_parts(written, own);
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
  for (const ValueTable& value : written.values) {
    const auto found =
        std::find_if(own.values.begin(), own.values.end(), [&](const ValueTable& candidate) {
          return candidate.at_most == value.at_most && candidate.suppression == value.suppression;
        });
    targets.values.push_back(found == own.values.end()
                                 ? StateTargets::kNone
                                 : static_cast<std::uint32_t>(found - own.values.begin()));
  }
  std::string written_bytes;
  std::string own_bytes;
  ByteWriter write_written(written_bytes);
  ByteWriter write_own(own_bytes);
  written.write(write_written);
  own.write(write_own);
  targets.report.is_same_program = written_bytes == own_bytes;
  report_on(written, own, matches, targets.report);
  return targets;
}
}  // namespace tocsin::cep
