#include "runtime/inputs/alert_message.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>

#include "cep/plan/severity.h"
#include "cep/value/time.h"
#include "runtime/decode/decoder.h"
#include "runtime/effects/effect_codec.h"

namespace tocsin::runtime {
namespace {
using simdjson::SUCCESS;
static_assert(kLinePadding >= simdjson::SIMDJSON_PADDING);

tl::unexpected<Error> no_alert(std::string_view why) {
  return fail(Errc::kInvalidArgument, fmt::format("it is no alert of format 1: {}", why));
}
std::optional<cep::Severity> severity_of(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(cep::Severity::kCritical); ++i) {
    const auto severity = static_cast<cep::Severity>(i);
    if (cep::severity_name(severity) == name) return severity;
  }
  return std::nullopt;
}
bool are_texts(simdjson::dom::element element) {
  simdjson::dom::array array;
  if (element.get(array) != SUCCESS) return false;
  for (const simdjson::dom::element one : array) {
    if (!one.is_string()) return false;
  }
  return true;
}

// Without the white space between members: who shows and filters alerts counts on that.
Result<std::string> minified(std::string_view text) {
  std::string line(text.size() + simdjson::SIMDJSON_PADDING, '\0');
  std::size_t size = 0;
  if (simdjson::minify(text.data(), text.size(), line.data(), size) != SUCCESS)
    return no_alert("it is not JSON");
  line.resize(size);
  return line;
}

// What filters, silences and webhooks read of any alert.
Result<void> check_members(simdjson::dom::object alert) {
  simdjson::dom::object object;
  if (alert["key"].get(object) != SUCCESS) return no_alert("its `key` must be an object");
  if (alert["fields"].get(object) != SUCCESS) return no_alert("its `fields` must be an object");
  simdjson::dom::element element;
  if (alert["tags"].get(element) != SUCCESS || !are_texts(element))
    return no_alert("its `tags` must be an array of texts");
  std::string_view text;
  if (alert["message"].get(text) != SUCCESS) return no_alert("its `message` must be a text");
  return {};
}
}  // namespace

Result<StoredAlert> read_alert_message(std::string_view text, std::size_t line_bytes_max) {
  if (text.size() > line_bytes_max) {
    return fail(Errc::kInvalidArgument,
                fmt::format("the line is longer than {} bytes", line_bytes_max));
  }
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.parse(text.data(), text.size(), false).get(root); error != SUCCESS)
    return no_alert(fmt::format("it is not JSON: {}", simdjson::error_message(error)));
  simdjson::dom::object alert;
  if (root.get(alert) != SUCCESS) return no_alert("it is not a JSON object");
  std::uint64_t format = 0;
  if (alert["format"].get(format) != SUCCESS) return no_alert("it has no number `format`");
  if (format != 1) {
    return fail(
        Errc::kInvalidArgument,
        fmt::format("it is an alert of format {}, and this program reads format 1", format));
  }
  StoredAlert read;
  std::string_view member;
  if (alert["id"].get(member) != SUCCESS || !read_alert_id(member))
    return no_alert("its `id` must be 32 lower-case hex digits");
  read.id = member;
  if (alert["rule"].get(member) != SUCCESS || member.empty())
    return no_alert("its `rule` must be the id of a rule");
  read.rule = member;
  if (alert["severity"].get(member) != SUCCESS || !severity_of(member))
    return no_alert("its `severity` must be info, low, medium, high or critical");
  read.severity = *severity_of(member);
  if (alert["ts"].get(read.ts.us) != SUCCESS || read.ts < cep::kEventTimeMin ||
      read.ts > cep::kEventTimeMax) {
    return no_alert("its `ts` must be a time in microseconds");
  }
  if (alert["revision"].get(read.revision) != SUCCESS)
    return no_alert("its `revision` must be a number");
  if (Result<void> checked = check_members(alert); !checked) return tl::unexpected(checked.error());
  Result<std::string> line = minified(text);
  if (!line) return tl::unexpected(line.error());
  read.line = *std::move(line);
  read.order.time = read.ts;
  return read;
}
}  // namespace tocsin::runtime
