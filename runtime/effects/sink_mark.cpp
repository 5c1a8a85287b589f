#include "runtime/effects/sink_mark.h"

#include <algorithm>

#include "cep/base/byte_codec.h"
#include "runtime/effects/effect_codec.h"

namespace tocsin::runtime {
namespace {
constexpr std::uint8_t kMarkFormat = 1;

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(Errc::kCorrupt, "the alert store holds " + std::string(what) +
                                  " of a sink that this program did not write");
}
std::string row_prefix(SinkStream stream) { return sink_key(stream) + "/"; }
}  // namespace

std::string_view name_of(SinkStream stream) {
  switch (stream) {
    case SinkStream::kAlerts:
      return "alerts";
    case SinkStream::kLate:
      return "late";
    default:
      return "dead";
  }
}

std::string sink_key(SinkStream stream) { return "sink/" + std::string(name_of(stream)); }

std::string encode_sink_mark(const SinkMark& mark) {
  std::string value;
  ByteWriter to(value);
  to.u8(kMarkFormat);
  to.text(mark.topic);
  to.text(mark.writer);
  to.varint(mark.number);
  to.varint(mark.places.size());
  for (const auto& [partition, offset] : mark.places) {
    to.varint(partition);
    to.varint(offset);
  }
  to.varint(mark.present.size());
  for (const auto& [key, times] : mark.present) {
    to.text(key);
    to.varint(times);
  }
  return value;
}

Result<std::optional<SinkMark>> read_sink_mark(const StoreReader& store, SinkStream stream) {
  const Result<std::optional<std::string>> value = store.get(kMetaFamily, sink_key(stream));
  if (!value) return tl::unexpected(value.error());
  if (!*value) return std::nullopt;
  ByteReader from(**value);
  if (const std::uint8_t format = from.u8(); from.ok() && format > kMarkFormat)
    return fail(Errc::kOtherVersion, "the mark of a sink was written by a newer version of tocsin");
  SinkMark mark;
  mark.topic = from.text();
  mark.writer = from.text();
  mark.number = from.varint();
  for (std::uint64_t left = from.varint(); left > 0 && from.ok(); --left) {
    const auto partition = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
    mark.places[partition] = from.varint();
  }
  for (std::uint64_t left = from.varint(); left > 0 && from.ok(); --left) {
    const std::string key(from.text());
    mark.present[key] = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
  }
  if (!from.is_done()) return damaged("a mark");
  return mark;
}

std::string sink_row_key(SinkStream stream, std::uint64_t number) {
  std::string key = row_prefix(stream);
  append_key_u64(key, number);
  return key;
}

std::string encode_sink_row(const SideOutputRow& row) {
  return side_output_key(row.timeline, row.arrival) + encode_side_output(row);
}

Result<SideOutputRow> decode_sink_row(SideOutputKind kind, std::string_view value) {
  const std::size_t size = side_output_key(0, {}).size();
  if (value.size() < size) return damaged("a row");
  return decode_side_output(kind, value.substr(0, size), value.substr(size));
}

Result<LastSinkRows> last_sink_rows(const StoreReader& store) {
  LastSinkRows rows;
  for (const SideOutputKind kind : {SideOutputKind::kLate, SideOutputKind::kDead}) {
    const Result<std::optional<SinkMark>> mark = read_sink_mark(store, stream_of(kind));
    if (!mark) return tl::unexpected(mark.error());
    if (!*mark) continue;
    const Result<std::uint64_t> last = last_sink_row(store, stream_of(kind), **mark);
    if (!last) return tl::unexpected(last.error());
    rows[static_cast<std::size_t>(kind)] = *last;
  }
  return rows;
}

Result<std::uint64_t> last_sink_row(const StoreReader& store, SinkStream stream,
                                    const SinkMark& mark) {
  std::uint64_t last = mark.number;
  StoreRange range = StoreRange::of_prefix(row_prefix(stream));
  range.is_descending = true;
  const Result<void> read =
      store.scan(kMetaFamily, range, [&](std::string_view key, std::string_view) {
        last = std::max(last, read_key_u64(key.substr(key.size() - sizeof(std::uint64_t))));
        return false;
      });
  if (!read) return tl::unexpected(read.error());
  return last;
}
}  // namespace tocsin::runtime
