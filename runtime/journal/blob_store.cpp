#include "runtime/journal/blob_store.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "runtime/io/crash_point.h"

namespace tocsin::runtime {
namespace {
constexpr std::string_view kUnfinished = ".new";

std::optional<std::uint8_t> hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') return static_cast<std::uint8_t>(letter - '0');
  if (letter >= 'a' && letter <= 'f') return static_cast<std::uint8_t>(letter - 'a' + 10);
  return std::nullopt;
}

tl::unexpected<Error> failed(const FileError& error) { return tl::unexpected(to_error(error)); }
}  // namespace

std::optional<cep::Digest> digest_of_blob_name(std::string_view name) {
  cep::Digest digest{};
  if (name.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const std::optional<std::uint8_t> high = hex_digit(name[2 * i]);
    const std::optional<std::uint8_t> low = hex_digit(name[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    digest[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  return digest;
}

BlobStore::BlobStore(Files& files, std::string directory)
    : files_(&files), directory_(std::move(directory)) {}

BlobStore BlobStore::look(Files& files, std::string directory) {
  return BlobStore(files, std::move(directory));
}

Result<BlobStore> BlobStore::open(Files& files, std::string directory) {
  const FileResult<void> made = make_durable_directory(files, directory);
  if (!made) return failed(made.error());
  const FileResult<std::vector<std::string>> names = files.list(directory);
  if (!names) return failed(names.error());
  for (const std::string& name : *names) {
    if (!name.ends_with(kUnfinished)) continue;
    const FileResult<void> removed = files.remove(directory + "/" + name);
    if (!removed) return failed(removed.error());
  }
  return BlobStore(files, std::move(directory));
}

std::string BlobStore::path_of(const cep::Digest& digest) const {
  return fmt::format("{}/{}", directory_, cep::hex(digest));
}

Result<cep::Digest> BlobStore::put(std::string_view contents) {
  const cep::Digest digest = cep::sha256(contents);
  const std::string path = path_of(digest);
  // The contents of one that is there were on disk before it had its name; the name may not be,
  // where a sync of the folder failed.
  const Result<std::string> present = get(digest);
  if (!present) {
    const std::string unfinished = path + std::string(kUnfinished);
    FileResult<std::unique_ptr<File>> file = files_->open(unfinished, OpenMode::kCreate);
    if (!file && file.error().code == FileErrc::kExists) {
      // Left by a put() that failed: it may be longer than what is written now.
      const FileResult<void> removed = files_->remove(unfinished);
      if (!removed) return failed(removed.error());
      file = files_->open(unfinished, OpenMode::kCreate);
    }
    if (!file) return failed(file.error());
    FileResult<void> done = write_all(**file, 0, contents);
    crash_point("blob.written");
    if (done) done = (*file)->sync();
    if (done) done = files_->rename(unfinished, path);
    crash_point("blob.named");
    if (!done) {
      // Without space the part that was written is in the way of others.
      (void)files_->remove(unfinished);
      return failed(done.error());
    }
  }
  const FileResult<void> synced = files_->sync_directory(directory_);
  if (!synced) return failed(synced.error());
  return digest;
}

Result<std::string> BlobStore::get(const cep::Digest& digest) const {
  const std::string path = path_of(digest);
  FileResult<std::string> contents = read_whole(*files_, path);
  if (!contents) return failed(contents.error());
  const cep::Digest found = cep::sha256(*contents);
  if (found != digest) {
    return fail(Errc::kCorrupt, fmt::format("{} is damaged: the digest of its {} bytes is {}", path,
                                            contents->size(), cep::hex(found)));
  }
  return *std::move(contents);
}

Result<std::vector<cep::Digest>> BlobStore::list() const {
  const FileResult<std::vector<std::string>> names = files_->list(directory_);
  if (!names) return failed(names.error());
  std::vector<cep::Digest> digests;
  for (const std::string& name : *names) {
    if (const std::optional<cep::Digest> digest = digest_of_blob_name(name))
      digests.push_back(*digest);
  }
  return digests;
}

Result<void> BlobStore::remove(const cep::Digest& digest) {
  const FileResult<void> removed = files_->remove(path_of(digest));
  if (!removed && removed.error().code != FileErrc::kNotFound) return failed(removed.error());
  return {};
}
}  // namespace tocsin::runtime
