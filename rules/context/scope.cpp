#include "rules/context/scope.h"

#include <fmt/format.h>

#include <algorithm>

#include "rules/context/report.h"

namespace tocsin::rules {
void normalize(EventTypes& types) {
  std::ranges::sort(types);
  types.erase(std::unique(types.begin(), types.end()), types.end());
}

FieldLookup look_up_field(const CheckContext& context, const EventTypes& types, bool types_broken,
                          std::string_view name) {
  FieldLookup found;
  found.field.name = name;
  std::optional<cep::EventTypeIndex> without;
  std::optional<cep::EventTypeIndex> other_type;
  bool unknown = types_broken;
  for (const cep::EventTypeIndex type : types) {
    const EventSymbol& event = context.event_symbol(type);
    const auto symbol = event.fields.find(name);
    if (symbol == event.fields.end()) {
      if (event.may_have(name)) {
        unknown = true;
      } else if (!without) {
        without = type;
      }
      continue;
    }
    if (symbol->second.broken) {
      unknown = true;
      continue;
    }
    const cep::Field& field = context.event_type(type).fields[symbol->second.index.value];
    if (found.field.by_type.empty()) {
      found.type = field.type;
      found.first = type;
      found.declared = symbol->second.tree->name.span;
    } else if (!(field.type == found.type) && !other_type) {
      other_type = type;
    }
    found.field.by_type.emplace_back(type, symbol->second.index);
  }
  if (other_type) {
    found.presence = FieldPresence::kMixed;
    found.without = *other_type;
  } else if (!found.field.by_type.empty() && without) {
    found.presence = FieldPresence::kSomewhere;
    found.without = *without;
  } else if (unknown) {
    found.presence = FieldPresence::kUnknown;
  } else if (without || types.empty()) {
    found.presence = FieldPresence::kNowhere;
  } else {
    found.presence = FieldPresence::kEverywhere;
  }
  return found;
}

Sight sight_of(const PatternPlace& place, const StepSymbol& step) {
  const std::size_t common = std::min(place.enclosures.size(), step.enclosures.size());
  for (std::size_t i = 0; i < common; ++i) {
    const Enclosure& here = place.enclosures[i];
    const Enclosure& there = step.enclosures[i];
    if (here.group != there.group) break;
    if (here.form == Enclosure::Form::kRepeated) return Sight::kSeen;  // of earlier rounds
    if (here.branch == there.branch) continue;
    return here.form == Enclosure::Form::kOneOf ? Sight::kOtherAlternative : Sight::kAnyOrder;
  }
  if (step.one_of) {
    const bool around = std::ranges::any_of(
        place.enclosures, [&](const Enclosure& here) { return here.group == *step.one_of; });
    if (around) return Sight::kLater;
  }
  return step.var.value < place.steps_before ? Sight::kSeen : Sight::kLater;
}

std::string type_name(const CheckContext& context, cep::EventTypeIndex type) {
  const cep::EventType& event = context.event_type(type);
  if (event.alert_of) return "alert " + event.name;
  return event.is_alert() ? "any alert" : event.name;
}

std::string types_text(const CheckContext& context, const EventTypes& types) {
  std::string out;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (i > 0) out += i + 1 == types.size() ? " and " : ", ";
    out += type_name(context, types[i]);
  }
  return out;
}

std::string declared_text(const CheckContext& context, cep::EventTypeIndex type) {
  return fmt::format("{} is declared in {}", type_name(context, type),
                     place_text(context.sources, context.event_symbol(type).tree->name.span));
}
}  // namespace tocsin::rules
