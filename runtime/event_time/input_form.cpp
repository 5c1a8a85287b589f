#include "runtime/event_time/input_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/csv/csv_records.h"

namespace tocsin::runtime {
namespace {
using namespace std::string_view_literals;

constexpr const char* kDuckDb =
    "convert it: duckdb -c \"COPY (FROM '{}') TO 'events.ndjson' (FORMAT json)\"";
constexpr const char* kUnknownBinary = "convert it to one JSON object on each line";

struct Magic {
  std::string_view bytes;
  std::size_t offset;
  const char* name;
  const char* remedy;
};
constexpr std::array kMagic = {
    Magic{"PAR1"sv, 0, "Parquet", kDuckDb},
    Magic{"Obj\x01"sv, 0, "Avro", "convert it: avro-tools tojson {} > events.ndjson"},
    Magic{"ARROW1"sv, 0, "an Arrow or Feather file", kUnknownBinary},
    Magic{"SQLite format 3\0"sv, 0, "an SQLite database",
          "export it: sqlite3 -json {} 'SELECT * FROM events' | jq -c '.[]' > events.ndjson"},
    Magic{"\x1f\x8b"sv, 0, "gzip data",
          "give the file a name that ends in .gz, or unpack it: gzip -dc < {}"},
    Magic{"\x28\xb5\x2f\xfd"sv, 0, "Zstandard data",
          "give the file a name that ends in .zst, or unpack it: zstd -dc < {}"},
    Magic{"1AY&SY"sv, 4, "bzip2 data", "unpack it: bzip2 -dc < {}"},
    Magic{"\xfd"
          "7zXZ\0"sv,
          0, "xz data", "unpack it: xz -dc < {}"},
    Magic{"\x04\x22\x4d\x18"sv, 0, "lz4 data", "unpack it: lz4 -dc < {}"},
    Magic{"\xff\x06\0\0sNaPpY"sv, 0, "Snappy data", "unpack it first"},
    Magic{"PK\x03\x04"sv, 0, "a zip archive or an Excel workbook",
          "unpack an archive: unzip -p {}; save a workbook as CSV"},
    Magic{"7z\xbc\xaf\x27\x1c"sv, 0, "a 7-Zip archive", "unpack it: 7z x -so {}"},
    Magic{"\xd0\xcf\x11\xe0"sv, 0, "an Office document", "save it as CSV"},
    Magic{"%PDF-"sv, 0, "a PDF document", "export the events as JSON lines"},
    Magic{"ustar"sv, 257, "a tar archive", "unpack it: tar -xOf {}"},
};

std::optional<InputForm> binary_form(std::string_view block) {
  for (const Magic& magic : kMagic) {
    if (block.size() < magic.offset + magic.bytes.size()) continue;
    if (block.substr(magic.offset, magic.bytes.size()) != magic.bytes) continue;
    return InputForm{magic.name, magic.remedy};
  }
  return std::nullopt;
}

// UTF-16 and UTF-32 by their byte order marks, and UTF-16 by the zero bytes of Latin letters.
std::optional<InputForm> wide_form(std::string_view block) {
  const auto wide = [](const char* name, const char* encoding) {
    return InputForm{name, fmt::format("convert it: iconv -f {} -t UTF-8 {{}}", encoding)};
  };
  if (block.starts_with("\xff\xfe\0\0"sv) || block.starts_with("\0\0\xfe\xff"sv)) {
    return wide("UTF-32 text", "UTF-32");
  }
  const bool is_marked = block.starts_with("\xff\xfe"sv) || block.starts_with("\xfe\xff"sv);
  // A line of good input may begin with any bytes. With a mark the first letters have to be Latin,
  // as in every form of text that has events; without one a longer beginning.
  const std::string_view text = block.substr(is_marked ? 2 : 0);
  const std::size_t letters_min = is_marked ? 2 : 4;
  const std::size_t letters = std::min<std::size_t>(text.size() / 2, is_marked ? 2 : 32);
  if (letters < letters_min) return std::nullopt;
  for (const std::size_t zero_at : {std::size_t{1}, std::size_t{0}}) {
    bool is_wide = true;
    for (std::size_t i = 0; i < letters && is_wide; ++i) {
      is_wide = text[2 * i + zero_at] == '\0' && text[2 * i + 1 - zero_at] != '\0';
    }
    if (!is_wide) continue;
    if (is_marked) return wide("UTF-16 text", "UTF-16");
    return wide("UTF-16 text", zero_at == 1 ? "UTF-16LE" : "UTF-16BE");
  }
  return std::nullopt;
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// The block's lines that are not blank, trimmed; the last may be cut.
std::vector<std::string_view> lines_of(std::string_view block) {
  std::vector<std::string_view> lines;
  while (!block.empty()) {
    const std::size_t end = std::min(block.find('\n'), block.size());
    if (const std::string_view line = trim(block.substr(0, end)); !line.empty()) {
      lines.push_back(line);
    }
    block.remove_prefix(std::min(end + 1, block.size()));
  }
  return lines;
}

// Whether an object or array that begins in the line does not end in it.
bool is_open_json(std::string_view line) {
  int depth = 0;
  bool is_text = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char letter = line[i];
    if (is_text) {
      if (letter == '\\') ++i;
      is_text = letter != '"';
      continue;
    }
    is_text = letter == '"';
    depth += letter == '{' || letter == '[' ? 1 : 0;
    depth -= letter == '}' || letter == ']' ? 1 : 0;
  }
  return depth > 0 && !is_text;
}

InputForm json_form(const char* name, const char* command) {
  return {name, fmt::format("convert it: {} {{}} > events.ndjson", command), true};
}

// The columns of a line less one; quoted delimiters do not count.
std::size_t delimiters(std::string_view line, char delimiter) {
  std::size_t count = 0;
  bool is_quoted = false;
  for (const char letter : line) {
    if (letter == '"') is_quoted = !is_quoted;
    if (letter == delimiter && !is_quoted) ++count;
  }
  return count;
}

std::optional<InputForm> table_form(const std::vector<std::string_view>& lines) {
  if (lines.size() < 2) return std::nullopt;
  struct Table {
    char delimiter;
    const char* name;
  };
  for (const Table& table :
       {Table{'\t', "TSV, a table with tabs"}, Table{';', "CSV with semicolons"},
        Table{'|', "CSV with bars"}, Table{',', "CSV"}}) {
    const std::size_t columns = delimiters(lines[0], table.delimiter);
    if (columns == 0 || delimiters(lines[1], table.delimiter) != columns) continue;
    return InputForm{table.name, "read it as CSV: --input-format csv", false, true};
  }
  return std::nullopt;
}

// Bytes of which the first were read before, and perhaps what failed behind them.
class BegunSource final : public ByteSource {
 public:
  BegunSource(std::string beginning, std::optional<Error> failure,
              std::unique_ptr<ByteSource> bytes)
      : beginning_(std::move(beginning)), failure_(std::move(failure)), bytes_(std::move(bytes)) {}
  Result<std::size_t> read(char* to, std::size_t capacity) override {
    if (at_ == beginning_.size() && failure_) return tl::unexpected(*failure_);
    if (at_ == beginning_.size()) return bytes_->read(to, capacity);
    const std::size_t size = beginning_.copy(to, capacity, at_);
    at_ += size;
    return size;
  }
  bool wait_ready(std::chrono::milliseconds at_most) const override {
    return at_ != beginning_.size() || bytes_->wait_ready(at_most);
  }
  std::uint64_t bytes_read() const override { return bytes_->bytes_read(); }
  std::optional<std::uint64_t> bytes_total() const override { return bytes_->bytes_total(); }

