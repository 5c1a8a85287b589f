#include "runtime/node_source.h"

namespace tocsin::runtime {
void write_source(const NodeSource& source, ByteWriter& to) {
  to.text(source.name);
  to.u8(static_cast<std::uint8_t>(source.kind));
  to.text(source.identity);
  to.varint(source.next_offset);
  to.varint(source.lines.number);
  to.u8(source.lines.is_within ? 1 : 0);
  to.u8(source.has_ended ? 1 : 0);
  if (source.kind == SourceKind::kByPosition) source.prefix.save(to);
}

NodeSource read_source(ByteReader& from) {
  NodeSource source;
  source.name = from.text();
  source.kind = from.u8() == 0 ? SourceKind::kByValue : SourceKind::kByPosition;
  source.identity = from.text();
  source.next_offset = from.varint();
  source.lines.number = from.varint();
  source.lines.is_within = from.u8() != 0;
  source.has_ended = from.u8() != 0;
  if (source.kind == SourceKind::kByPosition) source.prefix = PrefixDigest::restore(from);
  return source;
}
}  // namespace tocsin::runtime
