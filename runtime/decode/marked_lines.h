/// What is known of many lines of one buffer at once: their separators, and, of those whose form is
/// not known, their JSON structure. For lines of some hundred bytes half of the time of simdjson's
/// first stage is its begin and end.
///
/// A piece of whole lines is scanned as if it were one text. Where that succeeds, each line in it
/// has just the marks that a scan of its own would give: a string that a line does not close would
/// hold a raw line feed, which the scan refuses, and nothing else reaches from one line into the
/// next. Where it fails, the lines of that piece are scanned one by one, so that a bad line costs
/// its neighbours nothing but time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/decode/json_structure.h"
#include "runtime/decode/line_form.h"
#include "runtime/decode/separators.h"

namespace tocsin::runtime {
/// Bytes that must be readable after each line given to the decoder.
inline constexpr std::size_t kLinePadding = 64;
/// Threading: one caller at a time.
class MarkedLines {
 public:
  /// Lines of `text` will be asked for, most often in order. It stays as it is until the next
  /// begin().
  void begin(std::string_view text);
  /// The line that begins at `at`, with its separators where they are known: it is in the text, has
  /// its line feed, and no line near it is bad. Valid until the next call for a line that lies
  /// elsewhere.
  SeparatedLine separated(const char* at) {
    const bool is_next =
        place_.of != nullptr && at == place_.text + place_.begin() && !is_past(place_);
    return is_next ? place_ : find_place(at);
  }
  /// Whether no line of those whose separators are known begins here.
  bool is_past(const SeparatedLine& place) const { return place.before + 1 == separators_.end(); }
  /// The line that is next to be asked for begins here, among those of the line asked for last.
  void separated_up_to(const SeparatedLine& next) { place_ = next; }
  /// Marks from the line's first one on: those of later lines follow, up to the end of the piece.
  /// The offsets count from JsonMarks::text. Without a begin where the line is to be scanned by
  /// itself: it is not in the text, or its piece has no structure. Valid until the next call for a
  /// line that lies elsewhere.
  JsonMarks of(std::string_view line) {
    if (!is_in(piece_, line)) mark_piece(line);
    if (!is_marked_) return {};
    asked_ += line.size() + 1;
    const JsonMarks& marks = scanner_.marks();
    const auto offset = static_cast<std::uint32_t>(line.data() - piece_.data());
    if (*next_ < offset || (next_ != marks.begin && next_[-1] >= offset)) find_first(offset);
    return {marks.text, next_, marks.end};
  }
  /// The line asked for last had its last mark before this one: of() is then ready for the next.
  void ended_at(const std::uint32_t* mark) { next_ = mark; }
  /// The line asked for last was no good: those of its piece are to be scanned by themselves, or
  /// each bad one might be gone through up to the piece's end.
  void give_up() { is_marked_ = false; }

 private:
  // The text and its marks stay in the first-level cache. A line that is longer is a piece.
  static constexpr std::size_t kPieceBytesMax = std::size_t{16} << 10;
  static constexpr std::size_t kPieceBytesMin = 256;
  static bool is_in(std::string_view text, std::string_view line) {
    return line.data() >= text.data() && line.data() + line.size() <= text.data() + text.size();
  }
  std::string_view whole_lines(const char* at, std::size_t bytes) const;
  void mark_piece(std::string_view line);
  void find_first(std::uint32_t offset);
  SeparatedLine find_place(const char* at);

  std::string_view text_;
  const char* lines_end_ = nullptr;  // of those that have their line feed
  // The piece whose separators were looked for last.
  std::string_view separated_;
  bool is_separated_ = false;
  SeparatedLine place_;  // in it, of the line that is next to be asked for
  Separators separators_;
  // The piece that was marked last.
  std::string_view piece_;
  bool is_marked_ = false;
  std::size_t piece_bytes_ = kPieceBytesMin;
  std::size_t asked_ = 0;  // bytes of its lines that were asked for
  const std::uint32_t* next_ = nullptr;
  JsonScanner scanner_;
};
}  // namespace tocsin::runtime
