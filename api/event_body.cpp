#include "api/event_body.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/byte_source.h"

namespace tocsin::api {
namespace {
constexpr std::string_view kNdjson = "application/x-ndjson";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kCloudEvent = "application/cloudevents+json";
constexpr std::string_view kCloudEvents = "application/cloudevents-batch+json";
constexpr std::array<std::string_view, 5> kMediaTypes = {kNdjson, "application/ndjson", kJson,
                                                         kCloudEvent, kCloudEvents};

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

// An object's text with members behind its own.
std::string with_members(std::string_view object, const std::string& members) {
  const std::size_t close = object.rfind('}');
  const bool is_empty = object.substr(0, close).find_last_not_of(" \t\r\n{") == object.npos;
  std::string text(object.substr(0, close));
  if (!members.empty() && !is_empty) text += ',';
  return text + members + '}';
}

void add_member(std::string& members, std::string_view name, std::string_view value) {
  if (!members.empty()) members += ',';
  members += quoted(name) + ':' + quoted(value);
}

// The attributes of an envelope that an event gets, and their names there.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kAttributes = {
    {{"type", "type"}, {"id", "id"}, {"time", "ts"}, {"source", "source"}, {"subject", "subject"}}};

constexpr std::string_view kTraceAttribute = "traceparent";

// One envelope; `place` says which, for messages.
tl::expected<void, HttpFault> append_cloud_event(std::string& lines,
                                                 simdjson::ondemand::object& envelope,
                                                 const std::string& place,
                                                 std::string& trace_parent) {
  std::string members;
  std::string data;
  std::string version;
  std::array<std::string, kAttributes.size()> values;
  std::array<bool, kAttributes.size()> is_known{};
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
    const auto* const attribute =
        std::ranges::find(kAttributes, key, [](const auto& pair) { return pair.first; });
    const bool is_version = key == "specversion";
    if (attribute == kAttributes.end() && !is_version) continue;
    std::string_view text;
    if (field.value().get_string().get(text) != simdjson::SUCCESS) {
      return refuse(400, fmt::format("{}: {} is no text", place, key));
    }
    if (is_version) {
      version = text;
    } else {
      const auto at = static_cast<std::size_t>(attribute - kAttributes.begin());
      values[at] = text;
      is_known[at] = true;
    }
  }
  if (version != "1.0") return refuse(400, place + ": its specversion is not 1.0");
  if (data.empty()) return refuse(400, place + " has no data, a JSON object");
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    if (is_known[i]) add_member(members, kAttributes[i].second, values[i]);
  }
  append_line(lines, with_members(data, members));
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
    return refuse(400, "the body goes on behind its JSON");
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

// The envelope stands in headers.
tl::expected<std::string, HttpFault> binary_cloud_event(const RequestHead& head,
                                                        const std::string& body) {
  if (head.header("ce-specversion") != "1.0") {
    return refuse(400, "the event's ce-specversion is not 1.0");
  }
  std::string members;
  for (const auto& [attribute, name] : kAttributes) {
    const auto value = head.header("ce-" + std::string(attribute));
    if (value) add_member(members, name, *value);
  }
  std::string lines;
  const auto read = for_each_object(body, false,
                                    [&](simdjson::ondemand::object& object,
                                        const std::string& place) -> tl::expected<void, HttpFault> {
                                      std::string_view raw;
                                      if (object.raw_json().get(raw) != simdjson::SUCCESS) {
                                        return refuse(400, place + " is no JSON object");
                                      }
                                      append_line(lines, with_members(raw, members));
                                      return {};
                                    });
  if (!read) return tl::unexpected(read.error());
  return lines;
}
}  // namespace

std::span<const std::string_view> event_media_types() { return kMediaTypes; }

tl::expected<std::string, HttpFault> unpack_body(std::string body, std::string_view encoding,
                                                 std::size_t bytes_max) {
  if (encoding.empty() || encoding == "identity") return body;
  std::unique_ptr<runtime::ByteSource> packed;
  if (encoding == "gzip") {
    packed = runtime::read_gzip(runtime::read_memory(std::move(body)), "the body");
  } else if (encoding == "zstd") {
    packed = runtime::read_zstd(runtime::read_memory(std::move(body)), "the body");
  } else {
    return refuse(415, fmt::format("Content-Encoding is {}; gzip and zstd are known", encoding));
  }
  std::string result;
  std::array<char, 16384> block{};
  for (;;) {
    const Result<std::size_t> count = packed->read(block.data(), block.size());
    if (!count) return refuse(400, count.error().message);
    if (*count == 0) return result;
    if (*count > bytes_max - result.size()) {
      return refuse(413, fmt::format("the body unpacks to more than {} bytes", bytes_max));
    }
    result.append(block.data(), *count);
  }
}

tl::expected<std::string, HttpFault> event_lines(const RequestHead& head, std::string body,
                                                 std::string_view trace_parent,
                                                 std::vector<runtime::TraceRun>* traces) {
  std::vector<runtime::TraceRun> unwanted;
  const Traces to{trace_parent, traces != nullptr ? *traces : unwanted};
  const std::string type = media_type_of(head);
  if (type == kCloudEvent) return cloud_event_lines(body, false, to);
  if (type == kCloudEvents) return cloud_event_lines(body, true, to);
  const bool is_binary = head.header("ce-specversion").has_value();
  to.add(0, is_binary ? head.header("ce-traceparent").value_or("") : "");
  if (is_binary) return binary_cloud_event(head, body);
  if (type == kJson) return json_lines(body);
  if (!body.empty() && body.back() != '\n') body += '\n';
  return body;
}
}  // namespace tocsin::api
