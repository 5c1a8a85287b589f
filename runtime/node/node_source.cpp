#include "runtime/node/node_source.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "cep/value/value.h"
#include "runtime/decode/undecoded_message.h"
#include "runtime/journal/journal_record.h"

namespace tocsin::runtime {
std::string message_identity(std::string_view lines) {
  lines.remove_suffix(1);
  const std::string_view line = lines.substr(lines.rfind('\n') + 1);
  // These may be read otherwise at the next start, with a schema or in a format that is known then.
  if (line.starts_with('\0') || undecoded_reason(line)) return std::string(kNoMessage);
  const RangeDigest digest = digest_range(line);
  return {digest.begin(), digest.end()};
}

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

void write_producer(const NodeSource& source, ByteWriter& to) {
  to.text(source.owner);
  to.i64(source.used_at.us);
  source.samples.save(to);
}

void read_producer(ByteReader& from, NodeSource& source) {
  source.owner = from.text();
  source.used_at = cep::EventTime{from.i64()};
  source.samples = LineSamples::restore(from);
}

std::string producer_source(std::string_view producer) {
  return fmt::format("{}/{}", kPushed, producer);
}

std::string write_producer_command(const ProducerCommand& command) {
  std::string json = R"({"do":)";
  json += command.removes ? R"("remove")" : R"("own","owner":)";
  if (!command.removes) cep::append_json_string(json, command.owner);
  json += R"(,"producers":[)";
  for (const std::string& producer : command.producers) {
    if (!json.ends_with('[')) json += ',';
    cep::append_json_string(json, producer);
  }
  json += "]}";
  return json;
}

Result<ProducerCommand> read_producer_command(std::string_view json) {
  const auto corrupt = [] { return fail(Errc::kCorrupt, "a command about producers is damaged"); };
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  std::string_view what;
  std::string_view owner;
  simdjson::dom::array producers;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS ||
      root["do"].get(what) != simdjson::SUCCESS ||
      root["producers"].get(producers) != simdjson::SUCCESS) {
    return corrupt();
  }
  ProducerCommand command;
  command.removes = what == "remove";
  if (!command.removes && (what != "own" || root["owner"].get(owner) != simdjson::SUCCESS)) {
    return corrupt();
  }
  command.owner = owner;
  for (const simdjson::dom::element element : producers) {
    std::string_view producer;
    if (element.get(producer) != simdjson::SUCCESS) return corrupt();
    command.producers.emplace_back(producer);
  }
  return command;
}
}  // namespace tocsin::runtime
