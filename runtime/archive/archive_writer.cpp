#include "runtime/archive/archive_writer.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cep/base/assert.h"
#include "cep/base/byte_codec.h"
#include "runtime/archive/archive_keys.h"
#include "runtime/event_time/block_decoder.h"
#include "runtime/io/crash_point.h"
#include "runtime/io/crc32c.h"
#include "runtime/journal/journal_reader.h"

namespace tocsin::runtime {
namespace {
struct FreePacker {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

/// Collects records to blocks and writes these. Threading: one caller at a time.
class BlockWriter {
 public:
  BlockWriter(File& file, const cep::Program& program, const ArchiveWriterOptions& options)
      : file_(file),
        options_(options),
        keys_(program),
        decoder_(program.plan(), keys_.used_fields(), keys_.used_types(),
                 BlockOptions{options.line_bytes_max, kRowsPerBatch}),
        packer_(ZSTD_createCCtx()) {
    TOCSIN_ASSERT(packer_ != nullptr, "zstd has memory");
  }

  Result<void> add(const JournalEntry& entry) {
    if (block_.records == 0) block_.first_sequence = entry.sequence;
    ++block_.records;
    body_.clear();
    body_ += encode_front(entry.record, body_);
    ByteWriter to(records_);
    to.u32(static_cast<std::uint32_t>(body_.size()));
    to.raw(body_);
    if (const auto* const value = std::get_if<ArrivalByValue>(&entry.record)) {
      block_.taken.add(value->taken_at);
      look_at(value->bytes);
    } else if (const auto* const position = std::get_if<ArrivalByPosition>(&entry.record)) {
      block_.taken.add(position->taken_at);
    }
    return records_.size() < options_.block_bytes ? Result<void>() : end_block();
  }

  /// The last block, index and footer.
  Result<ArchiveFooter> finish(std::uint64_t end_sequence) {
    if (block_.records != 0) {
      if (Result<void> ended = end_block(); !ended) return tl::unexpected(ended.error());
    }
    ArchiveFooter footer;
    footer.end_sequence = end_sequence;
    for (const ArchiveBlock& block : index_.blocks) {
      footer.lines += block.lines;
      footer.events += block.events;
      footer.taken.add(block.taken);
      footer.times.add(block.times);
    }
    for (EventReading& reading : keys_.readings()) {
      index_.readings.push_back(std::move(reading.text));
    }
    footer.time_readings = digest_of(keys_.time_readings());
    index_.filter = KeyFilter(digests_);
    const std::string index = encode_archive_index(index_);
    footer.index_offset = at_;
    footer.index_bytes = index.size();
    footer.index_checksum = crc32c(index);
    if (Result<void> written = write(index); !written) return tl::unexpected(written.error());
    if (Result<void> written = write(encode_archive_footer(footer)); !written) {
      return tl::unexpected(written.error());
    }
    return footer;
  }
  std::uint64_t bytes() const { return at_; }

 private:
  static constexpr std::size_t kRowsPerBatch = 2048;

  void look_at(std::string_view lines) {
    lines_.assign(lines);
    lines_.append(kLinePadding, '\n');
    decoder_.decode(std::string_view(lines_).substr(0, lines.size()), false, decoded_);
    block_.lines += static_cast<std::uint32_t>(decoded_.lines.size());
    block_.unknown += static_cast<std::uint32_t>(
        std::ranges::count(decoded_.lines, LineKind::kIgnored, &BlockLine::kind));
    for (std::size_t b = 0; b < decoded_.batch_count; ++b) {
      const cep::Batch& batch = *decoded_.batches[b];
      block_.events += static_cast<std::uint32_t>(batch.rows.size());
      for (const cep::Row& row : batch.rows) {
        block_.times.add(row.ts);
        keys_.append_digests(batch, row, of_block_);
      }
    }
  }

