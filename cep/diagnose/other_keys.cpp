#include "cep/diagnose/other_keys.h"

#include <algorithm>
#include <utility>

#include "cep/plan/plan.h"

namespace tocsin::cep {
namespace {
// The value of a part of the key in an event of the match.
OwnedValue key_value(const Rule& rule, const Rule& keyless, const DerivedMatch& match,
                     std::size_t event, std::uint32_t part) {
  const EventTypeIndex type = match.events[event].event.type;
  for (const KeyMember& member : rule.key.parts[part].members) {
    if (member.type != type) continue;
    for (const Captured& captured : keyless.captured) {
      if (captured.type != type) continue;
      const auto place = std::find(captured.fields.begin(), captured.fields.end(), member.field);
      if (place == captured.fields.end()) continue;
      return match.captured[event][static_cast<std::size_t>(place - captured.fields.begin())];
    }
  }
  return {};
}
}  // namespace

std::vector<OtherKey> other_keys(const Rule& rule, const Rule& keyless, const Matches& matches) {
  const DerivedMatch* best = nullptr;
  std::vector<OtherKey> of_best;
  for (const DerivedMatch& match : matches) {
    std::vector<OtherKey> others;
    for (std::uint32_t part = 0; part < rule.key.parts.size(); ++part) {
      const OwnedValue first = key_value(rule, keyless, match, 0, part);
      for (std::size_t i = 0; i < match.events.size(); ++i) {
        const OwnedValue value = key_value(rule, keyless, match, i, part);
        const bool differs = value.view().is_missing() || !same_value(value.view(), first.view());
        if (!differs) continue;
        others.push_back({part, match.events.front().event, match.events[i].event, first, value});
        break;
      }
    }
    if (others.empty()) continue;
    if (best != nullptr && others.size() >= of_best.size()) continue;
    best = &match;
    of_best = std::move(others);
  }
  return of_best;
}
}  // namespace tocsin::cep
