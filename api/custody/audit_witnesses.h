/// What the checkpoints and savepoints of a data directory keep of its audit log.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "api/rest/audit_verify.h"
#include "cep/base/result.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/io/files.h"

namespace tocsin::api {
/// Of all that keep something, the newest checkpoint first. A damaged one is not among them:
/// `tocsin verify` names it. Errors: kIo.
Result<std::vector<AuditWitnessText>> audit_witnesses(runtime::Files& files,
                                                      const runtime::DataPaths& paths);
/// The newest checkpoint's; nothing where it keeps none. Likewise.
Result<std::optional<std::string>> newest_audit_witness(runtime::Files& files,
                                                        const runtime::DataPaths& paths);
}  // namespace tocsin::api
