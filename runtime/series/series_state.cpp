#include "runtime/series/series_state.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <span>
#include <utility>

#include "cep/value/identity.h"
#include "cep/value/value.h"

namespace tocsin::runtime {
namespace {
// Names in order often begin alike.
std::size_t common_prefix(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

void write_digest(const RangeDigest& digest, ByteWriter& to) {
  to.raw({reinterpret_cast<const char*>(digest.data()), digest.size()});
}
RangeDigest read_digest(ByteReader& from) {
  RangeDigest digest{};
  const std::string_view bytes = from.raw(digest.size());
  if (bytes.size() == digest.size()) std::memcpy(digest.data(), bytes.data(), digest.size());
  return digest;
}

void write_file(const SeriesFile& file, ByteWriter& to) {
  to.varint(file.inode);
  to.varint(file.size);
  to.signed_varint(file.modified_ns);
  to.varint(file.bytes);
  to.varint(file.lines);
  write_digest(file.digest, to);
}
SeriesFile read_file(ByteReader& from) {
  SeriesFile file;
  file.inode = from.varint();
  file.size = from.varint();
  file.modified_ns = from.signed_varint();
  file.bytes = from.varint();
  file.lines = from.varint();
  file.digest = read_digest(from);
  return file;
}

std::string to_hex(std::string_view bytes) {
  return cep::hex(std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
}
std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    std::uint8_t byte = 0;
    const char* const end = text.data() + i + 2;
    const auto [rest, error] = std::from_chars(text.data() + i, end, byte, 16);
    if (error != std::errc() || rest != end) return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}
}  // namespace

void write_series(const SeriesState& state, ByteWriter& to) {
  to.text(state.file);
  to.text(state.path);
  to.varint(state.device);
  to.varint(state.inode);
  to.signed_varint(state.modified_ns);
  state.read.save(to);
  write_file(state.before, to);
  to.varint(state.done.size());
  std::string_view before;
  for (const auto& [name, file] : state.done) {
    const std::size_t common = common_prefix(before, name);
    to.varint(common);
    to.text(std::string_view(name).substr(common));
    write_file(file, to);
    before = name;
  }
}

SeriesState read_series(ByteReader& from) {
  SeriesState state;
  state.file = from.text();
  state.path = from.text();
  state.device = from.varint();
  state.inode = from.varint();
  state.modified_ns = from.signed_varint();
  state.read = SeriesDigest::restore(from);
  state.before = read_file(from);
  const std::uint64_t count = from.varint_up_to(from.left());
  std::string name;
  for (std::uint64_t i = 0; i < count && from.ok(); ++i) {
    name.resize(static_cast<std::size_t>(from.varint_up_to(name.size())));
    name += from.text();
    state.done.emplace_hint(state.done.end(), name, read_file(from));
  }
  return state;
}

std::string write_series_begin(const SeriesBegin& begin) {
  std::string json = R"({"source":)";
  cep::append_json_string(json, begin.source);
  json += R"(,"file":)";
  cep::append_json_string(json, begin.file);
  json += R"(,"path":)";
  cep::append_json_string(json, begin.path);
  json += fmt::format(R"(,"device":{},"inode":{},"modified":{},"lines":{},"read":")", begin.device,
                      begin.inode, begin.modified_ns, begin.lines);
  std::string read;
  ByteWriter writer(read);
  begin.read.save(writer);
  json += to_hex(read) + R"(","format":)";
  cep::append_json_string(json, begin.format);
  if (begin.left) {
    json += fmt::format(R"(,"left":{{"inode":{},"size":{},"modified":{}}})", begin.left->inode,
                        begin.left->size, begin.left->modified_ns);
  }
  if (!begin.forgotten.empty()) {
    json += R"(,"forgotten":[)";
    for (const std::string& name : begin.forgotten) {
      if (!json.ends_with('[')) json += ',';
      cep::append_json_string(json, name);
    }
    json += ']';
  }
  return json + '}';
}

Result<SeriesBegin> read_series_begin(std::string_view json) {
  const auto corrupt = [] { return fail(Errc::kCorrupt, "a command about files is damaged"); };
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) return corrupt();
  SeriesBegin begin;
  bool is_good = true;
  const auto text = [&](const char* name, std::string& to) {
    std::string_view value;
    is_good = is_good && root[name].get(value) == simdjson::SUCCESS;
    to = value;
  };
  const auto number = [&](const simdjson::dom::element& object, const char* name, auto& to) {
    is_good = is_good && object[name].get(to) == simdjson::SUCCESS;
  };
  std::string read;
  text("source", begin.source);
  text("file", begin.file);
  text("path", begin.path);
  text("read", read);
  text("format", begin.format);
  number(root, "device", begin.device);
  number(root, "inode", begin.inode);
  number(root, "modified", begin.modified_ns);
  number(root, "lines", begin.lines);
  simdjson::dom::element left;
  if (root["left"].get(left) == simdjson::SUCCESS) {
    begin.left.emplace();
    number(left, "inode", begin.left->inode);
    number(left, "size", begin.left->size);
    number(left, "modified", begin.left->modified_ns);
  }
  simdjson::dom::array forgotten;
  if (root["forgotten"].get(forgotten) == simdjson::SUCCESS) {
    for (const simdjson::dom::element element : forgotten) {
      std::string_view name;
      is_good = is_good && element.get(name) == simdjson::SUCCESS;
      begin.forgotten.emplace_back(name);
    }
  }
  const std::optional<std::string> bytes = from_hex(read);
  if (!is_good || !bytes) return corrupt();
  ByteReader reader(*bytes);
  begin.read = SeriesDigest::restore(reader);
  if (!reader.is_done()) return corrupt();
  return begin;
}

void begin_series_file(SeriesState& state, const SeriesBegin& begin, std::uint64_t lines) {
  SeriesFile left = begin.left.value_or(SeriesFile{.inode = state.inode});
  left.bytes = state.read.bytes();
  left.lines = lines;
  left.digest = state.read.digest();
  if (begin.left && !state.file.empty()) state.done.insert_or_assign(state.file, left);
  if (left.bytes != 0) state.before = left;
  for (const std::string& name : begin.forgotten) {
    if (const auto found = state.done.find(name); found != state.done.end())
      state.done.erase(found);
  }
  state.file = begin.file;
  state.path = begin.path;
  state.device = begin.device;
  state.inode = begin.inode;
  state.modified_ns = begin.modified_ns;
  state.read = begin.read;
}
}  // namespace tocsin::runtime