 private:
  std::string beginning_;
  std::size_t at_ = 0;
  std::optional<Error> failure_;
  std::unique_ptr<ByteSource> bytes_;
};

class CheckedSource final : public ByteSource {
 public:
  CheckedSource(std::unique_ptr<ByteSource> bytes, std::string name)
      : bytes_(std::move(bytes)), name_(std::move(name)) {}
  Result<std::size_t> read(char* to, std::size_t capacity) override {
    Result<std::size_t> got = bytes_->read(to, capacity);
    if (is_checked_ || !got) return got;
    is_checked_ = true;
    if (auto form = other_form({to, *got})) return fail(Errc::kIo, describe_form(*form, name_));
    return got;
  }
  bool wait_ready(std::chrono::milliseconds at_most) const override {
    return bytes_->wait_ready(at_most);
  }
  Result<std::uint64_t> skip(std::uint64_t bytes) override {
    is_checked_ = is_checked_ || bytes != 0;
    return bytes_->skip(bytes);
  }
  std::uint64_t bytes_read() const override { return bytes_->bytes_read(); }
  std::optional<std::uint64_t> bytes_total() const override { return bytes_->bytes_total(); }

 private:
  std::unique_ptr<ByteSource> bytes_;
  std::string name_;
  bool is_checked_ = false;
};
}  // namespace

std::unique_ptr<ByteSource> refuse_other_forms(std::unique_ptr<ByteSource> bytes,
                                               const std::string& path) {
  return std::make_unique<CheckedSource>(std::move(bytes), path == "-" ? "standard input" : path);
}

bool is_csv(std::string_view path, InputFormat format) {
  if (format != InputFormat::kByName) return format == InputFormat::kCsv;
  std::string name(path);
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  });
  for (const std::string_view packed : {".gz", ".zst"}) {
    if (name.ends_with(packed)) name.resize(name.size() - packed.size());
  }
  return name.ends_with(".csv") || name.ends_with(".tsv");
}

