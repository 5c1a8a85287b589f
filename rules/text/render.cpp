// How a diagnostic looks: for people with the line and carets under the words, for editors as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cep/value/value.h"
#include "rules/text/diagnostics.h"
#include "rules/text/utf8.h"

namespace tocsin::rules {
namespace {
constexpr std::size_t kTabStop = 4;
constexpr std::size_t kLineWidthMax = 110;  // longer lines are cut around the caret
constexpr std::size_t kContextWidth = 30;   // shown before the caret in a line that is cut
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// How many cells a terminal gives to a code point: marks none, East Asian wide and emoji two.
std::size_t cells(char32_t c) {
  const auto in = [c](char32_t low, char32_t high) { return c >= low && c <= high; };
  if (in(0x300, 0x36F) || in(0x200B, 0x200F) || in(0xFE00, 0xFE0F)) return 0;
  const bool wide = in(0x1100, 0x115F) || in(0x2E80, 0x303E) || in(0x3041, 0xA4CF) ||
                    in(0xAC00, 0xD7A3) || in(0xF900, 0xFAFF) || in(0xFE30, 0xFE6F) ||
                    in(0xFF00, 0xFF60) || in(0xFFE0, 0xFFE6) || in(0x1F300, 0x1F64F) ||
                    in(0x1F900, 0x1F9FF) || in(0x20000, 0x3FFFD);
  return wide ? 2 : 1;
}

// A line as shown: tabs expanded, what a terminal would act on replaced; `cell_of[i]` is the cell
// of byte i of the line, the last entry its width.
struct ShownLine {
  std::vector<std::string> pieces;  // one for each code point
  std::vector<std::size_t> widths;
  std::vector<std::size_t> cell_of;
};
ShownLine show(std::string_view line) {
  ShownLine shown;
  std::size_t cell = 0;
  for (std::size_t at = 0; at < line.size();) {
    const CodePoint point = code_point_at(line, at);
    std::string piece(point.valid ? line.substr(at, point.bytes) : kReplacement);
    std::size_t width = cells(point.value);
    if (point.value == '\t') {
      width = kTabStop - cell % kTabStop;
      piece.assign(width, ' ');
    } else if (point.value < 0x20 || (point.value >= 0x7F && point.value < 0xA0) ||
               (point.value >= 0x202A && point.value <= 0x202E) ||
               (point.value >= 0x2066 && point.value <= 0x2069)) {
      piece = kReplacement;
      width = 1;
    } else if (point.value == 0xFEFF) {
      piece.clear();
      width = 0;
    }
    for (std::size_t i = 0; i < point.bytes; ++i) shown.cell_of.push_back(cell);
    shown.pieces.push_back(std::move(piece));
    shown.widths.push_back(width);
    cell += width;
    at += point.bytes;
  }
  shown.cell_of.push_back(cell);
  return shown;
}

// A label on one line, in cells of that line, half open.
struct Mark {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool primary = false;
  std::string text;
};

struct Style {
  bool colour = false;
  std::string_view level;  // of the level and its caret
  std::string paint(std::string_view code, std::string_view text) const {
    if (!colour || text.empty()) return std::string(text);
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
  }
  std::string gutter(std::string_view text) const { return paint("1;34", text); }
  std::string mark(bool primary, std::string_view text) const {
    return paint(primary ? level : "1;34", text);
  }
};

// The marks that can be seen together when the line is cut around the first of `marks`; the others
// stay.
struct Cut {
  std::size_t from = 0;
  std::size_t to = 0;
};
Cut cut_around(const Mark& mark, const std::vector<Mark>& marks, std::size_t width) {
  if (width <= kLineWidthMax) return {0, width};
  std::size_t from = mark.begin;
  std::size_t to = std::min(mark.end, mark.begin + kLineWidthMax / 2);
  for (const Mark& other : marks) {  // widen as far as all still fits
    const std::size_t low = std::min(from, other.begin);
    const std::size_t high = std::max(to, other.end);
    if (high - low <= kLineWidthMax - kContextWidth) {
      from = low;
      to = high;
    }
  }
  from -= std::min(from, kContextWidth);
  to = std::min(width, from + kLineWidthMax);
  if (to - from < kLineWidthMax) from = to - std::min(to, kLineWidthMax);
  return {from, to};
}

class Renderer {
 public:
  Renderer(const SourceMap& sources, const Diagnostic& diagnostic, bool colour)
      : sources_(sources), diagnostic_(diagnostic) {
    style_.colour = colour;
    style_.level = level_of(diagnostic.code) == Level::kError ? "1;31" : "1;33";
  }

