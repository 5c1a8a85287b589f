/// How messages of topics become JSON lines, as the settings `kafka.format` and others say.
#pragma once
#include <memory>

#include "api/base/configuration.h"
#include "cep/base/result.h"
#include "runtime/formats/message_format.h"

namespace tocsin::api {
/// Null for JSON. No registry is asked yet. Fails with kInvalidArgument, naming the setting, for
/// settings that do not go together and files that cannot be used.
Result<std::shared_ptr<runtime::MessageFormat>> make_message_format(const Configuration& settings);
}  // namespace tocsin::api
