/// What an input is: JSON lines or CSV, by its name or as it was said, and other forms, which
/// cannot be read, by how they begin.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cep/base/result.h"
#include "cep/plan/plan_fwd.h"
#include "runtime/csv/csv_format.h"
#include "runtime/csv/csv_header.h"
#include "runtime/io/byte_source.h"

namespace tocsin::runtime {
/// A form in which events cannot be read.
struct InputForm {
  std::string name;  // "CSV", "gzip data": completes "it is …"
  /// Completes "it is …: ": a shell command in which {} stands for the file's name, or advice
  /// without one.
  std::string remedy;
  bool is_json = false;   // a JSON array or a pretty-printed object
  bool is_table = false;  // which can be read as CSV
};
/// What `block`, the first bytes of an input, begins instead of JSON lines; nothing for JSON lines
/// and for what is not known. A text is another form only if none of its lines in `block` begins
/// like an object, so that a file with some bad lines at its beginning is still read.
std::optional<InputForm> other_form(std::string_view block);
/// "FILE is Avro, and events are read from JSON lines or CSV; convert it: …".
std::string describe_form(const InputForm& form, std::string_view file);
/// The same bytes; the first read fails with kIo and describe_form() if they are another form. What
/// is read after skip() is in the middle of an input and is not looked at.
std::unique_ptr<ByteSource> refuse_other_forms(std::unique_ptr<ByteSource> bytes,
                                               const std::string& path);
/// How many bytes other_form() looks at.
inline constexpr std::size_t kFormBytes = std::size_t{64} << 10;

/// How inputs are read.
enum class InputFormat : std::uint8_t {
  kByName,  // CSV where the name ends in .csv or .tsv, with .gz or .zst behind it; else JSON lines
  kJson,
  kCsv,
};
struct InputReading {
  InputFormat format = InputFormat::kByName;
  CsvOptions csv;
};
bool is_csv(std::string_view path, InputFormat format);
/// Why an input that begins with `block` cannot be read as CSV; nothing where it can.
std::optional<std::string> why_no_csv(std::string_view block, std::string_view file);
struct CsvInput {
  std::unique_ptr<ByteSource> bytes;  // all of them
  CsvFormat format;
};
/// Reads the beginning of an input of CSV, waiting for it. Fails as the read does, with kIo for
/// another form, and as recognise_csv().
Result<CsvInput> open_csv(std::unique_ptr<ByteSource> bytes, const std::string& path,
                          const CsvOptions& options, const cep::Plan& plan);
}  // namespace tocsin::runtime
