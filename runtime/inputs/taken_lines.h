/// Sources of which something else took the first lines or messages: where a node goes on with
/// them.
#pragma once
#include <cstdint>
#include <string>

#include "cep/base/result.h"
#include "runtime/node/node_source.h"
#include "runtime/series/input_files.h"

namespace tocsin::runtime {
/// A file of JSON lines of which the lines before number `next` were taken. Fails with kNotFound
/// where it is not there, kMismatch where it has fewer lines; kIo, kUnsupported.
Result<NodeSource> file_taken_to(const std::string& path, std::uint64_t next,
                                 InputFiles& files = system_input_files());
/// A partition (runtime/io/topic_partition.h) that goes on with the message at this offset.
NodeSource partition_taken_to(const std::string& name, std::uint64_t offset);
}  // namespace tocsin::runtime
