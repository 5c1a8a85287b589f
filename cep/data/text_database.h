/// Many texts and regular expressions searched for at once: Hyperscan databases, one of literals
/// and one for each 2,048 to 6,144 regular expressions.
///
/// A phrase, in which a space stands for one or more white-space characters, is found by its
/// longest word and confirmed around it; one that ignores case is a regular expression. Regular
/// expressions are Hyperscan's (PCRE syntax without look-around and back-references), over UTF-8:
/// `.` is one character but no line end, `\w \d \s \b` are ASCII's, `i` folds case by Unicode; a
/// match may lie anywhere.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "cep/base/result.h"
#include "cep/data/scan_database.h"

namespace tocsin::cep {
enum class PatternKind : std::uint8_t { kLiteral, kPhrase, kRegex };
struct TextPattern {
  PatternKind kind = PatternKind::kLiteral;
  std::string text;
  bool ignore_case = false;  // kPhrase, kRegex: fold case by Unicode
  /// Every match is reported with the byte at which it begins; else one match is enough.
  bool places = false;
  friend bool operator==(const TextPattern&, const TextPattern&) = default;
};
/// A match of pattern number `pattern`: bytes [begin, end). Both are 0 for one without `places`.
struct TextMatch {
  std::uint32_t pattern = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Immutable; scanning is allowed from any thread.
class TextDatabase {
 public:
  TextDatabase();
  ~TextDatabase();
  TextDatabase(TextDatabase&&) noexcept;
  TextDatabase& operator=(TextDatabase&&) noexcept;
  /// Errors: kInvalidArgument for a regular expression that cannot be searched for, kLimit for a
  /// database of more than `bytes_max` bytes. `cache` may be null.
  static Result<TextDatabase> compile(std::vector<TextPattern> patterns, std::size_t bytes_max,
                                      TextDatabaseCache* cache);
  /// Calls `visit(match)` for the matches in `text`, in no order; a pattern without `places` may be
  /// named more than once. A visit may return whether to go on: the scan ends at the first `false`.
  template <typename Visit>
  void scan(std::string_view text, Visit&& visit) const {
    using Context = std::remove_reference_t<Visit>;
    scan_with(
        text,
        [](void* context, const TextMatch& match) {
          return goes_on(*static_cast<Context*>(context), match);
        },
        &visit);
  }
  /// The same in many texts: calls `visit(i, match)` for the matches in texts[i]. Literals are
  /// searched for in many short texts at once. What `visit` returns counts only for texts that are
  /// scanned alone, each in one go: no more of this text is searched, but the others are.
  template <typename Visit>
  void scan_texts(std::span<const std::string_view> texts, Visit&& visit) const {
    using Context = std::remove_reference_t<Visit>;
    scan_texts_with(
        texts,
        [](void* context, std::size_t text, const TextMatch& match) {
          return goes_on(*static_cast<Context*>(context), text, match);
        },
        &visit);
  }
  /// Whether scan_texts scans a text of so many bytes alone: it would gain nothing from others.
  static constexpr bool is_scanned_alone(std::size_t bytes) { return bytes > 256; }
  const std::vector<TextPattern>& patterns() const;
  std::size_t bytes() const;

 private:
  struct Impl;
  // They return whether to go on.
  using Visitor = bool (*)(void* context, const TextMatch& match);
  using TextsVisitor = bool (*)(void* context, std::size_t text, const TextMatch& match);
  template <typename Visit, typename... Args>
  static bool goes_on(Visit& visit, const Args&... args) {
    if constexpr (std::is_void_v<decltype(visit(args...))>) {
      visit(args...);
      return true;
    } else {
      return visit(args...);
    }
  }
  void scan_with(std::string_view text, Visitor visitor, void* context) const;
  void scan_texts_with(std::span<const std::string_view> texts, TextsVisitor visitor,
                       void* context) const;

  std::unique_ptr<Impl> impl_;
};

/// The patterns without those that are found only where another of them is found too: enough for
/// whoever asks whether any is found, with `words` somewhere with no letter or digit before and
/// after it. Of regular expressions all stay.
std::vector<TextPattern> without_implied(std::vector<TextPattern> patterns, bool words);

/// Why a regular expression cannot be searched for.
struct RegexProblem {
  enum class Kind : std::uint8_t { kUnsupported, kMatchesAll, kTooLong, kTooCostly };
  Kind kind = Kind::kUnsupported;
  std::string message;              // in a few words
  std::optional<std::size_t> byte;  // of the pattern, where it is known
};
struct RegexLimits {
  std::size_t bytes_max = 4'096;
  /// Characters that the expression stands for when its repeats are written out: what an automaton
  /// grows with.
  std::size_t positions_max = 10'000;
  /// Steps of one that `capture` takes a group of: what an event may cost for each character.
  std::size_t steps_max = 1'000;
};
/// Nothing for a regular expression that TextDatabase takes.
std::optional<RegexProblem> check_regex(std::string_view regex, bool ignore_case,
                                        const RegexLimits& limits = {});

/// Whether `text` holds `what`, and whether somewhere with no letter or digit before and after.
bool contains_text(std::string_view text, std::string_view what);
bool contains_word(std::string_view text, std::string_view what);
/// Whether [begin, end) of `text` has no letter or digit before and after it.
bool is_word(std::string_view text, std::size_t begin, std::size_t end);
/// The phrase with the white space at its ends cut off and one space for each stretch inside.
std::string trimmed_phrase(std::string_view phrase);
}  // namespace tocsin::cep
