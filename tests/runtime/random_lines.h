/// Random lines of input for event_plan(): most as a program writes them, some as nobody should.
#pragma once
#include <cstdint>
#include <string>

#include "tests/support/random.h"

namespace tocsin::tests {
/// Changes one place of a line in which all strings are closed, so that they still are. What it
/// says is most often no longer JSON.
void change_between_strings(Random& random, std::string& line);

/// Lines of one writer, who writes each type's keys in one order, white space and all. Half of the
/// writers are careful: their strings are closed and their text is UTF-8, whatever else is wrong,
/// and most of their lines have one form.
class RandomLines {
 public:
  explicit RandomLines(Random& random);
  /// The next line, without its end. Times mostly ascend from a plausible one on.
  std::string next();
  /// Lines with their ends, of either kind, and blank ones; the last may lack its end.
  std::string text(std::size_t lines);

 private:
  std::string event();
  std::string value(const std::string& key);
  std::string number();
  std::string string_text();
  std::string long_text();
  std::string more_fields();
  void mutate(std::string& line);
  // As Random::chance(), of what careful writers seldom do.
  bool slips(std::size_t percent) {
    return random_.chance(percent) && (!is_careful_ || random_.chance(10));
  }

  Random& random_;
  bool is_careful_;
  std::string comma_;
  std::string colon_;
  bool is_type_first_;
  std::size_t others_;  // how often lines are of types that are not declared, beside 95 others
  std::int64_t now_;
};
}  // namespace tocsin::tests
