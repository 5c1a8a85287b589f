/// Small JSON files of a server's data directory, with a digest of what they hold: a file that a
/// disk has changed is told from one that was written so.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace tocsin::api {
/// The text of an object with one member more, `digest`: the SHA-256 of its other members, as they
/// are written without blanks. `document` is an object without such a member.
std::string seal_json(nlohmann::ordered_json document);
/// The object without its digest; nothing for a text that is no object or has another digest. An
/// object without a digest, which an older version wrote, is taken as it is.
std::optional<nlohmann::ordered_json> unseal_json(const std::string& text);
}  // namespace tocsin::api
