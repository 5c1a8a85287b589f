#include "runtime/checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "cep/base/byte_codec.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/journal/file_tree.h"

namespace tocsin::runtime {
namespace {
// Manifest: magic u8[8] | format u32 | bytes of the body u64 | XXH3-128 of format, length and body
// u8[16] | body. Magic, format, length and digest stay where they are in every later format, so
// that a newer one is told from damage.
constexpr std::string_view kMagic = "tocsinC\n";
constexpr std::size_t kHeadBytes = 8 + 4 + 8 + 16;
constexpr const char* kManifest = "manifest";
constexpr const char* kGlobals = "engine";
constexpr const char* kIntake = "intake";
constexpr const char* kNode = "node";
constexpr std::size_t kNumberDigits = 12;

tl::unexpected<Error> failed(const FileError& error) { return tl::unexpected(to_error(error)); }

tl::unexpected<Error> damaged(const std::string& path, std::string_view what) {
  return fail(Errc::kCorrupt, fmt::format("{} is damaged: {}", path, what));
}

template <std::size_t Count>
std::string_view bytes_of(const std::array<std::uint8_t, Count>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
template <std::size_t Count>
void read_bytes(ByteReader& reader, std::array<std::uint8_t, Count>& to) {
  const std::string_view bytes = reader.raw(Count);
  std::copy(bytes.begin(), bytes.end(), to.begin());
}

void encode_meta(ByteWriter& writer, const CheckpointMeta& meta) {
  writer.varint(meta.number);
  writer.raw(bytes_of(meta.timeline.id));
  writer.raw(bytes_of(meta.timeline.parent));
  writer.varint(meta.timeline.parent_sequence);
  writer.varint(meta.semantics);
  writer.raw(bytes_of(meta.plan_digest));
  writer.varint(meta.position);
  writer.varint(meta.trim);
  writer.text(meta.mark);
  writer.i64(meta.watermark.us);
  writer.i64(meta.taken_at.us);
  writer.text(meta.settings);
  writer.varint(meta.blobs.size());
  for (const CheckpointBlob& blob : meta.blobs) {
    writer.text(blob.role);
    writer.varint(blob.bytes);
    writer.raw(bytes_of(blob.digest));
  }
}

bool decode_meta(ByteReader& reader, CheckpointMeta& meta) {
  meta.number = reader.varint();
  read_bytes(reader, meta.timeline.id);
  read_bytes(reader, meta.timeline.parent);
  meta.timeline.parent_sequence = reader.varint();
  meta.semantics = static_cast<std::uint32_t>(reader.varint_up_to(UINT32_MAX));
  read_bytes(reader, meta.plan_digest);
  meta.position = reader.varint();
  meta.trim = reader.varint();
  meta.mark = reader.text();
  meta.watermark.us = reader.i64();
  meta.taken_at.us = reader.i64();
  meta.settings = reader.text();
  const std::uint64_t blobs = reader.varint_up_to(reader.left());
  for (std::uint64_t i = 0; i < blobs && reader.ok(); ++i) {
    CheckpointBlob& blob = meta.blobs.emplace_back();
    blob.role = reader.text();
    blob.bytes = reader.varint();
    read_bytes(reader, blob.digest);
  }
  return reader.ok() && meta.position >= 1 && meta.trim <= meta.position;
}

// Within the checkpoint's folder, never outside it.
bool is_file_name(std::string_view name) {
  if (name.empty() || name == kManifest) return false;
  while (!name.empty()) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string_view::npos) {
      return false;
    }
    if (slash + 1 == name.size()) return false;
    name.remove_prefix(std::min(slash + 1, name.size()));
  }
  return true;
}

Result<Manifest> read_manifest_of(Files& files, const std::string& directory) {
  const std::string path = directory + "/" + kManifest;
  const FileResult<std::string> bytes = read_whole(files, path);
  if (bytes) return decode_manifest(*bytes, path);
  if (bytes.error().code != FileErrc::kNotFound) return failed(bytes.error());
  const Result<bool> found = exists(files, directory);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return fail(Errc::kNotFound, fmt::format("there is no {}", directory));
  const DataPaths data(directory);
  if (const Result<bool> marked = exists(files, data.format); marked && *marked) {
    return fail(Errc::kInvalidArgument,
                fmt::format("{} is a data directory, not a savepoint: name one in {}; `tocsin "
                            "savepoint make --data {} NAME` makes one",
                            directory, data.savepoints, directory));
  }
  return damaged(path, "it is missing");
}

Result<void> compare(const std::string& path, const FileDigest& found, const ManifestFile& listed) {
  if (found.bytes != listed.bytes) {
    return damaged(path,
                   fmt::format("it has {} bytes, {} were written", found.bytes, listed.bytes));
  }
  if (found.digest != listed.digest) {
    return damaged(path, fmt::format("the digest of its {} bytes is not that of what was written",
                                     found.bytes));
  }
  return {};
}

// What is in state/ is opened as a whole, so that nothing else may lie there.
Result<void> check_no_others(Files& files, const std::string& directory, const Manifest& manifest) {
  const std::string state = directory + "/state";
  const FileResult<std::vector<std::string>> names = files.list(state);
  if (!names) {
    if (names.error().code == FileErrc::kNotFound) return damaged(state, "it is missing");
    return failed(names.error());
  }
  std::set<std::string_view> listed;
  for (const ManifestFile& file : manifest.files) listed.insert(file.name);
  for (const std::string& name : *names) {
    const std::string full = "state/" + name;
    if (!listed.contains(full)) {
      return damaged(directory + "/" + full, "it is no part of what was written");
    }
  }
  return {};
}

using KeptTexts = std::vector<std::pair<std::string_view, std::string*>>;

// Reads one file; its contents go to `keep` where it is named there.
Result<FileDigest> read_listed(Files& files, const std::string& path, const std::string& name,
                               const CheckpointCheck& check, const KeptTexts& keep) {
  const auto kept = std::find_if(keep.begin(), keep.end(),
                                 [&](const auto& wanted) { return wanted.first == name; });
  if (kept != keep.end()) {
    FileResult<std::string> contents = read_whole(files, path);
    if (!contents) return failed(contents.error());
    const FileDigest digest{contents->size(), digest_range(*contents)};
    *kept->second = *std::move(contents);
    return digest;
  }
  if (check.known == nullptr) return digest_file(files, path, check.read);
  const FileResult<FileIdentity> identity = files.identity(path);
  if (!identity) return failed(identity.error());
  const auto known = check.known->find(*identity);
  if (known != check.known->end()) return known->second;
  Result<FileDigest> digest = digest_file(files, path, check.read);
  if (digest) check.known->emplace(*identity, *digest);
  return digest;
}

// Compares every file, and gives all that is damaged to `bad`; fails where it cannot read.
Result<void> compare_all(Files& files, const std::string& directory, const Manifest& manifest,
                         const CheckpointCheck& check, const KeptTexts& keep,
                         std::vector<Error>& bad) {
  for (const ManifestFile& listed : manifest.files) {
    const std::string path = directory + "/" + listed.name;
    const Result<FileDigest> found = read_listed(files, path, listed.name, check, keep);
    Result<void> equal;
    if (found) {
      equal = compare(path, *found, listed);
    } else if (found.error().code == Errc::kNotFound) {
      equal = damaged(path, "it is missing");
    } else {
      return tl::unexpected(found.error());
    }
    if (!equal) bad.push_back(equal.error());
  }
  Result<void> alone = check_no_others(files, directory, manifest);
  if (alone) return {};
  if (alone.error().code != Errc::kCorrupt) return alone;
  bad.push_back(alone.error());
  return {};
}

std::optional<std::uint64_t> number_of(std::string_view name) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  if (name.size() < kNumberDigits || number == 0) return std::nullopt;
  return number;
}

