/// What a server keeps in its data directory beside what the engine does: its tokens, and the
/// versions of its rules.
#pragma once
#include "runtime/checkpoint/data_directory.h"
#include "runtime/io/files.h"
#include "runtime/verify/verify.h"

namespace tocsin::api {
/// Reads it and adds to `report` what is damaged or missing, and what is noteworthy. Nothing is
/// changed; a folder that no server had has none of it. `was_served`: the store knows of a server.
void verify_served(runtime::Files& files, const runtime::DataPaths& paths, bool was_served,
                   runtime::VerifyReport& report);
}  // namespace tocsin::api
