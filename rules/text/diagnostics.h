/// Diagnostics: what the author of a rule is told. Codes live in rules/text/diagnostics.def, each
/// once.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::rules {
/// A byte range of one file of a SourceMap, half open.
struct SourceSpan {
  std::uint32_t file = 0;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};
/// The texts that spans point into. Files keep their index.
class SourceMap {
 public:
  /// Adds a file; returns its index.
  std::uint32_t add(std::string path, std::string text);
  const std::string& path(std::uint32_t file) const;
  std::string_view text(std::uint32_t file) const;
  std::size_t size() const { return files_.size(); }
  /// 1-based line and column (code points) of a byte.
  struct Place {
    std::uint32_t line = 1;
    std::uint32_t column = 1;
  };
  Place place(std::uint32_t file, std::uint32_t byte) const;
  /// The line's text without its end.
  std::string_view line_text(std::uint32_t file, std::uint32_t line) const;

 private:
  struct File {
    std::string path;
    std::string text;
    std::vector<std::uint32_t> line_starts;
    std::vector<std::uint32_t> code_points;  // that begin before each kBlock-th byte
  };
  // Code points of `file` that begin before `byte`.
  std::uint32_t code_points_before(std::uint32_t file, std::uint32_t byte) const;

  std::vector<std::shared_ptr<const File>> files_;
};
enum class Level : std::uint8_t { kError, kWarning };
/// Each code once: E0201 is Code::kE0201; warnings have names.
enum class Code : std::uint16_t {
#define TOCSIN_ERROR(code, title) k##code,
#define TOCSIN_WARNING(code, name, title) k##code,
#include "rules/text/diagnostics.def"
#undef TOCSIN_ERROR
#undef TOCSIN_WARNING
};
struct Label {
  SourceSpan span;
  std::string text;  // may be empty
};
/// A sure fix: replace the span by the text.
struct Edit {
  SourceSpan span;
  std::string text;
};
struct Diagnostic {
  Code code;
  std::string message;        // lower case, no full stop, code in backticks
  Label primary;              // `^`
  std::vector<Label> labels;  // `-`
  std::vector<std::string> notes;
  std::vector<std::string> helps;
  std::optional<Edit> edit;
};
Level level_of(Code code);
/// "E0201", or a warning's name.
std::string_view code_name(Code code);
/// Collects; one run reports all.
class DiagnosticSink {
 public:
  void report(Diagnostic diagnostic) { diagnostics_.push_back(std::move(diagnostic)); }
  bool has_errors() const;
  /// Sorted by file and place, stable; leaves the sink empty.
  std::vector<Diagnostic> take();

 private:
  std::vector<Diagnostic> diagnostics_;
};
/// As a terminal shows it (style.md's form), with ANSI colours on request; ends with a blank line.
std::string render(const SourceMap& sources, const Diagnostic& diagnostic, bool colour = false);
/// One JSON object on one line, without its end: code, level, message, file, line, column,
/// end_line, end_column (half open), label (of the primary), labels, notes, helps, edit (null where
/// none).
std::string render_json(const SourceMap& sources, const Diagnostic& diagnostic);
}  // namespace tocsin::rules
