/// The formats of what this folder's users keep in families of the alert store.
#pragma once
#include <string_view>

#include "cep/base/result.h"

namespace tocsin::api {
/// Fails with kOtherVersion, with the remedy, where `format` is not `known`; `what`: "a silence".
Result<void> check_stored_format(int format, int known, std::string_view what);
}  // namespace tocsin::api