Error refused_semantics(const std::string& directory, std::uint32_t was, std::uint32_t is) {
  return {
      Errc::kOtherVersion,
      fmt::format("{} was made with semantics {}, and this program has {}: the same events could "
                  "give other alerts. Go on with the version of tocsin that made it, or with "
                  "--replay-as-new, which tells what differs and does not send it",
                  directory, was, is)};
}
}  // namespace

std::string encode_manifest(const Manifest& manifest) {
  std::string body;
  ByteWriter writer(body);
  writer.text(manifest.savepoint);
  encode_meta(writer, manifest.meta);
  writer.varint(manifest.files.size());
  for (const ManifestFile& file : manifest.files) {
    writer.text(file.name);
    writer.varint(file.bytes);
    writer.raw(bytes_of(file.digest));
  }
  std::string sealed;
  ByteWriter seal(sealed);
  seal.u32(kCheckpointFormat);
  seal.u64(body.size());
  sealed += body;
  const RangeDigest digest = digest_range(sealed);
  std::string bytes(kMagic);
  ByteWriter head(bytes);
  head.u32(kCheckpointFormat);
  head.u64(body.size());
  head.raw(bytes_of(digest));
  return bytes + body;
}

Result<Manifest> decode_manifest(std::string_view bytes, const std::string& path) {
  if (bytes.size() < kHeadBytes) return damaged(path, fmt::format("it has {} bytes", bytes.size()));
  if (!bytes.starts_with(kMagic)) return damaged(path, "it does not begin as a manifest does");
  const std::string_view lengths = bytes.substr(kMagic.size(), 12);
  const std::string_view body = bytes.substr(kHeadBytes);
  RangeDigest digest{};
  ByteReader head(bytes.substr(kMagic.size()));
  const std::uint32_t format = head.u32();
  const std::uint64_t body_bytes = head.u64();
  read_bytes(head, digest);
  if (body_bytes != body.size()) {
    return damaged(path, fmt::format("it has {} bytes, {} were written", bytes.size(),
                                     body_bytes + kHeadBytes));
  }
  DigestStream stream;
  stream.add(lengths);
  stream.add(body);
  if (stream.finish() != digest) return damaged(path, "its digest is not that of what was written");
  if (format > kCheckpointFormat) {
    return fail(Errc::kOtherVersion,
                fmt::format("{} has format {}, and this program knows formats up to {}: use the "
                            "version of tocsin that wrote it, or a later one",
                            path, format, kCheckpointFormat));
  }
  Manifest manifest;
  ByteReader reader(body);
  manifest.savepoint = reader.text();
  bool is_good = decode_meta(reader, manifest.meta);
  const std::uint64_t count = reader.varint_up_to(reader.left());
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    ManifestFile& file = manifest.files.emplace_back();
    file.name = reader.text();
    file.bytes = reader.varint();
    read_bytes(reader, file.digest);
    is_good = is_good && is_file_name(file.name) &&
              (i == 0 || manifest.files[manifest.files.size() - 2].name < file.name);
  }
  if (!is_good || !reader.is_done()) return damaged(path, "it says what no manifest says");
  return manifest;
}

