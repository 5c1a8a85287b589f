/// Input that is not JSON lines, recognised by how it begins: tables, archives, other encodings.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/io/byte_source.h"

namespace tocsin::runtime {
/// A form in which events cannot be read.
struct InputForm {
  std::string name;  // "CSV", "gzip data": completes "it is …"
  /// Completes "it is …: ": a shell command in which {} stands for the file's name, or advice
  /// without one.
  std::string remedy;
  bool is_json = false;  // a JSON array or a pretty-printed object
};
/// What `block`, the first bytes of an input, begins instead of JSON lines; nothing for JSON lines
/// and for what is not known. A text is another form only if none of its lines in `block` begins
/// like an object, so that a file with some bad lines at its beginning is still read.
std::optional<InputForm> other_form(std::string_view block);
/// "FILE is CSV, and events are read from JSON lines (one object on each line): convert it: …".
std::string describe_form(const InputForm& form, std::string_view file);
/// The same bytes; the first read fails with kIo and describe_form() if they are another form. What
/// is read after skip() is in the middle of an input and is not looked at.
std::unique_ptr<ByteSource> refuse_other_forms(std::unique_ptr<ByteSource> bytes,
                                               const std::string& path);
/// How many bytes other_form() looks at.
inline constexpr std::size_t kFormBytes = std::size_t{64} << 10;
}  // namespace tocsin::runtime
