/// One output of a run, a file or standard output, written line by line through a buffer.
#pragma once
#include <string>
#include <string_view>

#include "cep/base/result.h"

namespace tocsin::api {
/// Lines reach a regular file 64 KiB at a time. Anything else (a pipe, a terminal) they reach one
/// by one, so that who reads them never waits, or those that come together at once. After the first
/// error everything is refused with that error again. Threading: one caller at a time.
class OutputFile {
 public:
  /// Opens `path` for writing and empties it; "-" is standard output. Errors: kIo, naming the path.
  static Result<OutputFile> open(const std::string& path);
  /// Goes on at the end of `path`, which must be there. Errors: kIo, naming the path.
  static Result<OutputFile> open_end(const std::string& path);
  /// Whether `path` is a regular file that exists.
  static bool is_regular(const std::string& path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  /// Closes without a flush; `close` is the way to end well.
  ~OutputFile();
  /// Writes `line` and a line end. Errors: kIo, naming the path and the system's reason.
  Result<void> write_line(std::string_view line);
  /// The same of a line that others follow without delay; the last of them is written by
  /// write_line().
  Result<void> write_line_of_many(std::string_view line);
  /// Gives the system what is buffered.
  Result<void> flush();
  /// Flushes and closes; standard output stays open. Nothing may be written after it.
  Result<void> close();
  /// As given; "standard output" for "-".
  const std::string& name() const { return name_; }
  bool is_terminal() const;

 private:
  OutputFile(std::string name, int descriptor, bool by_line);
  Result<void> failed(int error_number);

  std::string name_;
  int descriptor_;
  bool by_line_;
  std::string buffer_;
  std::string error_;  // of the first failure
};
/// Whether both paths are one file, or would be once they exist; false where it is no regular file,
/// such as a terminal.
bool is_same_file(const std::string& a, const std::string& b);
}  // namespace tocsin::api
