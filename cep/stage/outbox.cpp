#include "cep/stage/outbox.h"

#include <xxhash.h>

#include <algorithm>

#include "cep/base/assert.h"
#include "cep/compile/program.h"
#include "cep/value/group_range.h"

namespace tocsin::cep {
namespace {
constexpr std::uint8_t kBlockFormat = 2;

std::uint64_t checksum_of(std::string_view messages) {
  return XXH3_64bits(messages.data(), messages.size());
}
}  // namespace

void append_message(std::string& messages, MessageKind kind, std::span<const KeyGroup> groups,
                    std::string_view body) {
  std::string head;
  ByteWriter groups_to(head);
  write_groups(groups_to, groups);
  ByteWriter to(messages);
  to.u8(static_cast<std::uint8_t>(kind));
  to.varint(head.size() + body.size());
  to.raw(head);
  to.raw(body);
}

PlanTag plan_tag(const ProgramImpl& program) {
  const Digest& digest = program.plan_digest;
  return load_number<PlanTag>(reinterpret_cast<const char*>(digest.data()));
}

Error damaged_block() { return {Errc::kCorrupt, "a block of another stage is damaged"}; }

std::string seal_block(PlanTag plan, std::string_view messages) {
  std::string block;
  block.reserve(messages.size() + 1 + sizeof(PlanTag) + sizeof(std::uint64_t));
  ByteWriter to(block);
  to.u8(kBlockFormat);
  to.u64(plan);
  to.u64(checksum_of(messages));
  to.raw(messages);
  return block;
}

void StageOutbox::set_parts(StageEdge edge, std::uint32_t parts) {
  TOCSIN_ASSERT(parts > 0 && parts <= kKeyGroupCount, "each part has key groups");
  parts_[edge] = parts;
}

void StageOutbox::put(PlanTag plan, StageEdge edge, MessageKind kind,
                      std::span<const KeyGroup> groups, std::string_view body) {
  const auto known = parts_.find(edge);
  const std::uint32_t parts = known == parts_.end() ? 1 : known->second;
  while (!groups.empty()) {
    const std::uint32_t part = part_of_group(groups.front(), parts);
    const auto end = std::ranges::find_if(
        groups, [&](KeyGroup group) { return part_of_group(group, parts) != part; });
    const std::size_t count = static_cast<std::size_t>(end - groups.begin());
    std::string& block = open_[{edge, part, plan}];
    const std::size_t before = block.size();
    append_message(block, kind, groups.first(count), body);
    bytes_ += block.size() - before;
    if (block.size() >= kBlockBytes) {
      full_.push_back({edge, part, seal_block(plan, block)});
      bytes_ += full_.back().bytes.size() - block.size();
      open_.erase({edge, part, plan});
    }
    groups = groups.subspan(count);
  }
}

bool StageOutbox::take(StageBlock& block) {
  if (!full_.empty()) {
    block = std::move(full_.front());
    full_.pop_front();
    bytes_ -= block.bytes.size();
    return true;
  }
  if (open_.empty()) return false;
  const auto first = open_.begin();
  const auto& [edge, part, plan] = first->first;
  bytes_ -= first->second.size();
  block = {edge, part, seal_block(plan, first->second)};
  open_.erase(first);
  return true;
}

BlockReader::BlockReader(std::string_view block) : from_(block) {
  const std::uint8_t format = from_.u8();
  plan_ = from_.u64();
  const std::uint64_t checksum = from_.u64();
  const std::string_view messages = from_.raw(from_.left());
  ok_ = from_.ok() && format == kBlockFormat && checksum == checksum_of(messages);
  from_ = ByteReader(ok_ ? messages : std::string_view());
}

bool BlockReader::next(Message& message) {
  if (!ok_ || from_.left() == 0) return false;
  message.kind = static_cast<MessageKind>(from_.u8());
  const std::uint64_t size = from_.varint_up_to(from_.left());
  ByteReader body(from_.raw(size));
  ok_ = from_.ok() && message.kind >= MessageKind::kRow && message.kind <= MessageKind::kLine &&
        read_groups(body, message.groups);
  if (ok_) message.body = body.raw(body.left());
  return ok_;
}
}  // namespace tocsin::cep
