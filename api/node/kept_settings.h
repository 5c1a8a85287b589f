/// Settings that a data directory keeps since it was begun: alerts depend on them, so that a start
/// that says otherwise is refused.
#pragma once
#include <string>
#include <vector>

#include "api/base/configuration.h"
#include "cep/base/result.h"
#include "runtime/io/files.h"
#include "runtime/node/node_settings.h"

namespace tocsin::api {
/// Puts what `kept` has in the place of standard values, and gives a line for each setting that was
/// said otherwise: "time.late_max is 5m (--time-late-max), and DIRECTORY keeps 1m". Fails with
/// kInvalidArgument for a kept value that this program does not know.
Result<std::vector<std::string>> adopt_kept_settings(const runtime::NodeSettings& kept,
                                                     const std::string& directory,
                                                     Configuration& configuration);
/// The same of what is in the folder of `data.path`, also while a server runs there; nothing where
/// nothing was begun. Fails as a start would with kCorrupt, kOtherVersion, kIo.
Result<std::vector<std::string>> look_for_kept_settings(runtime::Files& files,
                                                        Configuration& configuration);
}  // namespace tocsin::api