  std::string run() {
    const bool error = level_of(diagnostic_.code) == Level::kError;
    out_ += style_.paint(style_.level, fmt::format("{}[{}]", error ? "error" : "warning",
                                                   code_name(diagnostic_.code)));
    out_ += style_.paint("1", ": " + diagnostic_.message);
    out_ += '\n';

    // Files in the order in which they are named, the primary's first; in a file, lines in order.
    add(diagnostic_.primary, true);
    for (const Label& label : diagnostic_.labels) add(label, false);
    std::uint32_t line_max = 1;
    for (const Block& block : blocks_) {
      if (!block.lines.empty()) line_max = std::max(line_max, block.lines.rbegin()->first.line);
    }
    gutter_ = std::to_string(line_max).size();
    for (std::size_t i = 0; i < blocks_.size(); ++i) write_block(blocks_[i], i == 0);

    if (!diagnostic_.notes.empty() || !diagnostic_.helps.empty()) bar();
    for (const std::string& note : diagnostic_.notes) equals(note);
    for (const std::string& help : diagnostic_.helps)
      equals(style_.paint("1;36", "help") + ": " + help);
    out_ += '\n';
    return std::move(out_);
  }

 private:
  // A line, or what is near of a very long one.
  struct Piece {
    std::uint32_t line = 1;
    std::uint32_t begin = 0;  // bytes of the file
    std::uint32_t end = 0;
    friend auto operator<=>(const Piece&, const Piece&) = default;
  };
  struct Block {
    std::uint32_t file = 0;
    SourceSpan first;
    std::map<Piece, std::vector<Mark>> lines;
  };

  void add(const Label& label, bool primary) {
    if (label.span.file >= sources_.size()) return;
    const auto found = std::ranges::find(blocks_, label.span.file, &Block::file);
    Block& block = found != blocks_.end() ? *found : blocks_.emplace_back();
    if (block.lines.empty()) {
      block.file = label.span.file;
      block.first = label.span;
    }
    const Piece piece = piece_at(label.span.file, label.span.begin);
    const ShownLine shown = show(text_of(label.span.file, piece));
    const auto cell = [&](std::uint32_t byte) {
      return shown.cell_of[std::clamp(byte, piece.begin, piece.end) - piece.begin];
    };
    Mark mark{cell(label.span.begin), cell(std::max(label.span.begin, label.span.end)), primary,
              label.text};
    if (mark.end <= mark.begin) mark.end = mark.begin + 1;
    block.lines[piece].push_back(std::move(mark));
  }

