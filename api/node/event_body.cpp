#include "api/node/event_body.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "api/rest/router.h"
#include "runtime/event_time/input_form.h"
#include "runtime/io/byte_source.h"

namespace tocsin::api {
namespace {
constexpr std::string_view kNdjson = "application/x-ndjson";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kCloudEvent = "application/cloudevents+json";
constexpr std::string_view kCloudEvents = "application/cloudevents-batch+json";
constexpr std::string_view kNdjsonShort = "application/ndjson";
constexpr std::array<std::string_view, 5> kMediaTypes = {kNdjson, kNdjsonShort, kJson, kCloudEvent,
                                                         kCloudEvents};

tl::unexpected<HttpFault> refuse(int status, std::string detail) {
  return tl::unexpected<HttpFault>(HttpFault{status, std::move(detail)});
}

std::string media_type_of(const RequestHead& head) {
  std::string_view value = head.header("content-type").value_or("");
  value = value.substr(0, value.find(';'));
  while (value.ends_with(' ')) value.remove_suffix(1);
  std::string type(value);
  std::ranges::transform(type, type.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter | 0x20) : letter;
  });
  return type;
}

// Refuses a body that holds no JSON, or JSON that is not one object on each line.
tl::expected<void, HttpFault> check_form(std::string_view body, bool is_lines) {
  const std::optional<runtime::InputForm> form = runtime::other_form(body);
  if (!form || (form->is_json && !is_lines)) return {};
  const char* remedy = "send events as JSON lines, one object on each line, or as a JSON array";
  if (form->is_json) remedy = "send it with Content-Type: application/json";
  if (form->name == "gzip data") remedy = "send it with Content-Encoding: gzip";
  if (form->name == "Zstandard data") remedy = "send it with Content-Encoding: zstd";
  return refuse(400, fmt::format("the body is {}: {}", form->name, remedy));
}

// JSON on one line: line ends stand only between its tokens.
void append_line(std::string& lines, std::string_view json) {
  json = json.substr(0, json.find_last_not_of(" \t\r\n") + 1);
  const std::size_t begin = lines.size();
  lines += json;
  std::replace_if(
      lines.begin() + static_cast<std::ptrdiff_t>(begin), lines.end(),
      [](char letter) { return letter == '\n' || letter == '\r'; }, ' ');
  lines += '\n';
}

std::string quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// An object's text with members before its own.
std::string with_members(std::string_view object, const std::string& members) {
  const std::string_view rest = object.substr(object.find('{') + 1);
  const bool is_empty = rest.find_first_not_of(" \t\r\n") == rest.rfind('}');
  std::string text = "{" + members;
  if (!members.empty() && !is_empty) text += ',';
  return text.append(rest);
}

void add_member(std::string& members, std::string_view name, std::string_view value) {
  if (!members.empty()) members += ',';
  members += quoted(name) + ':' + quoted(value);
}

// The attributes of an envelope that an event gets, and their names there.
struct Attribute {
  std::string_view name;
  std::string_view member;
  bool is_required;
};
constexpr std::array<Attribute, 5> kAttributes = {{{"type", "type", true},
                                                   {"id", "id", true},
                                                   {"time", "ts", false},
                                                   {"source", "source", true},
                                                   {"subject", "subject", false}}};
constexpr std::string_view kVersion = "1.0";
using AttributeValues = std::array<std::optional<std::string>, kAttributes.size()>;

// The members that attributes become; `place` says whose they are, for messages, and `prefix` how
// they are named there.
tl::expected<std::string, HttpFault> members_of(const AttributeValues& values,
                                                const std::string& place, std::string_view prefix) {
  std::string members;
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    if (!values[i] && kAttributes[i].is_required) {
      return refuse(400, fmt::format("{} has no {}{}, which a CloudEvent needs", place, prefix,
                                     kAttributes[i].name));
    }
    if (!values[i]) continue;
    if (values[i]->empty()) {
      return refuse(400, fmt::format("{}: its {}{} is empty", place, prefix, kAttributes[i].name));
    }
    add_member(members, kAttributes[i].member, *values[i]);
  }
  return members;
}

