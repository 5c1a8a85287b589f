#include "rules/context/occurrences.h"

#include <algorithm>
#include <tuple>

#include "rules/context/check_context.h"

namespace tocsin::rules {
namespace {
auto order_of(const Occurrence& occurrence) {
  const SourceSpan& use = occurrence.use;
  const SourceSpan& declared = occurrence.declared;
  return std::tuple(use.file, use.begin, use.end, declared.file, declared.begin, declared.end);
}
bool is_empty(SourceSpan span) { return span.begin == span.end; }
}  // namespace

void note_use(const CheckContext& context, SourceSpan use, SourceSpan declared) {
  if (context.occurrences == nullptr || is_empty(use) || is_empty(declared)) return;
  context.occurrences->push_back({use, declared});
}

void note_field(const CheckContext& context, SourceSpan use, const EventTypes& types,
                std::string_view field) {
  if (context.occurrences == nullptr) return;
  for (const cep::EventTypeIndex type : types) {
    const EventSymbol& event = context.event_symbol(type);
    const auto found = event.fields.find(field);
    if (found != event.fields.end()) note_use(context, use, found->second.tree->name.span);
  }
}

void normalize(std::vector<Occurrence>& occurrences) {
  std::ranges::sort(occurrences, {}, order_of);
  const auto same = [](const Occurrence& a, const Occurrence& b) {
    return order_of(a) == order_of(b);
  };
  occurrences.erase(std::unique(occurrences.begin(), occurrences.end(), same), occurrences.end());
}
}  // namespace tocsin::rules
