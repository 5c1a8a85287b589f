#include "api/base/port_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "api/base/output_file.h"

namespace tocsin::api {
Result<void> write_port_file(const std::string& path, std::uint16_t port) {
  const std::string unfinished = path + ".new";
  Result<OutputFile> file = OutputFile::open(unfinished);
  if (!file) return tl::unexpected(file.error());
  Result<void> written = file->write_line(std::to_string(port));
  if (written) written = file->close();
  if (!written) return written;
  std::error_code error;
  std::filesystem::rename(unfinished, path, error);
  if (error) return fail(Errc::kIo, fmt::format("cannot write {}: {}", path, error.message()));
  return {};
}
}  // namespace tocsin::api
