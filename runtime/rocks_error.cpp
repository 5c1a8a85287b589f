#include "runtime/rocks_error.h"

#include <fmt/format.h>
#include <rocksdb/env.h>
#include <rocksdb/status.h>

#include <cstdarg>

namespace tocsin::runtime {
namespace {
class SilentLogger : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    static_cast<void>(format);
    static_cast<void>(arguments);
  }
};

Errc code_of(const rocksdb::Status& status) {
  if (status.IsNoSpace()) return Errc::kLimit;
  if (status.IsCorruption()) return Errc::kCorrupt;
  if (status.IsPathNotFound() || status.IsNotFound()) return Errc::kNotFound;
  return Errc::kIo;
}
}  // namespace

Error rocks_error(std::string_view what, const std::string& path, const rocksdb::Status& status) {
  return {code_of(status), fmt::format("cannot {} {}: {}", what, path, status.ToString())};
}

std::shared_ptr<rocksdb::Logger> silent_rocks_logger() { return std::make_shared<SilentLogger>(); }
}  // namespace tocsin::runtime
