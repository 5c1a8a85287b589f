/// Giving a file a new content at once.
#pragma once
#include <string>
#include <string_view>

#include "cep/base/result.h"

namespace tocsin::api {
/// Replaces the content of the existing file `path`: whoever opens it sees the old text or the new
/// one, whatever happens in between, and its permissions stay; so does a symbolic link to it. A
/// file beside it holds the new text until then. Errors: kIo, naming the path; the file is as
/// before.
Result<void> replace_file(const std::string& path, std::string_view text);
}  // namespace tocsin::api
