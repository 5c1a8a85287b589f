/// A value that is erased wherever it stands, and the lines that have it.
#pragma once
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace tocsin::runtime {
/// What rules call it, and the value as people write it: `card` and `4711`.
struct ErasedValue {
  std::string name;
  std::string value;
  friend bool operator==(const ErasedValue&, const ErasedValue&) = default;
};
/// Of "card=4711"; nothing for a text without a name or a value.
std::optional<ErasedValue> parse_erased_value(std::string_view text);
/// The contents of a command's blob: `salt`, random, has its digest say nothing of the value.
std::string write_erased_value(const ErasedValue& what, std::string_view salt);
std::optional<ErasedValue> read_erased_value(std::string_view text);

/// The line that stands in place of one that was erased: an event of a type that nobody declares.
inline constexpr std::string_view kErasedLine = R"({"type":"erased"})";

/// Threading: one caller at a time.
class ValueFinder {
 public:
  /// `members`: in which members of a JSON object, at any depth, the value counts.
  ValueFinder(ErasedValue what, std::set<std::string> members);
  ~ValueFinder();
  ValueFinder(ValueFinder&&) noexcept;
  /// Whether a line has the value in one of the members; one that is no JSON, whether it has the
  /// value's text anywhere.
  bool is_in(std::string_view line);
  /// Whether the bytes may have such a line; much faster.
  bool may_be_in(std::string_view bytes) const;
  /// Lines with kErasedLine in place of those that have the value; how many these are is added.
  std::string without(std::string_view lines, std::uint64_t& erased);
  const ErasedValue& what() const { return what_; }

 private:
  struct Parser;
  ErasedValue what_;
  std::set<std::string> members_;
  bool is_number_ = false;
  double number_ = 0;
  std::unique_ptr<Parser> parser_;
};
}  // namespace tocsin::runtime
