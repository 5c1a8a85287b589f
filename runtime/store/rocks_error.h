/// What all parts that stand on RocksDB share.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "cep/base/result.h"

namespace rocksdb {
class Env;
class Logger;
class Status;
}  // namespace rocksdb
namespace tocsin::runtime {
/// "cannot WHAT PATH: RocksDB's reason": kLimit without space, kCorrupt for damage, kNotFound, else
/// kIo. Requires a status that is not ok.
Error rocks_error(std::string_view what, const std::string& path, const rocksdb::Status& status);
/// Takes RocksDB's own log, which would be a file of its own in each store.
std::shared_ptr<rocksdb::Logger> silent_rocks_logger();
/// The system's files, of which RocksDB makes those that are new for their owner alone. Never goes.
rocksdb::Env* private_rocks_env();
}  // namespace tocsin::runtime
