/// Telling others which port was found.
#pragma once
#include <cstdint>
#include <string>

#include "cep/base/result.h"

namespace tocsin::api {
/// Replaces the file by the port and a line feed; who waits for it never reads half of it. Errors:
/// kIo.
Result<void> write_port_file(const std::string& path, std::uint16_t port);
}  // namespace tocsin::api
