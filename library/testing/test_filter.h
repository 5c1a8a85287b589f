/// Which embedded tests are asked for.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::library {
/// Filters on `RULE TITLE`, the rule's name and the test's title with a space between them. A
/// filter is a text that stands somewhere in it, or, where it has a `*` (anything) or `?` (one
/// character), a shape that all of it has. Several filters: any of them. None: every test.
class TestFilter {
 public:
  explicit TestFilter(std::vector<std::string> filters);
  /// Notes which filters the test fits.
  bool takes(std::string_view rule, std::string_view title);
  /// Those that no test has fitted so far, in the order given.
  std::vector<std::string> unused() const;
  bool has_filters() const { return !filters_.empty(); }

 private:
  struct Filter {
    std::string text;
    std::size_t taken = 0;
  };
  std::vector<Filter> filters_;
};
/// Whether all of `text` has the shape; `?` is one code point, of what is no UTF-8 one byte.
bool has_shape(std::string_view text, std::string_view shape);
}  // namespace tocsin::library
