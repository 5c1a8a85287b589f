#include "rules/text/diagnostics.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "cep/base/assert.h"

namespace tocsin::rules {
namespace {
struct CodeInfo {
  Level level;
  std::string_view code;
  std::string_view name;  // of a warning; the code of an error
};
constexpr CodeInfo kCodes[] = {
#define TOCSIN_ERROR(code, title) {Level::kError, #code, #code},
#define TOCSIN_WARNING(code, name, title) {Level::kWarning, #code, name},
#include "rules/text/diagnostics.def"
#undef TOCSIN_ERROR
#undef TOCSIN_WARNING
};
// What to do wherever the code is reported without a word about it.
struct Remedy {
  Code code;
  const char* text;
};
constexpr Remedy kRemedies[] = {
    {Code::kE0107, "a date is `2027-02-28`, a time `2027-02-28T10:00:00Z`"},
    {Code::kE0108, "write a shorter one"},
    {Code::kE0114, "leave it out"},
    {Code::kE0118, "leave one of them out"},
    {Code::kE0205, "rename one of them, or leave it out"},
    {Code::kE0210, "give each step a name of its own"},
    {Code::kE0211, "a kind is made of event types, or of kinds that are"},
    {Code::kE0212, "make it of fewer kinds; join conditions by `or` inside one `where`"},
    {Code::kE0215, "leave one of them out"},
    {Code::kE0217, "put it after the field that it belongs to, or leave it out"},
    {Code::kE0218, "give each rule an `id` of its own"},
    {Code::kE0219, "write the event type, and the values that make it one of the kind"},
    {Code::kE0221,
     "read it at an event that has the field, or by another: `payments_10m(account)`"},
    {Code::kE0227, "leave one of them out, or correct its key"},
    {Code::kE0306, "give the field one type, or take each event type in a step of its own"},
    {Code::kE0315, "search in a field that is text; numbers are compared: `amount = 9`"},
    {Code::kE0452, "take a longer window, or ask for fewer events"},
    {Code::kE0453, "write `percentile(amount, 95)`"},
    {Code::kE0455, "let one of them do without the other"},
    {Code::kE0457, "name a field of this event, without a step before it"},
    {Code::kW0007, "give the rule another `status`, or leave the test for then"},
    {Code::kW0008, "leave it out, or ask it where it was meant"},
    {Code::kW0036, "leave one of them out, or correct it"},
};
constexpr std::size_t kBlock = 1024;
bool begins_code_point(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }
// What quotes something very long is cut short.
void shorten(std::string& text) {
  constexpr std::size_t kBytesMax = 2000;
  if (text.size() <= kBytesMax) return;
  std::size_t end = kBytesMax;
  while (end > 0 && !begins_code_point(text[end])) --end;
  text.resize(end);
  text += "…";
}
const CodeInfo& info(Code code) { return kCodes[static_cast<std::size_t>(code)]; }
}  // namespace

Level level_of(Code code) { return info(code).level; }
std::string_view code_name(Code code) { return info(code).name; }

bool DiagnosticSink::has_errors() const {
  return std::ranges::any_of(diagnostics_,
                             [](const Diagnostic& d) { return level_of(d.code) == Level::kError; });
}

std::vector<Diagnostic> DiagnosticSink::take() {
  std::vector<Diagnostic> taken = std::exchange(diagnostics_, {});
  for (Diagnostic& diagnostic : taken) {
    if (!diagnostic.helps.empty() || !diagnostic.primary.text.empty()) continue;
    const auto* remedy = std::ranges::find(kRemedies, diagnostic.code, &Remedy::code);
    if (remedy != std::end(kRemedies)) diagnostic.helps.emplace_back(remedy->text);
  }
  for (Diagnostic& diagnostic : taken) {
    shorten(diagnostic.message);
    shorten(diagnostic.primary.text);
    for (Label& label : diagnostic.labels) shorten(label.text);
    for (std::string& note : diagnostic.notes) shorten(note);
    for (std::string& help : diagnostic.helps) shorten(help);
  }
  std::ranges::stable_sort(taken, {}, [](const Diagnostic& d) {
    return std::tuple(d.primary.span.file, d.primary.span.begin);
  });
  return taken;
}

std::uint32_t SourceMap::add(std::string path, std::string text) {
  TOCSIN_ASSERT(text.size() < UINT32_MAX, "a loader reads no file of 4 GiB");
  auto file = std::make_shared<File>();
  file->path = std::move(path);
  file->text = std::move(text);
  file->line_starts.push_back(0);
  const std::string& bytes = file->text;
  std::uint32_t code_points = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i % kBlock == 0) file->code_points.push_back(code_points);
    if (begins_code_point(bytes[i])) ++code_points;
    // A line ends with LF, CR LF or CR.
    const bool ends =
        bytes[i] == '\n' || (bytes[i] == '\r' && (i + 1 == bytes.size() || bytes[i + 1] != '\n'));
    if (ends) file->line_starts.push_back(static_cast<std::uint32_t>(i + 1));
  }
  if (bytes.size() % kBlock == 0) file->code_points.push_back(code_points);
  files_.push_back(std::move(file));
  return static_cast<std::uint32_t>(files_.size() - 1);
}

const std::string& SourceMap::path(std::uint32_t file) const {
  TOCSIN_ASSERT(file < files_.size(), "spans name files of their own map");
  return files_[file]->path;
}

std::string_view SourceMap::text(std::uint32_t file) const {
  TOCSIN_ASSERT(file < files_.size(), "spans name files of their own map");
  return files_[file]->text;
}

std::uint32_t SourceMap::code_points_before(std::uint32_t file, std::uint32_t byte) const {
  const File& source = *files_[file];
  std::uint32_t count = source.code_points[byte / kBlock];
  for (std::size_t i = byte / kBlock * kBlock; i < byte; ++i) {
    if (begins_code_point(source.text[i])) ++count;
  }
  return count;
}

SourceMap::Place SourceMap::place(std::uint32_t file, std::uint32_t byte) const {
  const std::string_view bytes = text(file);
  const std::vector<std::uint32_t>& starts = files_[file]->line_starts;
  byte = std::min(byte, static_cast<std::uint32_t>(bytes.size()));
  const auto next = std::ranges::upper_bound(starts, byte);
  const std::uint32_t line_start = *std::prev(next);
  // A code point is counted at its first byte. A byte-order mark is no column.
  std::uint32_t from = line_start;
  if (from == 0 && bytes.starts_with("\xEF\xBB\xBF")) from = std::min(3U, byte);
  const std::uint32_t column = 1 + code_points_before(file, byte) - code_points_before(file, from);
  return {static_cast<std::uint32_t>(next - starts.begin()), column};
}

std::string_view SourceMap::line_text(std::uint32_t file, std::uint32_t line) const {
  const std::string_view bytes = text(file);
  const std::vector<std::uint32_t>& starts = files_[file]->line_starts;
  if (line == 0 || line > starts.size()) return {};
  const std::size_t begin = starts[line - 1];
  std::size_t end = line < starts.size() ? starts[line] : bytes.size();
  while (end > begin && (bytes[end - 1] == '\n' || bytes[end - 1] == '\r')) --end;
  return bytes.substr(begin, end - begin);
}
}  // namespace tocsin::rules
