/// Small JSON files of a server's data directory, with their format and a digest of what they hold:
/// a file that a disk has changed is told from one that was written so.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "cep/base/result.h"

namespace tocsin::api {
/// The text of an object with two members more: `format`, and `digest`, the SHA-256 of all others
/// as they are written without blanks. `document` is an object without such members. A file that a
/// program would misread that knows the formats before alone has a `format` of its own.
std::string seal_json(const nlohmann::ordered_json& document, int format = 1);
/// The object without its format and digest. An object without either, which a build before the
/// first release wrote, is taken as it is. Fails with kCorrupt for a text that is no object or has
/// another digest, kOtherVersion for a format above `known`; messages name `path`.
Result<nlohmann::ordered_json> unseal_json(const std::string& text, const std::string& path,
                                           int known = 1);
/// The same of a file; nothing where there is none. Fails also with kIo.
Result<std::optional<nlohmann::ordered_json>> read_sealed_file(const std::string& path,
                                                               int known = 1);
}  // namespace tocsin::api
