#include "library/testing/test_filter.h"

#include <fmt/format.h>

#include <utility>

#include "rules/text/utf8.h"

namespace tocsin::library {
TestFilter::TestFilter(std::vector<std::string> filters) {
  for (std::string& filter : filters) filters_.push_back({std::move(filter), 0});
}

bool TestFilter::takes(std::string_view rule, std::string_view title) {
  if (filters_.empty()) return true;
  const std::string name = fmt::format("{} {}", rule, title);
  bool taken = false;
  for (Filter& filter : filters_) {
    const bool is_shape = filter.text.find_first_of("*?") != std::string::npos;
    const bool fits =
        is_shape ? has_shape(name, filter.text) : name.find(filter.text) != std::string::npos;
    if (!fits) continue;
    ++filter.taken;
    taken = true;
  }
  return taken;
}

std::vector<std::string> TestFilter::unused() const {
  std::vector<std::string> texts;
  for (const Filter& filter : filters_) {
    if (filter.taken == 0) texts.push_back(filter.text);
  }
  return texts;
}

// Goes back to the last `*` alone, which may take one character more: time is the product of the
// lengths.
bool has_shape(std::string_view text, std::string_view shape) {
  std::size_t t = 0;
  std::size_t s = 0;
  std::size_t star = std::string_view::npos;
  std::size_t taken_up_to = 0;
  while (t < text.size()) {
    if (s < shape.size() && shape[s] == '*') {
      star = s++;
      taken_up_to = t;
    } else if (s < shape.size() && shape[s] == '?') {
      t += rules::code_point_at(text, t).bytes;
      ++s;
    } else if (s < shape.size() && shape[s] == text[t]) {
      ++t;
      ++s;
    } else if (star != std::string_view::npos) {
      taken_up_to += rules::code_point_at(text, taken_up_to).bytes;
      t = taken_up_to;
      s = star + 1;
    } else {
      return false;
    }
  }
  while (s < shape.size() && shape[s] == '*') ++s;
  return s == shape.size();
}
}  // namespace tocsin::library