constexpr std::string_view kTraceAttribute = "traceparent";

// One envelope; `place` says which, for messages.
tl::expected<void, HttpFault> append_cloud_event(std::string& lines,
                                                 simdjson::ondemand::object& envelope,
                                                 const std::string& place,
                                                 std::string& trace_parent) {
  std::string data;
  std::string version;
  AttributeValues values;
  for (auto field : envelope) {
    std::string_view key;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS) {
      return refuse(400, place + " is no JSON object");
    }
    if (key == "data") {
      std::string_view raw;
      simdjson::ondemand::value value;
      if (field.value().get(value) != simdjson::SUCCESS ||
          value.type().value_unsafe() != simdjson::ondemand::json_type::object ||
          simdjson::to_json_string(value).get(raw) != simdjson::SUCCESS) {
        return refuse(400, place + ": its data is no JSON object");
      }
      data = raw;
      continue;
    }
    if (key == kTraceAttribute) {
      std::string_view text;
      if (field.value().get_string().get(text) == simdjson::SUCCESS) trace_parent = text;
      continue;
    }
    if (key == "data_base64") {
      return refuse(400, place + " has data_base64; send its data as a JSON object in data");
    }
    const auto* const attribute = std::ranges::find(kAttributes, key, &Attribute::name);
    const bool is_version = key == "specversion";
    if (attribute == kAttributes.end() && !is_version) continue;
    std::string_view text;
    if (field.value().get_string().get(text) != simdjson::SUCCESS) {
      return refuse(400, fmt::format("{}: {} is no text", place, key));
    }
    if (is_version) {
      version = text;
    } else {
      std::optional<std::string>& value =
          values[static_cast<std::size_t>(attribute - kAttributes.begin())];
      if (value) return refuse(400, fmt::format("{} has {} twice", place, key));
      value = text;
    }
  }
  if (version != kVersion) return refuse(400, place + ": its specversion is not 1.0");
  if (data.empty()) return refuse(400, place + " has no data, a JSON object");
  const auto members = members_of(values, place, "");
  if (!members) return tl::unexpected(members.error());
  append_line(lines, with_members(data, *members));
  return {};
}

// Goes through a document that is an object, or an array of them.
template <typename Take>
tl::expected<void, HttpFault> for_each_object(const std::string& body, bool is_array, Take&& take) {
  simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(body);
  simdjson::ondemand::document document;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS) {
    return refuse(400, "the body is no JSON");
  }
  if (!is_array) {
    simdjson::ondemand::object object;
    if (document.get_object().get(object) != simdjson::SUCCESS) {
      return refuse(400, "the body is no JSON object");
    }
    if (auto taken = take(object, "the event"); !taken) return taken;
  } else {
    simdjson::ondemand::array array;
    if (document.get_array().get(array) != simdjson::SUCCESS) {
      return refuse(400, "the body is no JSON array");
    }
    std::size_t number = 0;
    for (auto element : array) {
      const std::string place = fmt::format("event {}", ++number);
      simdjson::ondemand::object object;
      if (element.get_object().get(object) != simdjson::SUCCESS) {
        return refuse(400, place + " of the array is no JSON object");
      }
      if (auto taken = take(object, place); !taken) return taken;
    }
  }
  const char* rest = nullptr;  // there is one where more tokens are
  if (document.current_location().get(rest) == simdjson::SUCCESS) {
    return refuse(400, "the body has text after its JSON");
  }
  return {};
}