Result<Manifest> read_manifest(Files& files, const std::string& directory) {
  return read_manifest_of(files, directory);
}

Result<Manifest> verify_checkpoint(Files& files, const std::string& directory,
                                   const CheckpointCheck& check) {
  Result<Manifest> manifest = read_manifest_of(files, directory);
  if (!manifest) {
    if (check.all != nullptr) check.all->push_back(manifest.error());
    return manifest;
  }
  std::vector<Error> bad;
  const Result<void> compared = compare_all(files, directory, *manifest, check, {}, bad);
  if (!compared) return tl::unexpected(compared.error());
  if (!bad.empty()) {
    Error first = bad.front();
    if (check.all != nullptr) *check.all = std::move(bad);
    return tl::unexpected(std::move(first));
  }
  return manifest;
}

Result<GoodCheckpoint> load_checkpoint(Files& files, const std::string& directory) {
  Result<Manifest> manifest = read_manifest_of(files, directory);
  if (!manifest) return tl::unexpected(manifest.error());
  CheckpointMeta& meta = manifest->meta;
  std::vector<Error> bad;
  const Result<void> compared =
      compare_all(files, directory, *manifest, {},
                  {{kGlobals, &meta.globals}, {kIntake, &meta.intake}, {kNode, &meta.node}}, bad);
  if (!compared) return tl::unexpected(compared.error());
  if (!bad.empty()) return tl::unexpected(bad.front());
  return GoodCheckpoint{directory, std::move(meta), std::move(manifest->files), {}};
}

std::vector<std::pair<std::string, std::string_view>> checkpoint_texts(const CheckpointMeta& meta) {
  return {{kGlobals, meta.globals}, {kIntake, meta.intake}, {kNode, meta.node}};
}
std::string manifest_path(const std::string& directory) { return directory + "/" + kManifest; }

std::string checkpoint_path(const std::string& directory, std::uint64_t number) {
  return fmt::format("{}/{:0{}}", directory, number, kNumberDigits);
}

Result<std::vector<std::uint64_t>> list_checkpoints(Files& files, const std::string& directory) {
  const FileResult<std::vector<std::string>> names = files.list(directory);
  std::vector<std::uint64_t> numbers;
  if (!names) {
    if (names.error().code == FileErrc::kNotFound) return numbers;
    return failed(names.error());
  }
  for (const std::string& name : *names) {
    if (const std::optional<std::uint64_t> number = number_of(name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<std::optional<GoodCheckpoint>> newest_good(Files& files, const std::string& directory,
                                                  std::optional<std::uint32_t> semantics) {
  const Result<std::vector<std::uint64_t>> numbers = list_checkpoints(files, directory);
  if (!numbers) return tl::unexpected(numbers.error());
  std::vector<GoodCheckpoint::Damaged> bad;
  for (auto number = numbers->rbegin(); number != numbers->rend(); ++number) {
    const std::string path = checkpoint_path(directory, *number);
    // The head first: a state of another meaning is refused before its files are read.
    const Result<Manifest> manifest = read_manifest_of(files, path);
    if (manifest && semantics && manifest->meta.semantics != *semantics) {
      return tl::unexpected(refused_semantics(path, manifest->meta.semantics, *semantics));
    }
    Result<GoodCheckpoint> good =
        manifest ? load_checkpoint(files, path) : tl::unexpected(manifest.error());
    if (good) {
      good->damaged = std::move(bad);
      return std::optional<GoodCheckpoint>(*std::move(good));
    }
    if (good.error().code != Errc::kCorrupt) return tl::unexpected(good.error());
    bad.push_back({path, good.error().message});
  }
  if (bad.empty()) return std::optional<GoodCheckpoint>();
  std::string message = fmt::format("no checkpoint in {} is whole", directory);
  for (const GoodCheckpoint::Damaged& one : bad) message += "; " + one.message;
  message +=
      ". Put a copy of the folder back, or begin a new data directory from a savepoint: tocsin run "
      "--from SAVEPOINT";
  return fail(Errc::kCorrupt, message);
}
}  // namespace tocsin::runtime
