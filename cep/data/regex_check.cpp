// Whether a regular expression can be searched for, and at which cost.
#include <fmt/format.h>
#include <hs.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "cep/data/regex_flags.h"
#include "cep/data/text_database.h"

namespace tocsin::cep {
unsigned regex_flags(bool ignore_case) {
  return HS_FLAG_UTF8 | (ignore_case ? HS_FLAG_CASELESS : 0U);
}

namespace {
// How many characters a regular expression stands for when repeats are written out; an estimate
// from above, by its brackets and quantifiers alone.
class PositionCount {
 public:
  explicit PositionCount(std::string_view regex) : regex_(regex) {}
  std::size_t run() {
    std::size_t total = 0;
    while (at_ < regex_.size()) {
      total = sum(total, sequence());
      if (at_ < regex_.size()) ++at_;  // a bracket that nothing opened
    }
    return total;
  }

 private:
  static constexpr std::size_t kMany = std::size_t{1} << 40;
  static std::size_t sum(std::size_t a, std::size_t b) { return std::min(a + b, kMany); }
  static std::size_t product(std::size_t a, std::size_t b) {
    return b != 0 && a > kMany / b ? kMany : a * b;
  }

  // Up to a closing bracket or the end. Without recursion: a stack of sums.
  std::size_t sequence() {
    std::vector<std::size_t> sums = {0};
    while (at_ < regex_.size()) {
      const char c = regex_[at_];
      if (c == '(') {
        ++at_;
        sums.push_back(0);
        continue;
      }
      std::size_t item = 1;
      if (c == ')') {
        if (sums.size() == 1) return sums.back();
        ++at_;
        item = sums.back();
        sums.pop_back();
      } else if (c == '[') {
        skip_class();
      } else if (c == '\\') {
        at_ = std::min(at_ + 2, regex_.size());
      } else {
        ++at_;
      }
      sums.back() = sum(sums.back(), product(item, repeats()));
    }
    std::size_t total = 0;
    for (const std::size_t part : sums) total = sum(total, part);
    return total;
  }
  void skip_class() {
    ++at_;
    if (at_ < regex_.size() && regex_[at_] == '^') ++at_;
    if (at_ < regex_.size() && regex_[at_] == ']') ++at_;
    while (at_ < regex_.size() && regex_[at_] != ']') at_ += regex_[at_] == '\\' ? 2 : 1;
    at_ = std::min(at_ + 1, regex_.size());
  }
  // The most that a quantifier here writes its item out.
  std::size_t repeats() {
    if (at_ >= regex_.size() || regex_[at_] != '{') return 1;
    std::size_t least = 0;
    std::size_t most = 0;
    std::size_t i = at_ + 1;
    const auto number = [&](std::size_t& into) {
      const std::size_t begin = i;
      for (; i < regex_.size() && regex_[i] >= '0' && regex_[i] <= '9'; ++i) {
        into = std::min(into * 10 + static_cast<std::size_t>(regex_[i] - '0'), kMany);
      }
      return i > begin;
    };
    if (!number(least)) return 1;
    most = least;
    if (i < regex_.size() && regex_[i] == ',') {
      ++i;
      most = 0;
      if (!number(most)) most = least;
    }
    if (i >= regex_.size() || regex_[i] != '}') return 1;
    at_ = i + 1;
    return std::max<std::size_t>(std::max(least, most), 1);
  }

  std::string_view regex_;
  std::size_t at_ = 0;
};

// "… at index 7" of Hyperscan's message: the byte, and the message without it.
std::optional<std::size_t> take_index(std::string& message) {
  constexpr std::string_view kAt = " at index ";
  const std::size_t place = message.rfind(kAt);
  if (place == std::string::npos) return std::nullopt;
  std::size_t byte = 0;
  std::size_t i = place + kAt.size();
  const std::size_t begin = i;
  for (; i < message.size() && message[i] >= '0' && message[i] <= '9'; ++i) {
    byte = byte * 10 + static_cast<std::size_t>(message[i] - '0');
  }
  if (i == begin) return std::nullopt;
  message.erase(place, i - place);
  return byte;
}
// Where what Hyperscan does not have begins: look-around and back-references.
std::optional<std::size_t> unsupported_part(std::string_view regex) {
  for (std::size_t i = 0; i + 1 < regex.size(); ++i) {
    if (regex[i] == '\\') {
      if (regex[i + 1] >= '1' && regex[i + 1] <= '9') return i;
      ++i;
      continue;
    }
    const std::string_view rest = regex.substr(i);
    for (const std::string_view begin : {"(?=", "(?!", "(?<=", "(?<!", "(?P=", "(?>"}) {
      if (rest.starts_with(begin)) return i;
    }
  }
  return std::nullopt;
}
}  // namespace

std::optional<RegexProblem> check_regex(std::string_view regex, bool ignore_case,
                                        const RegexLimits& limits) {
  using Kind = RegexProblem::Kind;
  if (regex.size() > limits.bytes_max) {
    return RegexProblem{Kind::kTooLong,
                        fmt::format("{} bytes; at most {}", regex.size(), limits.bytes_max),
                        std::nullopt};
  }
  const std::size_t positions = PositionCount(regex).run();
  if (positions > limits.positions_max) {
    return RegexProblem{
        Kind::kTooCostly,
        fmt::format("it stands for {} characters when its repeats are written out; at most {}",
                    positions, limits.positions_max),
        std::nullopt};
  }
  const std::string text(regex);
  hs_expr_info_t* info = nullptr;
  hs_compile_error_t* error = nullptr;
  const unsigned flags = regex_flags(ignore_case) | HS_FLAG_ALLOWEMPTY;
  const hs_error_t outcome = hs_expression_info(text.c_str(), flags, &info, &error);
  if (outcome != HS_SUCCESS) {
    RegexProblem problem;
    problem.message = error != nullptr ? error->message : "out of memory";
    hs_free_compile_error(error);
    problem.byte = take_index(problem.message);
    if (!problem.byte) problem.byte = unsupported_part(regex);
    while (problem.message.ends_with('.')) problem.message.pop_back();
    if (!problem.message.empty() && problem.message[0] >= 'A' && problem.message[0] <= 'Z') {
      problem.message[0] = static_cast<char>(problem.message[0] + 32);
    }
    return problem;
  }
  const bool may_be_empty = info->min_width == 0;
  std::free(info);
  if (may_be_empty) {
    return RegexProblem{Kind::kMatchesAll, "it can match the empty text", std::nullopt};
  }
  return std::nullopt;
}
}  // namespace tocsin::cep