tl::expected<std::string, HttpFault> json_lines(const std::string& body) {
  std::string lines;
  const auto first = body.find_first_not_of(" \t\r\n");
  const bool is_array = first != std::string::npos && body[first] == '[';
  const auto read = for_each_object(body, is_array,
                                    [&](simdjson::ondemand::object& object,
                                        const std::string& place) -> tl::expected<void, HttpFault> {
                                      std::string_view raw;
                                      if (object.raw_json().get(raw) != simdjson::SUCCESS) {
                                        return refuse(400, place + " is no JSON object");
                                      }
                                      append_line(lines, raw);
                                      return {};
                                    });
  if (!read) return tl::unexpected(read.error());
  return lines;
}

// Where traces of events go; `of_request` is that of those without one of their own.
struct Traces {
  std::string_view of_request;
  std::vector<runtime::TraceRun>& runs;

  void add(std::uint64_t line, std::string_view given) const {
    const auto own = runtime::read_trace_parent(given);
    runtime::add_trace(runs, line, own ? std::string_view(*own) : of_request);
  }
};

tl::expected<std::string, HttpFault> cloud_event_lines(const std::string& body, bool is_batch,
                                                       const Traces& traces) {
  std::string lines;
  std::uint64_t count = 0;
  const auto read = for_each_object(
      body, is_batch, [&](simdjson::ondemand::object& envelope, const std::string& place) {
        std::string trace_parent;
        auto appended = append_cloud_event(lines, envelope, place, trace_parent);
        traces.add(count++, trace_parent);
        return appended;
      });
  if (!read) return tl::unexpected(read.error());
  return lines;
}

// A header's value as CloudEvents have it (HTTP protocol binding, 3.1.3.2): what stands in quotes
// is taken out of them, then percent-escapes are decoded. Nothing for what is no UTF-8 then.
std::optional<std::string> attribute_value(std::string_view value) {
  if (value.size() < 2 || !value.starts_with('"') || !value.ends_with('"')) {
    return percent_decode(value, false);
  }
  value = value.substr(1, value.size() - 2);
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) ++i;
    text += value[i];
  }
  return percent_decode(text, false);
}

// A request that has one of the headers that each CloudEvent needs is meant as one.
bool is_binary_event(const RequestHead& head) {
  if (head.header("ce-specversion")) return true;
  return std::ranges::any_of(kAttributes, [&](const Attribute& attribute) {
    return attribute.is_required && head.header("ce-" + std::string(attribute.name));
  });
}

// The envelope stands in headers.
tl::expected<std::string, HttpFault> binary_cloud_event(const RequestHead& head,
                                                        const std::string& body) {
  if (head.header("ce-specversion") != kVersion) {
    return refuse(400, "the event's ce-specversion is missing, or is not 1.0");
  }
  AttributeValues values;
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    const std::string name = "ce-" + std::string(kAttributes[i].name);
    const auto count = std::ranges::count(head.headers, name, &HttpHeader::name);
    if (count == 0) continue;
    if (count > 1) return refuse(400, fmt::format("the event has {} twice", name));
    values[i] = attribute_value(*head.header(name));
    if (!values[i]) {
      return refuse(400,
                    fmt::format("the event's {} has a bad percent-escape, or is no UTF-8", name));
    }
  }
  const auto members = members_of(values, "the event", "ce-");
  if (!members) return tl::unexpected(members.error());
  std::string lines;
  const auto read = for_each_object(body, false,
                                    [&](simdjson::ondemand::object& object,
                                        const std::string& place) -> tl::expected<void, HttpFault> {
                                      std::string_view raw;
                                      if (object.raw_json().get(raw) != simdjson::SUCCESS) {
                                        return refuse(400, place + " is no JSON object");
                                      }
                                      append_line(lines, with_members(raw, *members));
                                      return {};
                                    });
  if (!read) return tl::unexpected(read.error());
  return lines;
}
}  // namespace

std::span<const std::string_view> event_media_types() { return kMediaTypes; }

UnpackLimits unpack_limits(const Configuration& configuration) {
  return {static_cast<std::size_t>(configuration.integer("http.unpacked_bytes_max")),
          static_cast<std::size_t>(configuration.integer("http.unpack_ratio_max"))};
}

