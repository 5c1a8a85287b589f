/// Where backups are kept, as people say it: a folder, or s3://BUCKET[/PREFIX].
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "api/backup/backup_store.h"
#include "api/backup/s3_client.h"
#include "api/base/configuration.h"
#include "cep/base/result.h"
#include "runtime/io/files.h"

namespace tocsin::api {
/// Those of `tocsin serve` that say how an S3-compatible store is reached: backups.s3_…. They live
/// as long as the program.
std::span<const Setting> s3_settings();
bool is_s3_place(std::string_view to);
/// Of s3://BUCKET[/PREFIX], with s3_settings(). Errors: kInvalidArgument, naming what is wrong.
Result<S3Place> s3_place(std::string_view to, const Configuration& configuration);
/// Whether `to` can be a place of backups; nothing is asked. Fails likewise.
Result<void> check_backup_place(std::string_view to, const Configuration& configuration);
/// `holder` says who changes what is there. Errors: as above; kInvalidArgument, kIo without
/// credentials.
Result<std::unique_ptr<BackupStore>> open_backup_store(runtime::Files& files, const std::string& to,
                                                       const Configuration& configuration,
                                                       std::string holder);
}  // namespace tocsin::api
