#include "runtime/event_time/unknown_type.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <utility>

#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kNameMax = 64;  // a longer name has no near one

char lowered(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// The letters that a name has, whatever their case, as bits; several may share one.
std::uint64_t letters_of(std::string_view name) {
  std::uint64_t letters = 0;
  for (const char c : name) letters |= std::uint64_t{1} << (static_cast<unsigned>(lowered(c)) % 64);
  return letters;
}

// Whether it surely takes more edits than `limit` to make one name of the other, by their letters
// alone: an edit brings one in at most, and takes one away at most.
bool differ_in_letters(std::uint64_t a, std::uint64_t b, std::size_t limit) {
  return static_cast<std::size_t>(std::popcount(a & ~b)) > limit ||
         static_cast<std::size_t>(std::popcount(b & ~a)) > limit;
}

// Letters to insert, leave out, replace or swap with the next until a is b, whatever their case;
// at most `limit` + 1. Looks at the band of that width around the diagonal alone, and no further
// than where two rows are beyond the limit.
std::size_t edits(std::string_view a, std::string_view b, std::size_t limit) {
  const std::size_t longer = std::max(a.size(), b.size());
  const std::size_t shorter = std::min(a.size(), b.size());
  const std::size_t most = limit + 1;
  if (longer > kNameMax || longer - shorter > limit) return most;
  using Row = std::array<std::size_t, kNameMax + 2>;  // beside the band stands `most`
  std::array<Row, 3> rows{};
  Row* before = &rows[0];
  Row* last = &rows[1];
  Row* row = &rows[2];
  for (std::size_t j = 0; j <= limit + 1; ++j) (*last)[j] = j;
  std::size_t least_of_last = 0;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    const std::size_t begin = i > limit ? i - limit : 1;
    const std::size_t end = std::min(b.size(), i + limit);
    (*row)[begin - 1] = begin == 1 ? std::min(i, most) : most;
    (*row)[end + 1] = most;
    std::size_t least = (*row)[begin - 1];
    for (std::size_t j = begin; j <= end; ++j) {
      const bool same = lowered(a[i - 1]) == lowered(b[j - 1]);
      std::size_t& to = (*row)[j];
      to = std::min({(*last)[j] + 1, (*row)[j - 1] + 1, (*last)[j - 1] + (same ? 0U : 1U), most});
      const bool swapped = i > 1 && j > 1 && lowered(a[i - 1]) == lowered(b[j - 2]) &&
                           lowered(a[i - 2]) == lowered(b[j - 1]);
      if (swapped) to = std::min(to, (*before)[j - 2] + 1);
      least = std::min(least, to);
    }
    if (least > limit && least_of_last > limit) return most;
    least_of_last = least;
    Row* const oldest = std::exchange(before, std::exchange(last, row));
    row = oldest;
  }
  return (*last)[b.size()];
}
}  // namespace

UnknownTypeReasons::UnknownTypeReasons(const cep::Plan& plan) {
  for (const cep::EventType& declared : plan.event_types) {
    if (declared.json_type.empty()) continue;  // an alert never comes from outside
    declared_.push_back({declared.json_type, declared.name, letters_of(declared.json_type)});
  }
}

// Empty where none is near.
std::string_view UnknownTypeReasons::nearest(std::string_view type) const {
  const std::size_t allowed = type.size() <= 4 ? 1 : 2;
  const std::size_t limit = std::min(allowed, type.size() / 2);
  const std::uint64_t letters = letters_of(type);
  std::string_view best;
  std::size_t best_edits = limit + 1;
  for (const Declared& declared : declared_) {
    std::size_t needed = limit + 1;
    if (declared.type != declared.name && declared.name == type) {
      needed = 0;
    } else if (!differ_in_letters(letters, declared.letters, limit)) {
      needed = edits(type, declared.type, limit);
    }
    if (needed >= best_edits) continue;
    best = declared.type;
    best_edits = needed;
  }
  return best;
}

std::string UnknownTypeReasons::of(std::string_view type) const {
  const std::string_view near = nearest(type);
  const std::string question =
      near.empty() ? std::string() : fmt::format(" (did you mean `{}`?)", near);
  return fmt::format(
      "{}`{}`{}: declare it, or let events of other types pass by: unknown-types ignore",
      kUnknownType, type, question);
}
}  // namespace tocsin::runtime
