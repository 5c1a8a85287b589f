#include "runtime/job_state/job_folder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "cep/base/byte_codec.h"
#include "cep/value/value.h"
#include "runtime/io/crc32c.h"
#include "runtime/journal/file_tree.h"

namespace tocsin::runtime {
namespace {
constexpr std::string_view kHead = "HEAD";
constexpr std::string_view kUnfinished = ".new";
constexpr std::uint8_t kPut = 1;
constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
constexpr std::size_t kEntryHeadBytes = 9;  // up to the key's bytes
constexpr std::size_t kEntryBytesMax = std::size_t{1} << 30;

tl::unexpected<Error> failed(const FileError& error) { return tl::unexpected(to_error(error)); }
tl::unexpected<Error> damaged(const std::string& path, std::string_view what) {
  return fail(Errc::kCorrupt,
              fmt::format("{} is damaged: {}; make the folder anew, or copy it again", path, what));
}
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 100 && name != kHead &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}
}  // namespace

std::string pass_stage(std::uint32_t pass) { return fmt::format("pass-{}", pass); }
std::string hold_stage(std::uint32_t pass) { return fmt::format("hold-{}", pass); }

std::string write_job_head(const JobFolderHead& head) {
  std::string json =
      fmt::format("{{\"format\":{},\"semantics\":{},\"files\":[", kJobFolderFormat, head.semantics);
  for (const JobFolderFile& file : head.files) {
    if (!json.ends_with('[')) json += ',';
    json += "\n{\"name\":";
    cep::append_json_string(json, file.name);
    json += ",\"stage\":";
    cep::append_json_string(json, file.stage);
    json += fmt::format(",\"bytes\":{},\"crc32c\":{},\"entries\":{}}}", file.bytes, file.checksum,
                        file.entries);
  }
  json += "\n]}\n";
  return json;
}

Result<JobFolderHead> read_job_head(std::string_view json, const std::string& path) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  std::uint64_t format = 0;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS ||
      root["format"].get(format) != simdjson::SUCCESS) {
    return damaged(path, "it is no head of a job's state");
  }
  if (format > kJobFolderFormat) {
    return fail(Errc::kOtherVersion,
                fmt::format("{} has format {}, and this program knows formats up to {}: use the "
                            "version of Tocsin that made it",
                            path, format, kJobFolderFormat));
  }
  JobFolderHead head;
  std::uint64_t semantics = 0;
  simdjson::dom::array files;
  if (root["semantics"].get(semantics) != simdjson::SUCCESS ||
      root["files"].get(files) != simdjson::SUCCESS) {
    return damaged(path, "something is missing in it");
  }
  head.semantics = static_cast<std::uint32_t>(semantics);
  for (const simdjson::dom::element one : files) {
    JobFolderFile file;
    std::string_view name;
    std::string_view stage;
    std::uint64_t checksum = 0;
    if (one["name"].get(name) != simdjson::SUCCESS ||
        one["stage"].get(stage) != simdjson::SUCCESS ||
        one["bytes"].get(file.bytes) != simdjson::SUCCESS ||
        one["crc32c"].get(checksum) != simdjson::SUCCESS || checksum > UINT32_MAX ||
        one["entries"].get(file.entries) != simdjson::SUCCESS || !is_name(name)) {
      return damaged(path, "a file is not described");
    }
    file.name = name;
    file.stage = stage;
    file.checksum = static_cast<std::uint32_t>(checksum);
    head.files.push_back(std::move(file));
  }
  return head;
}

JobFolderWriter::JobFolderWriter(Files& files, std::string folder)
    : files_(files), folder_(std::move(folder)), unfinished_(folder_ + std::string(kUnfinished)) {}

JobFolderWriter::~JobFolderWriter() {
  if (!is_finished_) static_cast<void>(remove_tree(files_, unfinished_));
}

Result<std::unique_ptr<JobFolderWriter>> JobFolderWriter::create(Files& files,
                                                                 const std::string& folder) {
  const Result<bool> found = exists(files, folder);
  if (!found) return tl::unexpected(found.error());
  if (*found) {
    return fail(Errc::kConflict,
                fmt::format("{} is there already: name a folder that does not exist yet", folder));
  }
  std::unique_ptr<JobFolderWriter> writer(new JobFolderWriter(files, folder));
  if (auto removed = remove_tree(files, writer->unfinished_); !removed) {
    return tl::unexpected(removed.error());
  }
  const FileResult<void> made = files.make_directory(writer->unfinished_);
  if (!made) return failed(made.error());
  static_cast<void>(files.make_private(writer->unfinished_));  // it says what events say
  return writer;
}

Result<void> JobFolderWriter::put(std::string_view stage, cep::KeyGroup group, std::string_view key,
                                  std::string_view value) {
  auto found = open_.find(stage);
  if (found == open_.end()) {
    found = open_.try_emplace(std::string(stage)).first;
    JobFolderFile& file = found->second.file;
    file.stage = stage;
    file.name = std::string(stage) + ".0";
    FileResult<std::unique_ptr<File>> to =
        files_.open(unfinished_ + "/" + file.name, OpenMode::kCreate);
    if (!to) return failed(to.error());
    found->second.to = *std::move(to);
  }
  Open& open = found->second;
  ByteWriter to(open.waiting);
  to.u8(kPut);
  to.u32(group.value);
  to.u32(static_cast<std::uint32_t>(key.size()));
  to.raw(key);
  to.u32(static_cast<std::uint32_t>(value.size()));
  to.raw(value);
  ++open.file.entries;
  return open.waiting.size() < kBufferBytes ? Result<void>() : write(open);
}

