#include "runtime/archive/archive_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <string_view>
#include <utility>

#include "cep/base/byte_codec.h"
#include "runtime/journal/journal_directory.h"

namespace tocsin::runtime {
ArchiveReader::ArchiveReader(Files& files, std::string archive, std::string journal,
                             ArchiveQuestion question)
    : files_(&files),
      archive_(std::move(archive)),
      journal_(std::move(journal)),
      question_(std::move(question)) {}

Result<ArchiveReader> ArchiveReader::open(Files& files, std::string archive, std::string journal,
                                          ArchiveQuestion question) {
  ArchiveReader reader(files, std::move(archive), std::move(journal), std::move(question));
  if (Result<void> found = reader.survey(); !found) return tl::unexpected(found.error());
  return reader;
}

// The files behind position_.
Result<void> ArchiveReader::survey() {
  Result<ArchiveDirectory> found = survey_archive(*files_, archive_);
  if (!found) return tl::unexpected(found.error());
  directory_ = *std::move(found);
  const auto first = std::ranges::find_if(directory_.files, [&](const ArchiveFile& file) {
    return file.footer.end_sequence > position_;
  });
  next_file_ = static_cast<std::size_t>(first - directory_.files.begin());
  return {};
}

Result<std::optional<ArchivedRecord>> ArchiveReader::next() {
  while (!has_ended_) {
    if (rest_) {
      Result<std::optional<JournalEntry>> entry = rest_->next();
      if (!entry && entry.error().code == Errc::kNotFound) {  // let go of meanwhile
        rest_.reset();
        continue;
      }
      has_ended_ = !entry || !*entry;
      if (!entry) return tl::unexpected(entry.error());
      if (!*entry) break;
      position_ = (*entry)->sequence + 1;
      return ArchivedRecord{(*entry)->sequence, std::move((*entry)->record)};
    }
    if (at_ < records_.size()) return next_of_block();
    const Result<bool> is_loaded = load_block();
    if (!is_loaded) return tl::unexpected(is_loaded.error());
    if (*is_loaded) continue;
    const Result<bool> is_there = open_journal();
    has_ended_ = !is_there || !*is_there;
    if (!is_there) return tl::unexpected(is_there.error());
  }
  return std::nullopt;
}

Result<std::optional<ArchivedRecord>> ArchiveReader::next_of_block() {
  const auto size = load_number<std::uint32_t>(records_.data() + at_);
  const std::string_view body = std::string_view(records_).substr(at_ + sizeof size, size);
  at_ += sizeof size + size;
  const std::uint64_t sequence = sequence_++;
  Result<JournalRecord> record = decode_record(body);
  if (!record) {
    return fail(record.error().code,
                fmt::format("{}, record {}: {}", directory_.files[next_file_ - 1].path, sequence,
                            record.error().message));
  }
  return ArchivedRecord{sequence, *std::move(record)};
}

struct ArchiveReader::Ahead {
  explicit Ahead(std::uint64_t offset) : offset(offset) {}
  const std::uint64_t offset;  // of the block
  std::promise<Result<std::string>> records;
};

void ArchiveReader::read_ahead(const ArchiveBlock& block) {
  if (!reading_ahead_) reading_ahead_ = std::make_unique<ThreadExecutor>("archive");
  ahead_ = std::make_shared<Ahead>(block.offset);
  reading_ahead_->post(
      [ahead = ahead_, file = file_, block] { ahead->records.set_value(file->read(block)); });
}

Result<std::string> ArchiveReader::read_block(const ArchiveBlock& block) {
  const std::shared_ptr<Ahead> ahead = std::exchange(ahead_, nullptr);
  Result<std::string> records = ahead && ahead->offset == block.offset
                                    ? ahead->records.get_future().get()
                                    : file_->read(block);
  if (question_.reads_ahead && !blocks_.empty()) read_ahead(blocks_.front());
  return records;
}

// False where no block is left in the archive.
Result<bool> ArchiveReader::load_block() {
  records_.clear();
  at_ = 0;
  while (blocks_.empty()) {
    if (next_file_ == directory_.files.size()) return false;
    if (Result<bool> opened = open_next_file(); !opened) return opened;
  }
  const ArchiveBlock block = blocks_.front();
  blocks_.pop_front();
  Result<std::string> records = read_block(block);
  if (!records) return tl::unexpected(records.error());
  ++figures_.blocks_read;
  sequence_ = block.first_sequence;
  // Its checksum was right, so that only another writer's records could be of other sizes.
  std::size_t end = 0;
  for (std::uint32_t i = 0; i < block.records && records->size() - end >= 4; ++i) {
    const auto size = load_number<std::uint32_t>(records->data() + end);
    if (size > records->size() - end - 4) break;
    end += 4 + size;
  }
  if (end != records->size()) {
    return tl::unexpected(archive_damage(directory_.files[next_file_ - 1].path,
                                         fmt::format("the records at offset {} do not fit their "
                                                     "index",
                                                     block.offset)));
  }
  records_ = *std::move(records);
  return true;
}

Result<bool> ArchiveReader::open_next_file() {
  const ArchiveFile& file = directory_.files[next_file_++];
  reach(file.header.first_sequence);
  position_ = file.footer.end_sequence;
  if (!may_have(file)) {
    const auto later = directory_.files.begin() + static_cast<std::ptrdiff_t>(next_file_);
    const bool is_between =
        question_.keeps_between && has_begun_ &&
        std::any_of(later, directory_.files.end(),
                    [this](const ArchiveFile& other) { return may_have(other); });
    if (!is_between) return true;
  }
  Result<ArchiveFileReader> opened = ArchiveFileReader::open(*files_, file.path);
  if (!opened && opened.error().code == Errc::kNotFound) {  // removed meanwhile, for its age
    gaps_.push_back({file.header.first_sequence, file.footer.end_sequence});
    return true;
  }
  if (!opened) return tl::unexpected(opened.error());
  file_ = std::make_shared<const ArchiveFileReader>(*std::move(opened));
  has_begun_ = true;
  ++figures_.files_read;
  choose_blocks();
  return true;
}

// By what it says at its end.
bool ArchiveReader::may_have(const ArchiveFile& file) const {
  if (question_.taken && !question_.taken->overlaps(file.footer.taken)) return false;
  const bool knows_times = file.footer.time_readings == question_.time_readings;
  return !question_.times || !knows_times || question_.times->overlaps(file.footer.times);
}

void ArchiveReader::choose_blocks() {
  const ArchiveIndex& index = file_->index();
  if (question_.keeps_between) {
    blocks_.assign(index.blocks.begin(), index.blocks.end());
    return;
  }
  bool is_whole = false;   // what the index says is of another reading
  bool has_types = false;  // lines of unknown types may be events now
  for (const EventReading& reading : question_.readings) {
    if (std::ranges::binary_search(index.readings, reading.text)) continue;
    const bool knows_type = std::ranges::any_of(index.readings, [&](const std::string& known) {
      return EventReading::is_of_type(known, reading.type);
    });
    (knows_type ? is_whole : has_types) = true;
  }
  figures_.files_read_whole += is_whole ? 1 : 0;
  std::vector<bool> has_key(index.blocks.size(), question_.keys.empty());
  for (const std::uint64_t digest : question_.keys) {
    for (const std::uint32_t block : index.filter.blocks_of(digest)) has_key[block] = true;
  }
  for (std::size_t i = 0; i < index.blocks.size(); ++i) {
    const ArchiveBlock& block = index.blocks[i];
    const bool is_found =
        has_key[i] && (!question_.times || question_.times->overlaps(block.times));
    const bool may_have = is_found || is_whole || (has_types && block.unknown > 0);
    if (may_have && (!question_.taken || question_.taken->overlaps(block.taken))) {
      blocks_.push_back(block);
    } else {
      ++figures_.blocks_passed;
    }
  }
}

void ArchiveReader::reach(std::uint64_t sequence) {
  if (position_ != 0 && position_ < sequence) gaps_.push_back({position_, sequence});
}

// What the archive does not have yet. False where the journal has nothing more, or is not there;
// where it has let go of what the archive got meanwhile that is read first.
Result<bool> ArchiveReader::open_journal() {
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    const FileResult<std::vector<std::string>> names = files_->list(journal_);
    if (!names && names.error().code == FileErrc::kNotFound) return false;
    Result<JournalDirectory> journal = survey_journal(*files_, journal_);
    if (!journal && journal.error().code == Errc::kNotFound) continue;  // one was just let go of
    if (!journal) return tl::unexpected(journal.error());
    if (journal->segments.empty()) return false;
    const std::uint64_t first = journal->segments.front().header.first_sequence;
    if (first > position_) {
      if (Result<void> found = survey(); !found) return tl::unexpected(found.error());
      if (next_file_ < directory_.files.size()) {
        Result<bool> is_loaded = load_block();
        if (!is_loaded) return is_loaded;
        if (*is_loaded) return true;
        continue;
      }
    }
    reach(first);
    position_ = std::max(position_, first);
    Result<JournalReader> rest = JournalReader::open(*files_, journal_, position_);
    if (!rest && rest.error().code == Errc::kNotFound) continue;
    if (!rest) return tl::unexpected(rest.error());
    rest_ = *std::move(rest);
    return true;
  }
  return fail(Errc::kIo, journal_ + " changes faster than it can be read");
}
}  // namespace tocsin::runtime
