#include "runtime/checkpoint/checkpoint_witness.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "cep/base/assert.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/journal/file_tree.h"

namespace tocsin::runtime {
namespace {
std::mutex mutex;
CheckpointWitness::TextOf text_of;  // empty: nobody wants any
}  // namespace

CheckpointWitness::CheckpointWitness(TextOf text) {
  const std::lock_guard lock(mutex);
  TOCSIN_ASSERT(!text_of && text, "a process has one CheckpointWitness at a time");
  text_of = std::move(text);
}

CheckpointWitness::~CheckpointWitness() {
  const std::lock_guard lock(mutex);
  text_of = {};
}

std::string witness_at(std::uint64_t position) {
  const std::lock_guard lock(mutex);
  return text_of ? text_of(position) : std::string();
}

Result<std::string> read_witness_of(Files& files, const std::string& directory) {
  const Result<Manifest> manifest = read_manifest(files, directory);
  if (!manifest) return tl::unexpected(manifest.error());
  const auto listed =
      std::ranges::find(manifest->files, std::string_view(kWitnessFile), &ManifestFile::name);
  if (listed == manifest->files.end()) return std::string();
  const std::string path = directory + "/" + kWitnessFile;
  FileResult<std::string> text = read_whole(files, path);
  if (!text) return tl::unexpected(to_error(text.error()));
  if (text->size() == listed->bytes && digest_range(*text) == listed->digest)
    return *std::move(text);
  return fail(Errc::kCorrupt,
              fmt::format("{} is damaged: it is not what the manifest lists", path));
}
}  // namespace tocsin::runtime
