#include "runtime/journal/end_mark.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "cep/base/byte_codec.h"
#include "runtime/io/crc32c.h"

namespace tocsin::runtime {
namespace {
constexpr std::string_view kMagic = "tocsinE\n";
constexpr std::size_t kSlotBytes = 4096;
constexpr std::size_t kUsedBytes = 24;
constexpr std::size_t kEndAt = 8;
constexpr std::size_t kFormatAt = 16;
constexpr std::size_t kCrcAt = 20;
constexpr unsigned kSlotsInTurn = 2;
constexpr unsigned kSlots = kSlotsInTurn + 1;
// 0, of builds before the first release, has the same bytes.
constexpr std::uint32_t kFormat = 1;

std::string encode_slot(std::uint64_t end) {
  std::string slot;
  ByteWriter writer(slot);
  writer.raw(kMagic);
  writer.u64(end);
  writer.u32(kFormat);
  writer.u32(crc32c(slot));
  return slot;
}

struct Slots {
  bool is_good = false;  // one can be read
  std::uint64_t end = 0;
  std::uint32_t format = 0;  // the greatest
};
Slots read_slots(std::string_view bytes) {
  Slots slots;
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    if (bytes.size() < slot * kSlotBytes + kUsedBytes) break;
    const std::string_view used = bytes.substr(slot * kSlotBytes, kUsedBytes);
    if (!used.starts_with(kMagic) ||
        crc32c(used.substr(0, kCrcAt)) != load_number<std::uint32_t>(used.data() + kCrcAt)) {
      continue;
    }
    slots.is_good = true;
    slots.end = std::max(slots.end, load_number<std::uint64_t>(used.data() + kEndAt));
    slots.format = std::max(slots.format, load_number<std::uint32_t>(used.data() + kFormatAt));
  }
  return slots;
}

// Written under another name first: a mark that cannot be read is then always a damaged one, never
// one whose making was cut short.
FileResult<std::unique_ptr<File>> begin_mark(Files& files, const std::string& path,
                                             std::uint64_t end) {
  const std::string folder = path.substr(0, path.find_last_of('/'));
  if (FileResult<void> made = make_durable_directory(files, folder); !made) {
    return tl::unexpected(made.error());
  }
  const std::string unfinished = path + ".new";
  FileResult<std::unique_ptr<File>> file = files.open(unfinished, OpenMode::kCreate);
  if (!file && file.error().code == FileErrc::kExists) {
    file = files.open(unfinished, OpenMode::kWrite);
  }
  if (!file) return file;
  std::string bytes;
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    bytes += encode_slot(end);
    bytes.resize((slot + 1) * kSlotBytes);
  }
  FileResult<void> written = write_all(**file, 0, bytes);
  if (written) written = (*file)->sync();
  if (written) written = files.rename(unfinished, path);
  if (written) written = files.sync_directory(folder);
  if (!written) return tl::unexpected(written.error());
  return file;
}
}  // namespace

Result<KnownEnd> read_end_mark(Files& files, const std::string& path) {
  const FileResult<std::string> bytes = read_whole(files, path);
  if (!bytes) {
    if (bytes.error().code == FileErrc::kNotFound) return KnownEnd{};
    return tl::unexpected(to_error(bytes.error()));
  }
  const Slots slots = read_slots(*bytes);
  if (slots.format > kFormat) {
    return fail(Errc::kOtherVersion,
                fmt::format("{} has format {}, and this program knows formats up to {}: use the "
                            "version of tocsin that wrote it, or a later one",
                            path, slots.format, kFormat));
  }
  return KnownEnd{slots.is_good ? EndMarkState::kGood : EndMarkState::kDamaged, slots.end};
}

Result<std::unique_ptr<EndMark>> EndMark::open(Files& files, const std::string& path,
                                               std::uint64_t end) {
  const Result<KnownEnd> known = read_end_mark(files, path);
  if (!known) return tl::unexpected(known.error());
  const bool is_good = known->state == EndMarkState::kGood;
  FileResult<std::unique_ptr<File>> file =
      is_good ? files.open(path, OpenMode::kWrite) : begin_mark(files, path, end);
  if (!file) return tl::unexpected(to_error(file.error()));
  std::unique_ptr<EndMark> mark(new EndMark(*std::move(file), is_good ? known->end : end));
  mark->advance(end);
  if (is_good) mark->secure();
  return mark;
}

void EndMark::advance(std::uint64_t end) {
  if (end <= end_) return;
  // The same slot again after a failure: the other one can be read.
  if (!write_all(*file_, next_slot_ * kSlotBytes, encode_slot(end))) return;
  end_ = end;
  next_slot_ = (next_slot_ + 1) % kSlotsInTurn;
}

// The slots in turn are on disk before the last one changes, and it is before they do again. One
// that fails leaves it older.
void EndMark::secure() {
  if (!file_->sync()) return;
  if (!write_all(*file_, kSlotsInTurn * kSlotBytes, encode_slot(end_))) return;
  sync();
}

void EndMark::sync() { static_cast<void>(file_->sync()); }
}  // namespace tocsin::runtime
