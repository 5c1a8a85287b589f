/// A text encrypted with AES-256-GCM, as it is kept: "v1:KEY:BASE64", where KEY is the id of the
/// key and BASE64 is u8[12] random nonce | ciphertext | u8[16] tag. `place` says what it is the
/// secret of ("subscription sub_…") and is authenticated, so that it opens nowhere else.
#pragma once
#include <string>
#include <string_view>

#include "api/secrets/secret_keys.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// With the current key, of which there must be one. Errors: kIo without randomness.
Result<std::string> seal_secret(const SecretKeys& keys, std::string_view place,
                                std::string_view secret);
/// Errors: kDenied, with the remedy, where its key is not among `keys`; kCorrupt for anything that
/// seal_secret() did not give for that place.
Result<std::string> open_secret(const SecretKeys& keys, std::string_view place,
                                std::string_view sealed);
/// The id of the key that a sealed text names; empty for what is none.
std::string_view key_of_sealed(std::string_view sealed);
}  // namespace tocsin::api
