/// The body of a request as lines that the node takes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tocsin::api {
/// Lines of events, and where they stood in the body.
struct EventLines {
  std::string text;                    // none blank, each with its line feed
  std::size_t count = 0;               // of them
  std::vector<std::uint64_t> numbers;  // in the body, from 1; empty: they follow one another

  /// The number in the body of the line at `place`, from 0.
  std::uint64_t number_of(std::size_t place) const {
    return numbers.empty() ? place + 1 : numbers[place];
  }
};
/// Leaves out blank lines and a byte order mark, and cuts lines of more than `line_bytes_max` bytes
/// so that they are still too long.
EventLines split_event_lines(std::string body, std::size_t line_bytes_max);
}  // namespace tocsin::api