tl::expected<std::string, HttpFault> unpack_body(std::string body, std::string_view encoding,
                                                 const UnpackLimits& limits,
                                                 BodyBudget::Hold& hold) {
  if (encoding.empty() || encoding == "identity") return body;
  constexpr int kWindowLogMax = 23;
  const std::size_t packed_bytes = body.size();
  const std::size_t by_ratio = limits.ratio_max == 0
                                   ? limits.bytes_max
                                   : std::max(kAnyRatioBytes, limits.ratio_max * packed_bytes);
  const std::size_t bytes_max = std::min(limits.bytes_max, by_ratio);
  std::unique_ptr<runtime::ByteSource> packed;
  if (encoding == "gzip") {
    packed = runtime::read_gzip(runtime::read_memory(std::move(body)), "the body");
  } else if (encoding == "zstd") {
    packed = runtime::read_zstd(runtime::read_memory(std::move(body)), "the body", kWindowLogMax);
  } else {
    return refuse(415, fmt::format("Content-Encoding is {}; gzip and zstd are known", encoding));
  }
  const auto no_room = [] { return refuse(503, std::string(kNoRoomForBody)); };
  std::string result;
  std::size_t counted = 0;  // of the unpacker's own memory
  std::array<char, 16384> block{};
  for (;;) {
    const Result<std::size_t> count = packed->read(block.data(), block.size());
    if (!count) return refuse(400, count.error().message);
    if (const std::size_t memory = packed->memory(); memory > counted) {
      if (!hold.add(memory - counted)) return no_room();
      counted = memory;
    }
    if (*count == 0) break;
    if (*count > bytes_max - result.size()) {
      std::string detail = fmt::format("the body unpacks to more than {} bytes", bytes_max);
      if (bytes_max == limits.bytes_max) return refuse(413, std::move(detail));
      detail += fmt::format(
          ", {} times its {} bytes as it was sent (http.unpack_ratio_max): send "
          "it unpacked, or in parts",
          limits.ratio_max, packed_bytes);
      return tl::unexpected(HttpFault{413, std::move(detail), "packed-too-tightly"});
    }
    if (const std::size_t wanted = result.size() + *count; wanted > result.capacity()) {
      // While it grows both are there.
      const std::size_t before = result.capacity();
      const std::size_t after = std::max(wanted, std::min(2 * before, bytes_max));
      if (!hold.add(after)) return no_room();
      std::string larger;
      larger.reserve(after);
      larger += result;
      if (!result.empty()) hold.give_back(before);
      result = std::move(larger);
    }
    result.append(block.data(), *count);
  }
  hold.give_back(counted);
  return result;
}

std::size_t bytes_to_split(const RequestHead& head, std::size_t body_bytes) {
  const std::string type = media_type_of(head);
  const bool is_one_text =
      type == kJson || type == kCloudEvent || type == kCloudEvents || is_binary_event(head);
  // A copy that the parser may read past, and the lines.
  return is_one_text ? 2 * body_bytes : 0;
}

tl::expected<std::string, HttpFault> event_lines(const RequestHead& head, std::string body,
                                                 std::string_view trace_parent,
                                                 std::vector<runtime::TraceRun>* traces) {
  std::vector<runtime::TraceRun> unwanted;
  const Traces to{trace_parent, traces != nullptr ? *traces : unwanted};
  const std::string type = media_type_of(head);
  if (auto form = check_form(body, type != kJson && type != kCloudEvent && type != kCloudEvents);
      !form) {
    return tl::unexpected(form.error());
  }
  if (type == kCloudEvent) return cloud_event_lines(body, false, to);
  if (type == kCloudEvents) return cloud_event_lines(body, true, to);
  const bool is_binary = is_binary_event(head);
  to.add(0, is_binary ? head.header("ce-traceparent").value_or("") : "");
  if (is_binary) return binary_cloud_event(head, body);
  if (type == kJson) return json_lines(body);
  if (!body.empty() && body.back() != '\n') body += '\n';
  return body;
}
}  // namespace tocsin::api
