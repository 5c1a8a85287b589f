/// The file of alerts that could not be delivered, one JSON line each:
/// `{"alert":"…","revision":0,"webhook_id":"msg_…","url":"…","attempts":3,"status":500,"error":"…","payload":{…}}`.
/// `status` is left out where the last attempt had no answer, `error` where there was no attempt;
/// `payload` is the body.
#pragma once
#include <cstdint>
#include <string>

#include "api/delivery/delivery_queue.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// Lines are added to what the file holds, so that what an earlier run left over is not lost.
/// Threading: one thread at a time.
class UndeliveredFile {
 public:
  /// Opens `path` for appending; it is made where it is missing. Errors: kIo, naming the path.
  static Result<UndeliveredFile> open(const std::string& path);
  UndeliveredFile(UndeliveredFile&& other) noexcept;
  UndeliveredFile& operator=(UndeliveredFile&&) = delete;
  ~UndeliveredFile();

  /// Adds one line; it may wait in a buffer. Errors: kIo; the same error again from then on.
  Result<void> write(const Undelivered& undelivered, const std::string& url);
  /// Writes what is buffered, and takes the file away again where it was made here and is empty.
  /// Errors: kIo.
  Result<void> close();

 private:
  UndeliveredFile(std::string path, int descriptor, bool is_new)
      : path_(std::move(path)), descriptor_(descriptor), is_new_(is_new) {}
  Result<void> flush();

  std::string path_;
  int descriptor_;
  bool is_new_;
  std::uint64_t bytes_written_ = 0;
  std::string buffer_;
  std::string error_;  // of the first failure
};
}  // namespace tocsin::api