Result<void> JobFolderWriter::write(Open& open) {
  const FileResult<void> written = write_all(*open.to, open.file.bytes, open.waiting);
  if (!written) return failed(written.error());
  open.file.checksum = crc32c(open.waiting, open.file.checksum);
  open.file.bytes += open.waiting.size();
  open.waiting.clear();
  return {};
}

Result<void> JobFolderWriter::finish(std::uint32_t semantics) {
  JobFolderHead head;
  head.semantics = semantics;
  for (auto& [stage, open] : open_) {
    if (auto written = write(open); !written) return written;
    const FileResult<void> synced = open.to->sync();
    if (!synced) return failed(synced.error());
    open.to.reset();
    head.files.push_back(open.file);
  }
  auto done = write_synced(files_, unfinished_ + "/" + std::string(kHead), write_job_head(head));
  if (!done) return done;
  const FileResult<void> named =
      files_.sync_directory(unfinished_)
          .and_then([&] { return files_.rename(unfinished_, folder_); })
          .and_then([&] { return files_.sync_directory(parent_path(folder_)); });
  if (!named) return failed(named.error());
  is_finished_ = true;
  return {};
}

Result<JobFolderReader> JobFolderReader::open(Files& files, const std::string& folder,
                                              std::uint32_t semantics) {
  const std::string path = folder + "/" + std::string(kHead);
  const FileResult<std::string> json = read_whole(files, path);
  if (!json) {
    if (json.error().code != FileErrc::kNotFound) return failed(json.error());
    return fail(Errc::kNotFound,
                fmt::format("{} is not the whole state of a job: {} is missing", folder, path));
  }
  Result<JobFolderHead> head = read_job_head(*json, path);
  if (!head) return tl::unexpected(head.error());
  if (head->semantics != semantics) {
    return fail(Errc::kOtherVersion,
                fmt::format("{} was made under semantics {}, and this program runs under semantics "
                            "{}: use the version of Tocsin that made it",
                            folder, head->semantics, semantics));
  }
  JobFolderReader reader(files, folder);
  reader.head_ = *std::move(head);
  return reader;
}

namespace {
// The next entry at `at`, which moves behind it. 0: more bytes are needed; -1: it is none.
int next_entry(std::string_view bytes, std::size_t& at, cep::KeyGroup& group, std::string_view& key,
               std::string_view& value) {
  const std::string_view rest = bytes.substr(at);
  if (rest.size() < kEntryHeadBytes) return 0;
  ByteReader head(rest.substr(0, kEntryHeadBytes));
  const bool is_put = head.u8() == kPut;
  group.value = head.u32();
  const std::size_t key_bytes = head.u32();
  if (!is_put || group.value >= cep::kKeyGroupCount || key_bytes > kEntryBytesMax) return -1;
  const std::size_t value_at = kEntryHeadBytes + key_bytes + sizeof(std::uint32_t);
  if (rest.size() < value_at) return 0;
  const std::size_t value_bytes =
      ByteReader(rest.substr(value_at - sizeof(std::uint32_t), sizeof(std::uint32_t))).u32();
  if (value_bytes > kEntryBytesMax) return -1;
  if (rest.size() - value_at < value_bytes) return 0;
  key = rest.substr(kEntryHeadBytes, key_bytes);
  value = rest.substr(value_at, value_bytes);
  at += value_at + value_bytes;
  return 1;
}
}  // namespace

Result<void> JobFolderReader::read(const JobFolderFile& file, const Take& take) {
  const std::string path = folder_ + "/" + file.name;
  FileResult<std::unique_ptr<File>> from = files_->open(path, OpenMode::kRead);
  if (!from && from.error().code == FileErrc::kNotFound) {
    return fail(Errc::kCorrupt, fmt::format("{} is missing: copy the folder again", path));
  }
  if (!from) return failed(from.error());
  std::string buffer;  // what was read and not given
  std::string part;
  std::uint64_t offset = 0;
  std::uint64_t entries = 0;
  std::uint32_t checksum = 0;
  Result<void> taken;  // why it is refused, unless that is damage
  for (;;) {
    const FileResult<void> read = read_range(**from, offset, kBufferBytes, part);
    if (!read) return failed(read.error());
    if (part.empty()) break;
    offset += part.size();
    checksum = crc32c(part, checksum);
    buffer += part;
    std::size_t at = 0;
    cep::KeyGroup group;
    std::string_view key;
    std::string_view value;
    int found = 0;
    while ((found = next_entry(buffer, at, group, key, value)) > 0) {
      ++entries;
      if (taken) taken = take(group, key, value);
    }
    if (found < 0) return damaged(path, "it has bytes that are no entry");
    buffer.erase(0, at);
  }
  if (offset != file.bytes) {
    return damaged(path, fmt::format("it has {} bytes, and had {}", offset, file.bytes));
  }
  if (checksum != file.checksum || !buffer.empty() || entries != file.entries) {
    return damaged(path, "its bytes are not those that were written");
  }
  return taken;
}

Result<void> JobFolderReader::read(std::string_view stage, const Take& take) {
  for (const JobFolderFile& file : head_.files) {
    if (file.stage != stage) continue;
    if (auto done = read(file, take); !done) return done;
  }
  return {};
}
}  // namespace tocsin::runtime
