/// The check of what a server keeps of its backtests, for `tocsin verify`.
#pragma once
#include <string>

#include "runtime/io/files.h"
#include "runtime/verify/verify.h"

namespace tocsin::api {
/// Reads all files of `folder` (job_store.h) and adds to `report` what is damaged or missing, and
/// what is no file of a backtest. Nothing is changed; a folder that is not there has nothing wrong.
void verify_backtests(runtime::Files& files, const std::string& folder,
                      runtime::VerifyReport& report);
}  // namespace tocsin::api
