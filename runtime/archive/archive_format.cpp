#include "runtime/archive/archive_format.h"

#include <fmt/format.h>

#include <algorithm>

#include "cep/base/byte_codec.h"
#include "runtime/io/crc32c.h"

namespace tocsin::runtime {
namespace {
constexpr std::string_view kMagic = "tocsinAR";
constexpr std::size_t kChecked = kMagic.size() + 4 + 4;  // where the header's checksum begins

void write_span(const TimeSpan& span, ByteWriter& to) {
  to.i64(span.first.us);
  to.i64(span.last.us);
}
TimeSpan read_span(ByteReader& from) {
  TimeSpan span;
  span.first.us = from.i64();
  span.last.us = from.i64();
  return span;
}
// Bytes of a block in the index.
constexpr std::size_t kBlockBytes = 8 + 4 + 4 + 4 + 8 + 4 + 4 + 4 + 4 + 16 + 16;
}  // namespace

Error archive_damage(const std::string& path, const std::string& what) {
  return Error{Errc::kCorrupt, fmt::format("{} is damaged: {}", path, what)};
}

std::string encode_archive_header(const ArchiveHeader& header) {
  std::string rest;
  ByteWriter to(rest);
  to.u64(header.first_sequence);
  for (const std::uint8_t byte : header.timeline) to.u8(byte);
  to.u32(header.semantics);
  to.u32(0);
  to.i64(header.made_at.us);
  to.zeros(kArchiveHeaderBytes - kChecked - rest.size());
  std::string bytes;
  ByteWriter whole(bytes);
  whole.raw(kMagic);
  whole.u32(kArchiveVersion);
  whole.u32(crc32c(rest, kArchiveVersion));
  whole.raw(rest);
  return bytes;
}

Result<ArchiveHeader> decode_archive_header(std::string_view bytes, const std::string& path) {
  ByteReader from(bytes);
  if (bytes.size() != kArchiveHeaderBytes || from.raw(kMagic.size()) != kMagic) {
    return tl::unexpected(archive_damage(path, "it does not begin as a file of the archive"));
  }
  const std::uint32_t version = from.u32();
  if (version > kArchiveVersion) {
    return fail(Errc::kOtherVersion,
                fmt::format("{} has format {}, and this version of Tocsin reads formats up to {}: "
                            "use a newer one",
                            path, version, kArchiveVersion));
  }
  if (from.u32() != crc32c(bytes.substr(kChecked), version)) {
    return tl::unexpected(archive_damage(path, "the checksum of its header is wrong"));
  }
  ArchiveHeader header;
  header.first_sequence = from.u64();
  for (std::uint8_t& byte : header.timeline) byte = from.u8();
  header.semantics = from.u32();
  from.u32();
  header.made_at.us = from.i64();
  return header;
}

std::string encode_archive_index(const ArchiveIndex& index) {
  std::string bytes;
  ByteWriter to(bytes);
  to.u32(static_cast<std::uint32_t>(index.blocks.size()));
  for (const ArchiveBlock& block : index.blocks) {
    to.u64(block.offset);
    to.u32(block.bytes);
    to.u32(block.unpacked_bytes);
    to.u32(block.checksum);
    to.u64(block.first_sequence);
    to.u32(block.records);
    to.u32(block.lines);
    to.u32(block.events);
    to.u32(block.unknown);
    write_span(block.taken, to);
    write_span(block.times, to);
  }
  to.varint(index.readings.size());
  for (const std::string& reading : index.readings) to.text(reading);
  to.u32(index.filter.rows());
  to.raw(index.filter.bits());
  return bytes;
}

Result<ArchiveIndex> decode_archive_index(std::string_view bytes, const std::string& path) {
  const auto damage = [&] {
    return tl::unexpected(archive_damage(path, "its index is not one that Tocsin writes"));
  };
  ByteReader from(bytes);
  ArchiveIndex index;
  const std::uint32_t blocks = from.u32();
  if (std::uint64_t{blocks} * kBlockBytes > from.left()) return damage();
  index.blocks.resize(blocks);
  for (ArchiveBlock& block : index.blocks) {
    block.offset = from.u64();
    block.bytes = from.u32();
    block.unpacked_bytes = from.u32();
    block.checksum = from.u32();
    block.first_sequence = from.u64();
    block.records = from.u32();
    block.lines = from.u32();
    block.events = from.u32();
    block.unknown = from.u32();
    block.taken = read_span(from);
    block.times = read_span(from);
  }
  const std::uint64_t readings = from.varint_up_to(from.left());
  for (std::uint64_t i = 0; i < readings && from.ok(); ++i) {
    index.readings.emplace_back(from.text());
  }
  const std::uint32_t rows = from.u32();
  const std::uint64_t filter_bytes = rows * std::uint64_t{KeyFilter::bytes_of_row(blocks)};
  if (!from.ok() || from.left() != filter_bytes) return damage();
  index.filter = KeyFilter(blocks, rows, from.raw(from.left()));
  return index;
}

std::string encode_archive_footer(const ArchiveFooter& footer) {
  std::string bytes;
  ByteWriter to(bytes);
  to.u64(footer.index_offset);
  to.u64(footer.index_bytes);
  to.u32(footer.index_checksum);
  to.u32(0);
  to.u64(footer.end_sequence);
  to.u64(footer.lines);
  to.u64(footer.events);
  write_span(footer.taken, to);
  write_span(footer.times, to);
  to.u64(footer.time_readings);
  to.u32(crc32c(bytes));
  to.u32(0);
  to.raw(kMagic);
  return bytes;
}

Result<ArchiveFooter> decode_archive_footer(std::string_view bytes, const std::string& path) {
  constexpr std::size_t kTail = 4 + 4 + kMagic.size();
  if (bytes.size() != kArchiveFooterBytes || !bytes.ends_with(kMagic)) {
    return tl::unexpected(archive_damage(path, "it does not end as a file of the archive"));
  }
  ByteReader from(bytes);
  ArchiveFooter footer;
  footer.index_offset = from.u64();
  footer.index_bytes = from.u64();
  footer.index_checksum = from.u32();
  from.u32();
  footer.end_sequence = from.u64();
  footer.lines = from.u64();
  footer.events = from.u64();
  footer.taken = read_span(from);
  footer.times = read_span(from);
  footer.time_readings = from.u64();
  if (from.u32() != crc32c(bytes.substr(0, kArchiveFooterBytes - kTail))) {
    return tl::unexpected(archive_damage(path, "the checksum of its end is wrong"));
  }
  return footer;
}
}  // namespace tocsin::runtime
