/// A schema from a sample of events: their types, fields and the units of their times.
#pragma once
#include <string>
#include <vector>

#include "api/rules/starter_pack.h"
#include "cep/base/result.h"

namespace tocsin::api {
struct SamplePack {
  std::vector<StarterFile> files;  // schema.tocsin, rules.tocsin, README.md
  std::vector<std::string> notes;  // what a reader should look at, one sentence each
};
/// The rule pack `name` for the events of the file at `path` (gzip and Zstandard by its name), of
/// which it reads the first 10,000 lines. Fails with kNotFound and kIo for a file that cannot be
/// read, and with kInvalidArgument, naming the remedy, for one without a usable event.
Result<SamplePack> pack_of_sample(const std::string& path, const std::string& name);
}  // namespace tocsin::api
