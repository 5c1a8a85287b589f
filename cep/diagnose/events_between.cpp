#include "cep/diagnose/events_between.h"

#include <fmt/format.h>

#include <algorithm>

namespace tocsin::cep {
std::string text_of(const DerivedMatch& match, std::size_t leave_out) {
  std::string text;
  for (std::size_t i = 0; i + leave_out < match.events.size(); ++i) {
    const TakenEvent& taken = match.events[i];
    text += fmt::format("{}:{}:{}:", taken.var.value, taken.event.type.value, taken.event.ts.us);
    text += taken.event.identity;
    text += ';';
  }
  for (const OwnedValue& part : match.key) text += '/' + to_text(part.view());
  return text;
}

ByMatch by_match(const Matches& matches) {
  ByMatch found;
  for (const DerivedMatch& match : matches) {
    found[text_of(match, 1)].push_back(&match);
  }
  for (auto& [text, of_text] : found) {
    std::stable_sort(of_text.begin(), of_text.end(),
                     [](const auto* a, const auto* b) { return a->moment < b->moment; });
  }
  return found;
}

const DerivedMatch* first_in(const ByMatch& matches, const std::string& text) {
  const auto found = matches.find(text);
  return found == matches.end() ? nullptr : found->second.front();
}

EventsBetween::EventsBetween(const Questioning& asking, const Insertions& inserted) {
  const auto read = [&](const std::optional<std::size_t>& rule, ByMatch& into) {
    if (rule) into = by_match(asking.answer(*rule));
  };
  read(inserted.considered, considered_);
  read(inserted.without, without_);
  read(inserted.until, until_);
  read(inserted.greedy, greedy_);
  read(inserted.first, first_);
  for (const auto& [absence, rule] : inserted.absences) {
    absences_.emplace_back(absence, by_match(asking.answer(rule)));
  }
}

void EventsBetween::add_hindrances(const Rule& rule, const PatternStage& stage,
                                   const DerivedMatch& match, bool completes,
                                   std::vector<Hindrance>& hindrances) const {
  if (match.events.size() < 2) return;
  const std::string text = text_of(match, 1);
  const EventTime at = match.events.back().event.ts;
  const auto too_long = [&](Hindrance::Kind kind, EventTime since,
                            const std::optional<Duration>& limit) {
    if (!limit || at - since < *limit) return;
    Hindrance hindrance;
    hindrance.kind = kind;
    hindrance.took = at - since;
    hindrance.limit = *limit;
    hindrances.push_back(std::move(hindrance));
  };
  too_long(Hindrance::Kind::kGap, match.events[match.events.size() - 2].event.ts, stage.gap);
  std::optional<Duration> within = rule.within;
  if (rule.without && rule.without->absent_for) within = rule.without->absent_for;
  too_long(Hindrance::Kind::kWithin, match.events.front().event.ts, within);
  const auto came = [&](Hindrance::Kind kind, const DerivedMatch* inside, bool may_be_it,
                        const std::vector<Subset>* kinds) {
    if (inside == nullptr || inside->moment > match.moment) return;
    if (inside->moment == match.moment && !may_be_it) return;
    Hindrance hindrance;
    hindrance.kind = kind;
    hindrance.kinds = kinds;
    hindrance.between = inside->events.back().event;
    hindrances.push_back(std::move(hindrance));
  };
  const DerivedMatch* const next = first_in(considered_, text);
  if (stage.contiguity == Contiguity::kNext) came(Hindrance::Kind::kNext, next, false, nullptr);
  came(Hindrance::Kind::kFirst, first_in(first_, text), false, nullptr);
  for (const auto& [absence, found] : absences_) {
    const DerivedMatch* const forbidden = first_in(found, text);
    if (absence->is_next()) {
      if (forbidden == nullptr || next == nullptr || forbidden->moment != next->moment) continue;
      came(Hindrance::Kind::kAbsence, forbidden, true, &absence->events());
    } else {
      came(Hindrance::Kind::kAbsence, forbidden, !completes, &absence->events());
    }
  }
  if (rule.without) {
    came(Hindrance::Kind::kWithout, first_in(without_, text), !completes, &rule.without->events);
  }
  came(Hindrance::Kind::kUntil, first_in(until_, text), true, &stage.next->until_events());
  if (stage.greedy != nullptr) {
    came(Hindrance::Kind::kGreedy, first_in(greedy_, text), true, &stage.greedy->events());
  }
}
}  // namespace tocsin::cep