std::optional<std::string> why_no_csv(std::string_view block, std::string_view file) {
  block = block.substr(0, kFormBytes);
  for (const auto& find : {binary_form, wide_form}) {
    if (const auto form = find(block)) return describe_form(*form, file);
  }
  if (block.starts_with(kByteOrderMark)) block.remove_prefix(kByteOrderMark.size());
  if (!trim(block).starts_with('{')) return std::nullopt;
  return fmt::format("{} is not CSV: it begins like JSON; read it as such: --input-format json",
                     file);
}

Result<CsvInput> open_csv(std::unique_ptr<ByteSource> bytes, const std::string& path,
                          const CsvOptions& options, const cep::Plan& plan) {
  const std::string_view name = path == "-" ? "standard input" : std::string_view(path);
  std::string beginning;
  std::optional<Error> failure;
  // A pipe's sender may write no more than a row for a long time.
  const auto has_first = [&] {
    return std::ranges::all_of(kCsvSeparators, [&](char separator) {
      return whole_csv_records(beginning, separator, kCsvHeaderBytesMax) != 0;
    });
  };
  while (beginning.size() < kCsvHeaderBytesMax && (bytes->bytes_total() || !has_first())) {
    const std::size_t before = beginning.size();
    beginning.resize(kCsvHeaderBytesMax);
    const Result<std::size_t> got =
        bytes->read(beginning.data() + before, beginning.size() - before);
    beginning.resize(before + (got ? *got : 0));
    if (!got) failure = got.error();
    if (!got || *got == 0) break;
  }
  if (failure && beginning.empty()) return tl::unexpected(*failure);
  if (auto why = why_no_csv(beginning, name)) return fail(Errc::kIo, *std::move(why));
  Result<CsvFormat> format = recognise_csv(beginning, options, plan, name);
  if (!format) return tl::unexpected(format.error());
  return CsvInput{
      std::make_unique<BegunSource>(std::move(beginning), std::move(failure), std::move(bytes)),
      *std::move(format)};
}

std::optional<InputForm> other_form(std::string_view block) {
  block = block.substr(0, kFormBytes);
  if (auto form = binary_form(block)) return form;
  if (auto form = wide_form(block)) return form;
  if (block.starts_with("\xef\xbb\xbf")) block.remove_prefix(3);
  const std::vector<std::string_view> lines = lines_of(block);
  if (lines.empty()) return std::nullopt;
  const std::string_view first = lines.front();
  if (first.front() == '[') {
    const std::string_view second =
        first.size() > 1 ? trim(first.substr(1)) : (lines.size() > 1 ? lines[1] : "");
    if (second.starts_with('{')) return json_form("a JSON array", "jq -c '.[]'");
  }
  if (first.front() == '{') {
    const bool goes_on = lines.size() > 1 &&
                         std::string_view("\"}]").find(lines[1].front()) != std::string_view::npos;
    if (goes_on && is_open_json(first)) return json_form("pretty-printed JSON", "jq -c .");
    return std::nullopt;
  }
  if (first.front() == '\x1e') {
    return InputForm{"a JSON text sequence", "convert it: tr -d '\\036' < {}"};
  }
  if (std::ranges::any_of(lines, [](std::string_view line) { return line.front() == '{'; })) {
    return std::nullopt;
  }
  if (block.find('\0') != std::string_view::npos) return InputForm{"binary data", kUnknownBinary};
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (first.front() == '<' && first.size() > 1 &&
      (first[1] == '?' || first[1] == '!' || is_letter(first[1]))) {
    return InputForm{"XML or HTML", "convert it to one JSON object on each line"};
  }
  return table_form(lines);
}

std::string describe_form(const InputForm& form, std::string_view file) {
  std::string remedy = form.remedy;
  const bool is_path = file != "standard input";
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/+,:@%";
  std::string name = is_path ? std::string(file) : "FILE";
  const bool stands_in_text = remedy.find("'{}'") != std::string::npos;
  if (!stands_in_text && name.find_first_not_of(kPlain) != std::string::npos) {
    std::string quoted = "'";
    for (const char letter : name) quoted += letter == '\'' ? "'\\''" : std::string(1, letter);
    name = quoted + "'";
  }
  if (const std::size_t place = remedy.find("{}"); place != std::string::npos) {
    remedy.replace(place, 2, name);
  }
  return fmt::format("{} is {}, and {}; {}", file, form.name,
                     form.is_table ? "is read as JSON lines"
                                   : "events are read from JSON lines, one object on each line, or "
                                     "from CSV",
                     remedy);
}
}  // namespace tocsin::runtime
