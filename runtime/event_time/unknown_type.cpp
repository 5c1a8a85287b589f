#include "runtime/event_time/unknown_type.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kNameMax = 64;  // a longer name has no near one

char lowered(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// Letters to insert, leave out, replace or swap with the next until a is b, whatever their case;
// at most `limit` + 1. Looks at the band of that width around the diagonal alone.
std::size_t edits(std::string_view a, std::string_view b, std::size_t limit) {
  const std::size_t longer = std::max(a.size(), b.size());
  const std::size_t shorter = std::min(a.size(), b.size());
  const std::size_t most = limit + 1;
  if (longer > kNameMax || longer - shorter > limit) return most;
  std::array<std::size_t, kNameMax + 1> before{};
  std::array<std::size_t, kNameMax + 1> last{};
  std::array<std::size_t, kNameMax + 1> row{};
  last.fill(most);
  for (std::size_t j = 0; j <= std::min(b.size(), limit); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row.fill(most);
    if (i <= limit) row[0] = i;
    const std::size_t begin = i > limit ? i - limit : 1;
    const std::size_t end = std::min(b.size(), i + limit);
    for (std::size_t j = begin; j <= end; ++j) {
      const bool same = lowered(a[i - 1]) == lowered(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0U : 1U), most});
      const bool swapped = i > 1 && j > 1 && lowered(a[i - 1]) == lowered(b[j - 2]) &&
                           lowered(a[i - 2]) == lowered(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.size()];
}

// The declared `type` that is nearest; empty where none is near.
std::string_view nearest_type(const cep::Plan& plan, std::string_view type) {
  const std::size_t allowed = type.size() <= 4 ? 1 : 2;
  const std::size_t limit = std::min(allowed, type.size() / 2);
  std::string_view best;
  std::size_t best_edits = limit + 1;
  for (const cep::EventType& declared : plan.event_types) {
    if (declared.json_type.empty()) continue;  // an alert never comes from outside
    std::size_t needed = edits(type, declared.json_type, limit);
    // The name in the rules where the input's is another.
    if (declared.json_type != declared.name && declared.name == type) needed = 0;
    if (needed >= best_edits) continue;
    best = declared.json_type;
    best_edits = needed;
  }
  return best;
}
}  // namespace

std::string unknown_type_reason(const cep::Plan& plan, std::string_view type) {
  const std::string_view near = nearest_type(plan, type);
  const std::string question =
      near.empty() ? std::string() : fmt::format(" (did you mean `{}`?)", near);
  return fmt::format(
      "{}`{}`{}: declare it, or let events of other types pass by: unknown-types ignore",
      kUnknownType, type, question);
}
}  // namespace tocsin::runtime