  Result<void> end_block() {
    packed_.resize(ZSTD_compressBound(records_.size()));
    const std::size_t size = ZSTD_compressCCtx(packer_.get(), packed_.data(), packed_.size(),
                                               records_.data(), records_.size(), options_.level);
    TOCSIN_ASSERT(ZSTD_isError(size) == 0, "a block has room for what it may become");
    packed_.resize(size);
    block_.offset = at_;
    block_.bytes = static_cast<std::uint32_t>(size);
    block_.unpacked_bytes = static_cast<std::uint32_t>(records_.size());
    block_.checksum = crc32c(packed_);
    std::ranges::sort(of_block_);
    of_block_.erase(std::unique(of_block_.begin(), of_block_.end()), of_block_.end());
    digests_.push_back(of_block_);
    index_.blocks.push_back(std::exchange(block_, {}));
    of_block_.clear();
    records_.clear();
    return write(packed_);
  }

  Result<void> write(std::string_view bytes) {
    if (const auto written = write_all(file_, at_, bytes); !written) {
      return tl::unexpected(to_error(written.error()));
    }
    at_ += bytes.size();
    return {};
  }

  File& file_;
  ArchiveWriterOptions options_;
  ArchiveKeys keys_;
  BlockDecoder decoder_;
  DecodedBlock decoded_;
  std::unique_ptr<ZSTD_CCtx, FreePacker> packer_;
  std::uint64_t at_ = kArchiveHeaderBytes;
  ArchiveIndex index_;
  std::vector<std::vector<std::uint64_t>> digests_;  // by block
  // The block in work.
  ArchiveBlock block_;
  std::string records_;
  std::vector<std::uint64_t> of_block_;
  std::string body_;
  std::string lines_;
  std::string packed_;
};

Result<ArchiveFile> write_file(Files& files, const std::string& path, JournalReader& journal,
                               std::uint64_t end, cep::EventTime now, const cep::Program& program,
                               const ArchiveWriterOptions& options) {
  FileResult<std::unique_ptr<File>> file = files.open(path, OpenMode::kCreate);
  if (!file) return tl::unexpected(to_error(file.error()));
  ArchiveFile made;
  BlockWriter writer(**file, program, options);
  for (;;) {
    const Result<std::optional<JournalEntry>> entry = journal.next();
    if (!entry) return tl::unexpected(entry.error());
    if (!*entry) break;
    if (made.path.empty()) {
      made.path = path;
      made.header = {(*entry)->sequence, (*entry)->segment->timeline.id,
                     (*entry)->segment->semantics, now};
      const auto written = write_all(**file, 0, encode_archive_header(made.header));
      if (!written) return tl::unexpected(to_error(written.error()));
    }
    if (auto added = writer.add(**entry); !added) return tl::unexpected(added.error());
  }
  const Result<ArchiveFooter> footer = writer.finish(end);
  if (!footer) return tl::unexpected(footer.error());
  made.footer = *footer;
  made.bytes = writer.bytes();
  if (const auto synced = (*file)->sync(); !synced) return tl::unexpected(to_error(synced.error()));
  (*file)->let_go(0, made.bytes);
  return made;
}
}  // namespace

Result<ArchiveFile> write_archive(Files& files, const std::string& journal, std::uint64_t first,
                                  std::uint64_t end, const std::string& directory,
                                  cep::EventTime now, const cep::Program& program,
                                  const ArchiveWriterOptions& options) {
  TOCSIN_ASSERT(first < end, "an archive's file has records");
  Result<JournalReader> reader = JournalReader::open(files, journal, first, end);
  if (!reader) return tl::unexpected(reader.error());
  const std::string unfinished = unfinished_archive_path(directory, first);
  const FileResult<void> removed = files.remove(unfinished);
  if (!removed && removed.error().code != FileErrc::kNotFound) {
    return tl::unexpected(to_error(removed.error()));
  }
  Result<ArchiveFile> made = write_file(files, unfinished, *reader, end, now, program, options);
  if (!made) {
    static_cast<void>(files.remove(unfinished));  // what stays is removed before the next try
    return made;
  }
  made->path = archive_path(directory, first);
  crash_point("archive.written");
  if (const auto named = files.rename(unfinished, made->path); !named) {
    return tl::unexpected(to_error(named.error()));
  }
  if (const auto synced = files.sync_directory(directory); !synced) {
    return tl::unexpected(to_error(synced.error()));
  }
  crash_point("archive.named");
  return made;
}

namespace {
// Gives each record of a file to `take`, until it gives false.
Result<void> for_each_record(const ArchiveFileReader& reader,
                             const std::function<Result<bool>(const JournalEntry&)>& take) {
  for (const ArchiveBlock& block : reader.index().blocks) {
    const Result<std::string> records = reader.read(block);
    if (!records) return tl::unexpected(records.error());
    std::uint64_t sequence = block.first_sequence;
    for (std::size_t at = 0; at + 4 <= records->size();) {
      const std::size_t size = std::min<std::size_t>(
          load_number<std::uint32_t>(records->data() + at), records->size() - at - 4);
      Result<JournalRecord> record = decode_record(std::string_view(*records).substr(at + 4, size));
      if (!record) return tl::unexpected(record.error());
      const Result<bool> goes_on = take({sequence++, *std::move(record), nullptr});
      if (!goes_on) return tl::unexpected(goes_on.error());
      if (!*goes_on) return {};
      at += 4 + size;
    }
  }
  return {};
}

// The record without what is erased; nothing where it has none of it. Its lines are in `lines`.
std::optional<JournalEntry> without(const JournalEntry& entry, ValueFinder& finder,
                                    std::string& lines, std::uint64_t& erased) {
  const auto* const value = std::get_if<ArrivalByValue>(&entry.record);
  if (value == nullptr || !finder.may_be_in(value->bytes)) return std::nullopt;
  const std::uint64_t before = erased;
  lines = finder.without(value->bytes, erased);
  if (erased == before) return std::nullopt;
  ArrivalByValue changed = *value;
  changed.bytes = lines;
  return JournalEntry{entry.sequence, changed, entry.segment};
}
}  // namespace

Result<std::uint64_t> erase_from_archive(Files& files, const ArchiveFile& file, std::uint64_t end,
                                         ValueFinder& finder, const cep::Program& program,
                                         const ArchiveWriterOptions& options) {
  const Result<ArchiveFileReader> reader = ArchiveFileReader::open(files, file.path);
  if (!reader) return tl::unexpected(reader.error());
  std::uint64_t erased = 0;
  std::string lines;
  const Result<void> looked =
      for_each_record(*reader, [&](const JournalEntry& entry) -> Result<bool> {
        if (entry.sequence >= end) return false;
        return !without(entry, finder, lines, erased);
      });
  if (!looked) return tl::unexpected(looked.error());
  if (erased == 0) return 0;
  const std::string directory = file.path.substr(0, file.path.rfind('/'));
  const std::string path = unfinished_archive_path(directory, file.header.first_sequence);
  const FileResult<void> removed = files.remove(path);
  if (!removed && removed.error().code != FileErrc::kNotFound) {
    return tl::unexpected(to_error(removed.error()));
  }
  FileResult<std::unique_ptr<File>> made = files.open(path, OpenMode::kCreate);
  if (!made) return tl::unexpected(to_error(made.error()));
  const auto begun = write_all(**made, 0, encode_archive_header(file.header));
  if (!begun) return tl::unexpected(to_error(begun.error()));
  erased = 0;
  BlockWriter writer(**made, program, options);
  const Result<void> copied =
      for_each_record(*reader, [&](const JournalEntry& entry) -> Result<bool> {
        const std::optional<JournalEntry> changed =
            entry.sequence < end ? without(entry, finder, lines, erased) : std::nullopt;
        const Result<void> added = writer.add(changed ? *changed : entry);
        if (!added) return tl::unexpected(added.error());
        return true;
      });
  if (!copied) return tl::unexpected(copied.error());
  const Result<ArchiveFooter> footer = writer.finish(file.footer.end_sequence);
  if (!footer) return tl::unexpected(footer.error());
  if (const auto synced = (*made)->sync(); !synced) return tl::unexpected(to_error(synced.error()));
  crash_point("archive.erased");
  if (const auto named = files.rename(path, file.path); !named) {
    return tl::unexpected(to_error(named.error()));
  }
  if (const auto synced = files.sync_directory(directory); !synced) {
    return tl::unexpected(to_error(synced.error()));
  }
  return erased;
}
}  // namespace tocsin::runtime