  std::string_view text_of(std::uint32_t file, const Piece& piece) const {
    return sources_.text(file).substr(piece.begin, piece.end - piece.begin);
  }
  Piece piece_at(std::uint32_t file, std::uint32_t byte) const {
    constexpr std::size_t kShort = 8192;
    const std::uint32_t line = sources_.place(file, byte).line;
    const std::string_view text = sources_.line_text(file, line);
    const auto begin = static_cast<std::uint32_t>(text.data() - sources_.text(file).data());
    if (text.size() <= kShort)
      return {line, begin, begin + static_cast<std::uint32_t>(text.size())};
    // Two marks in one stretch of half that size are shown together.
    const std::size_t at = std::min<std::size_t>(std::max(byte, begin) - begin, text.size());
    std::size_t from = at / (kShort / 2) * (kShort / 2);
    from -= std::min(from, kShort / 4);
    std::size_t to = std::min(text.size(), from + kShort);
    const auto inside = [&](std::size_t i) {
      return (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U;
    };
    for (int i = 0; i < 3 && from < at && inside(from); ++i) ++from;
    for (int i = 0; i < 3 && to < text.size() && to > at && inside(to); ++i) --to;
    return {line, begin + static_cast<std::uint32_t>(from), begin + static_cast<std::uint32_t>(to)};
  }

  void bar() { out_ += style_.gutter(std::string(gutter_ + 1, ' ') + "|") + "\n"; }
  void equals(std::string_view text) {
    out_ += style_.gutter(std::string(gutter_ + 1, ' ') + "=");
    out_ += ' ';
    // Further lines of a note stand under its first.
    for (const char c : text) {
      out_ += c;
      if (c == '\n') out_ += std::string(gutter_ + 3, ' ');
    }
    out_ += '\n';
  }

  void write_block(const Block& block, bool first) {
    const SourceMap::Place place = sources_.place(block.file, block.first.begin);
    out_ += style_.gutter(std::string(gutter_, ' ') + (first ? "--> " : "::: "));
    out_ += fmt::format("{}:{}:{}\n", sources_.path(block.file), place.line, place.column);
    if (sources_.text(block.file).empty()) return;  // also of a file that cannot be read
    bar();
    std::uint32_t last = 0;
    for (const auto& [piece, marks] : block.lines) {
      if (last != 0 && piece.line > last + 1) out_ += style_.gutter("...") + "\n";
      last = piece.line;
      write_line(block.file, piece, marks);
    }
  }

  void write_line(std::uint32_t file, const Piece& piece, std::vector<Mark> marks) {
    const ShownLine shown = show(text_of(file, piece));
    const std::size_t width =
        std::max(shown.cell_of.back(), std::ranges::max(marks, {}, &Mark::end).end);
    std::ranges::stable_sort(marks,
                             [](const Mark& a, const Mark& b) { return a.primary && !b.primary; });
    while (!marks.empty()) {  // a line longer than the cut is shown once for each group of marks
                              // that fits
      const Cut cut = cut_around(marks.front(), marks, width);
      std::vector<Mark> here, rest;
      for (Mark& mark : marks) {
        const bool seen = mark.primary || (mark.begin >= cut.from && mark.end <= cut.to) ||
                          &mark == &marks.front();
        (seen ? here : rest).push_back(std::move(mark));
      }
      write_cut(shown, piece.line, cut, width, std::move(here));
      marks = std::move(rest);
    }
  }

  void write_cut(const ShownLine& shown, std::uint32_t line, Cut cut, std::size_t width,
                 std::vector<Mark> marks) {
    std::string text;
    std::size_t cell = 0;
    if (cut.from > 0) text += "… ";
    for (std::size_t i = 0; i < shown.pieces.size(); ++i) {
      if (cell >= cut.from && cell + shown.widths[i] <= cut.to) text += shown.pieces[i];
      // Half of a wide character at the edge leaves a blank.
      else if (cell < cut.from && cell + shown.widths[i] > cut.from)
        text += ' ';
      cell += shown.widths[i];
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    if (cut.to < width) text += " …";
    const std::size_t shift = cut.from > 0 ? 2 : 0;
    for (Mark& mark : marks) {
      mark.begin = std::max(mark.begin, cut.from) - cut.from + shift;
      mark.end = std::max(std::min(mark.end, cut.to) - cut.from + shift, mark.begin + 1);
    }
    out_ += style_.gutter(fmt::format("{:>{}} |", line, gutter_));
    out_ += text.empty() ? "\n" : " " + text + "\n";
    write_marks(std::move(marks));
  }

  // One line of `^` and `-`, with the text of the rightmost; then the others' texts, each under its
  // mark.
  void write_marks(std::vector<Mark> marks) {
    std::size_t end = 0;
    for (const Mark& mark : marks) end = std::max(end, mark.end);
    std::string row(end, ' ');
    for (const bool primary : {false, true}) {
      for (const Mark& mark : marks) {
        if (mark.primary == primary) {
          std::fill(row.begin() + static_cast<std::ptrdiff_t>(mark.begin),
                    row.begin() + static_cast<std::ptrdiff_t>(mark.end), primary ? '^' : '-');
        }
      }
    }
    std::erase_if(marks, [](const Mark& mark) { return mark.text.empty(); });
    std::ranges::stable_sort(marks, [](const Mark& a, const Mark& b) { return a.begin < b.begin; });
    const std::string lead = style_.gutter(std::string(gutter_ + 1, ' ') + "|") + " ";
    out_ += lead;
    for (std::size_t i = 0; i < row.size();) {
      std::size_t j = i;
      while (j < row.size() && row[j] == row[i]) ++j;
      const std::string run = row.substr(i, j - i);
      out_ += row[i] == ' ' ? run : style_.mark(row[i] == '^', run);
      i = j;
    }
    // Beside the marks stands the text of the last one, when nothing is to the right of it.
    if (!marks.empty() && marks.back().end == end) {
      out_ += " " + style_.mark(marks.back().primary, marks.back().text);
      marks.pop_back();
    }
    out_ += '\n';
    while (!marks.empty()) {
      out_ += lead;
      std::size_t cell = 0;
      for (std::size_t i = 0; i + 1 < marks.size(); ++i) {
        if (marks[i].begin < cell || marks[i].begin >= marks.back().begin) continue;
        out_ += std::string(marks[i].begin - cell, ' ') + style_.mark(marks[i].primary, "|");
        cell = marks[i].begin + 1;
      }
      out_ += std::string(marks.back().begin - cell, ' ');
      out_ += style_.mark(marks.back().primary, marks.back().text) + "\n";
      marks.pop_back();
    }
  }

  const SourceMap& sources_;
  const Diagnostic& diagnostic_;
  Style style_;
  std::vector<Block> blocks_;
  std::size_t gutter_ = 1;
  std::string out_;
};

// JSON text must be UTF-8 whatever the file's bytes are.
void append_string(std::string& out, std::string_view text) {
  std::string clean;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    clean += point.valid ? text.substr(at, point.bytes) : kReplacement;
    at += point.bytes;
  }
  cep::append_json_string(out, clean);
}

void append_span(std::string& out, const SourceMap& sources, const SourceSpan& span) {
  out += "\"file\":";
  append_string(out, span.file < sources.size() ? sources.path(span.file) : std::string());
  SourceMap::Place begin, end;
  if (span.file < sources.size()) {
    begin = sources.place(span.file, span.begin);
    end = sources.place(span.file, std::max(span.begin, span.end));
  }
  out += fmt::format(",\"line\":{},\"column\":{},\"end_line\":{},\"end_column\":{}", begin.line,
                     begin.column, end.line, end.column);
}

void append_strings(std::string& out, std::string_view name,
                    const std::vector<std::string>& texts) {
  out += fmt::format(",\"{}\":[", name);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out += ',';
    append_string(out, texts[i]);
  }
  out += ']';
}
}  // namespace

std::string render(const SourceMap& sources, const Diagnostic& diagnostic, bool colour) {
  return Renderer(sources, diagnostic, colour).run();
}

std::string render_json(const SourceMap& sources, const Diagnostic& diagnostic) {
  std::string out =
      fmt::format("{{\"code\":\"{}\",\"level\":\"{}\",\"message\":", code_name(diagnostic.code),
                  level_of(diagnostic.code) == Level::kError ? "error" : "warning");
  append_string(out, diagnostic.message);
  out += ',';
  append_span(out, sources, diagnostic.primary.span);
  out += ",\"label\":";
  append_string(out, diagnostic.primary.text);
  out += ",\"labels\":[";
  for (std::size_t i = 0; i < diagnostic.labels.size(); ++i) {
    out += i > 0 ? ",{" : "{";
    append_span(out, sources, diagnostic.labels[i].span);
    out += ",\"text\":";
    append_string(out, diagnostic.labels[i].text);
    out += '}';
  }
  out += ']';
  append_strings(out, "notes", diagnostic.notes);
  append_strings(out, "helps", diagnostic.helps);
  out += ",\"edit\":";
  if (diagnostic.edit) {
    out += '{';
    append_span(out, sources, diagnostic.edit->span);
    out += ",\"text\":";
    append_string(out, diagnostic.edit->text);
    out += '}';
  } else {
    out += "null";
  }
  out += '}';
  return out;
}
}  // namespace tocsin::rules
